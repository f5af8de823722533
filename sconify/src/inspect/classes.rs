//! What an enclave's pages are for, and what of them is measured.

use serde::Serialize;
use sgx::sgxs::Chunks;
use sgx::{PageType, SecInfo};

use crate::layout::{Area, AreaKind, Layout};
use crate::reading::{Pages, Reading, Run};

/// Pages for one purpose, with the same permissions and measured alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Class {
    /// What they're for.
    pub purpose: Purpose,
    /// As in `r-x`; `tcs` for a thread control structure.
    pub permissions: String,
    /// What of them is measured.
    pub measured: Measured,
    /// Offset of the first from the enclave's base.
    pub offset: u64,
    /// How many pages.
    pub pages: u64,
    /// How many times the purpose is there: threads, segments.
    pub count: u64,
}

/// What pages are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A segment of the program.
    Program,
    /// The enclave's manifest.
    Manifest,
    /// What a thread finds at its FS and GS.
    Tls,
    /// Thread control structures.
    Tcs,
    /// The heap.
    Heap,
    /// Stacks.
    Stack,
    /// Frames of saved state.
    Ssa,
    /// Nobody said: the stream has no manifest, or its pages are not where the manifest says.
    Unknown,
}

/// What of pages is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// Their place, their permissions and all their bytes.
    Bytes,
    /// Their place, their permissions and some of their bytes.
    SomeBytes,
    /// Their place and their permissions. The host chooses the bytes.
    Place,
}

impl Purpose {
    /// What a person calls the pages.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Manifest => "manifest",
            Self::Tls => "thread data (TLS)",
            Self::Tcs => "thread control (TCS)",
            Self::Heap => "heap",
            Self::Stack => "stacks",
            Self::Ssa => "saved state (SSA)",
            Self::Unknown => "pages",
        }
    }

    pub(crate) const fn of(kind: AreaKind) -> Option<Self> {
        match kind {
            AreaKind::Program(_) => Some(Self::Program),
            AreaKind::Manifest => Some(Self::Manifest),
            AreaKind::Heap => Some(Self::Heap),
            AreaKind::Guard(_) => None,
            AreaKind::Stack(_) => Some(Self::Stack),
            AreaKind::Tls(_) => Some(Self::Tls),
            AreaKind::Tcs(_) => Some(Self::Tcs),
            AreaKind::Ssa(_) => Some(Self::Ssa),
        }
    }
}

/// All pages in classes: by offset of the first, those for threads in one class for all.
#[must_use]
pub fn classes(reading: &Reading, layout: Option<&Layout>) -> Vec<Class> {
    let areas = layout.map_or(&[][..], Layout::areas);
    let mut classes: Vec<Class> = Vec::new();
    for piece in pieces(&reading.pages, areas) {
        let same = |class: &&mut Class| {
            let joins = match piece.purpose {
                // Segments and pages of unknown purpose are shown where they stand.
                Purpose::Program | Purpose::Unknown => {
                    class.offset + class.pages * crate::reading::PAGE == piece.offset
                }
                _ => true,
            };
            joins
                && class.purpose == piece.purpose
                && class.permissions == piece.permissions
                && class.measured == piece.measured
        };
        match classes.iter_mut().rev().find(same) {
            Some(class) => {
                class.pages += piece.pages;
                class.count += piece.count;
            }
            None => classes.push(piece),
        }
    }
    classes
}

/// The runs, cut where areas begin and end.
fn pieces(pages: &Pages, areas: &[Area]) -> Vec<Class> {
    let mut pieces = Vec::new();
    for run in pages.runs() {
        let mut at = run.offset;
        while at < run.end() {
            let after = areas.partition_point(|area| area.offset <= at);
            let area = areas[..after].last().filter(|area| at < area.end());
            let next = areas.get(after).map_or(u64::MAX, |area| area.offset);
            let end = area.map_or(next, Area::end).min(run.end());
            let purpose = area.filter(|area| fits(area, run));
            let purpose = purpose.and_then(|area| Purpose::of(area.kind));
            pieces.push(Class {
                purpose: purpose.unwrap_or(Purpose::Unknown),
                permissions: permissions(run.info),
                measured: measured(run),
                offset: at,
                pages: (end - at) / crate::reading::PAGE,
                count: u64::from(area.is_none_or(|area| area.offset == at)),
            });
            at = end;
        }
    }
    pieces
}

/// Whether pages are what the layout says that they are.
fn fits(area: &Area, run: &Run) -> bool {
    let measured = if area.measured {
        Chunks::ALL
    } else {
        Chunks::NONE
    };
    area.info == Some(run.info) && run.measured == measured
}

fn measured(run: &Run) -> Measured {
    match run.measured {
        Chunks::ALL => Measured::Bytes,
        Chunks::NONE => Measured::Place,
        _ => Measured::SomeBytes,
    }
}

fn permissions(info: SecInfo) -> String {
    match info.page_type {
        PageType::Tcs => "tcs".to_owned(),
        PageType::Reg => info.permissions.to_string(),
    }
}
