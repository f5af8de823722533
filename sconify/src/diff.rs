//! Two images compared: what makes their measurements differ, and why.
//!
//! Nothing is disassembled and nothing is held that grows with the enclave. Where a function grew and
//! everything behind it moved, what merely moved is told from what changed: see [`SymbolDifferences`].

mod addresses;
mod align;
mod cause;
mod changes;
mod pages;
#[cfg(test)]
pub(crate) mod sample;
mod symbols;
#[cfg(test)]
mod tests;
mod text;
mod traces;
mod unnamed;

use std::path::Path;

use serde::Serialize;

use crate::inspect::Purpose;
use crate::layout::Layout;
use crate::reading::{Beside, Error, PAGE, Reading, Workload};
use crate::symbols::Symbols;
use crate::{Exit, Fault};

pub use cause::{Cause, CauseSort};
pub use changes::{Change, ProvenanceDifference};
pub use pages::{PageDifference, PageKind, Way};
pub use symbols::{Changed, Placed, Resized, SymbolDifferences};
pub use traces::Traces;
pub use unnamed::{Piece, Unnamed};

use addresses::{Known, Moves};
use symbols::Pairs;
use unnamed::Gaps;

/// Two images side by side. It displays itself for people.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Where the images are.
    pub images: [String; 2],
    /// Their measurements, with their kind.
    pub mrenclave: [String; 2],
    /// Whether these are the same.
    pub same_measurement: bool,
    /// Whether nothing at all differs, measured or not.
    pub identical: bool,
    /// Why the measurements differ, the likeliest first.
    pub causes: Vec<Cause>,
    /// What ECREATE and the measured `enclave.toml` say.
    pub parameters: Vec<Change>,
    /// What else the enclave's manifest says.
    pub manifest: Vec<Change>,
    /// What the programs run for requesters.
    pub workloads: Vec<Change>,
    /// What the file manifests list.
    pub files: Vec<Change>,
    /// The pages, by purpose.
    pub pages: Vec<Pages>,
    /// Whether pages of the program are among them.
    pub program_differs: bool,
    /// Functions and variables; `None` if an image has no file of symbols, or the programs are the
    /// same.
    pub symbols: Option<SymbolDifferences>,
    /// What has no symbol.
    pub unnamed: Vec<Unnamed>,
    /// How they were made.
    pub provenance: ProvenanceDifference,
    /// Whether both say that the linker wrote the same file.
    pub same_linked: Option<bool>,
    /// Paths, times, compilers and packages that only the first program names.
    pub only_first: Traces,
    /// Those that only the second program names.
    pub only_second: Traces,
    /// Who signed them and for what. Not measured.
    pub signature: Vec<Change>,
    /// Other members. Not measured.
    pub members: Vec<Change>,
    /// The workloads of both, to name functions by.
    #[serde(skip)]
    known_workloads: Vec<Workload>,
}

/// Two images differ: the answer of `sconify diff`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Differ(&'static str);

impl Fault for Differ {
    fn code(&self) -> &'static str {
        "image.differs"
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Pages that differ, and what they're for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pages {
    /// What they're for, in the image that has them.
    pub purpose: Purpose,
    /// Where, and how they differ.
    #[serde(flatten)]
    pub difference: PageDifference,
    /// The first symbols that lie in them, if they're of the program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
}

/// Reads and compares two images, or streams.
///
/// # Errors
///
/// Those of [`Reading::open`].
pub fn diff(first: &Path, second: &Path) -> Result<Comparison, crate::Error> {
    compare(&Reading::open(first)?, &Reading::open(second)?)
}

/// Compares two images that have been read.
///
/// # Errors
///
/// Those of temporary files, and of reading members of the images.
pub fn compare(first: &Reading, second: &Reading) -> Result<Comparison, crate::Error> {
    let pages = pages(first, second)?;
    let program_differs = pages.iter().any(|one| {
        matches!(one.purpose, Purpose::Program | Purpose::Unknown)
            && one.difference.way != Way::UnmeasuredContent
    });
    let provenance = changes::provenance(first, second);
    let told = (program_differs, !provenance.is_empty());
    let files = changes::files(first, second);
    let mut found = Comparison {
        images: [first.name.clone(), second.name.clone()],
        mrenclave: [first, second].map(|one| one.digest().to_string()),
        same_measurement: first.summary.mrenclave == second.summary.mrenclave,
        identical: false,
        causes: Vec::new(),
        parameters: changes::parameters(first, second),
        manifest: changes::manifest(first, second),
        workloads: changes::workloads(first, second),
        pages,
        program_differs,
        symbols: None,
        unnamed: Vec::new(),
        provenance,
        same_linked: same_linked(first, second),
        only_first: Traces::default(),
        only_second: Traces::default(),
        signature: changes::signature(first, second),
        members: changes::members(first, second, told, &files)?,
        files,
        known_workloads: [first, second]
            .into_iter()
            .flat_map(|one| one.workloads.iter().flatten().cloned())
            .collect(),
    };
    if program_differs {
        programs(first, second, &mut found)?;
    }
    found.identical = found.is_identical();
    found.causes = cause::causes(&found);
    Ok(found)
}

impl Comparison {
    /// The answer.
    ///
    /// # Errors
    ///
    /// [`Differ`] if anything differs, measured or not.
    pub fn answer(&self) -> Result<(), Differ> {
        if self.identical {
            Ok(())
        } else if self.same_measurement {
            Err(Differ("the images differ; their measurements do not"))
        } else {
            Err(Differ("the measurements differ"))
        }
    }

    fn is_identical(&self) -> bool {
        self.same_measurement
            && self.pages.is_empty()
            && self.files.is_empty()
            && (self.provenance.is_empty() || self.provenance.missing.len() == 2)
            && self.signature.is_empty()
            && self.members.is_empty()
    }
}

/// Page differences, cut where purposes begin and end.
fn pages(first: &Reading, second: &Reading) -> Result<Vec<Pages>, Error> {
    let differences = pages::compare(&first.pages, &second.pages).map_err(Error::Scratch)?;
    let sides = [first, second].map(Side::new);
    let mut found: Vec<Pages> = Vec::new();
    for difference in differences {
        let [first, second] = &sides;
        let side = if difference.way == Way::OnlySecond {
            second
        } else {
            first
        };
        let end = difference.offset + difference.pages * PAGE;
        let mut at = difference.offset;
        while at < end {
            let (purpose, next) = side.purpose(at, end);
            let pages = Pages {
                purpose,
                difference: PageDifference {
                    offset: at,
                    pages: (next - at) / PAGE,
                    way: difference.way,
                },
                symbols: side.names(at, next),
            };
            found.push(pages);
            at = next;
        }
    }
    Ok(found)
}

/// An image, to ask what stands where.
struct Side<'a> {
    layout: Option<Layout>,
    symbols: Option<&'a Symbols>,
}

impl<'a> Side<'a> {
    fn new(reading: &'a Reading) -> Self {
        let manifest = reading.manifest.as_ref().zip(reading.program.as_ref());
        Self {
            layout: manifest.and_then(|(manifest, program)| Layout::again(manifest, program).ok()),
            symbols: symbols_of(reading),
        }
    }

    /// What the page at `at` is for, and up to where pages are for the same, at most to `end`.
    fn purpose(&self, at: u64, end: u64) -> (Purpose, u64) {
        let areas = self.layout.as_ref().map_or(&[][..], Layout::areas);
        let after = areas.partition_point(|area| area.offset <= at);
        let area = areas[..after].last().filter(|area| at < area.end());
        match area {
            Some(area) => {
                let purpose = Purpose::of(area.kind).unwrap_or(Purpose::Unknown);
                (purpose, area.end().min(end))
            }
            None => {
                let next = areas.get(after).map_or(end, |area| area.offset);
                (Purpose::Unknown, next.min(end))
            }
        }
    }

    fn names(&self, from: u64, to: u64) -> Vec<String> {
        const SHOWN: usize = 3;
        let Some(symbols) = self.symbols else {
            return Vec::new();
        };
        let before = symbols.at(from).filter(|symbol| symbol.offset < from);
        let all = before.into_iter().chain(symbols.between(from, to));
        all.take(SHOWN).map(|symbol| symbol.name.clone()).collect()
    }
}

/// The symbols of an image that has some.
fn symbols_of(reading: &Reading) -> Option<&Symbols> {
    let symbols = reading
        .beside
        .as_ref()
        .map(|beside: &Beside| &beside.symbols)?;
    (!symbols.is_empty()).then_some(symbols)
}

/// Compares functions, variables, what lies between them, and the traces that their builds left.
fn programs(first: &Reading, second: &Reading, found: &mut Comparison) -> Result<(), Error> {
    let none = Symbols::default();
    let symbols = symbols_of(first).zip(symbols_of(second));
    let (one, other) = symbols.unwrap_or((&none, &none));
    let one = symbols::Side {
        pages: &first.pages,
        symbols: one,
    };
    let other = symbols::Side {
        pages: &second.pages,
        symbols: other,
    };
    let mut differences = SymbolDifferences::default();
    let pairs = symbols::pair(one, other, &mut differences).map_err(Error::Scratch)?;
    let (here, there) = (first.regions(), second.regions());
    let gaps = Gaps::of((one, &here), (other, &there)).map_err(Error::Scratch)?;
    let moves = moves(first, second, &pairs, &gaps);
    symbols::compare(one, other, &pairs, &moves, &mut differences).map_err(Error::Scratch)?;
    found.unnamed = gaps.compare(&moves);
    found.symbols = symbols.map(|_| differences);
    let traces = [first, second].map(|one| Traces::of(&one.pages).map_err(Error::Scratch));
    let [one, other] = traces;
    let (one, other) = (one?, other?);
    found.only_first = one.without(&other);
    found.only_second = other.without(&one);
    Ok(())
}

/// Where everything went: what has a symbol, then what is the same outside of symbols, and with the help
/// of both what the loader fills with addresses.
fn moves(first: &Reading, second: &Reading, pairs: &Pairs<'_>, gaps: &Gaps) -> Moves {
    let mut moves = Moves::new(pairs.known());
    moves.add(segments(first, second));
    let by_text = {
        let mut moves = moves.clone();
        moves.add(gaps.known());
        moves
    };
    moves.add(gaps.known_relocations(&by_text));
    moves.add(gaps.known());
    moves
}

/// The first byte of each segment, to which some code refers.
fn segments(first: &Reading, second: &Reading) -> Vec<Known> {
    let of = |reading: &Reading| -> Vec<_> {
        let segments = reading
            .program
            .iter()
            .flat_map(|program| program.segments());
        segments.map(|one| (one.address, one.permissions)).collect()
    };
    let (one, other) = (of(first), of(second));
    let alike = one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a.1 == b.1);
    let pairs = one.iter().zip(&other).filter(|_| alike);
    pairs.map(|(one, other)| (one.0, 1, other.0)).collect()
}

/// Whether both images' provenance names the same file, as the linker wrote it.
fn same_linked(first: &Reading, second: &Reading) -> Option<bool> {
    let digest = |reading: &Reading| {
        let provenance = reading.beside.as_ref()?.provenance.as_ref()?;
        Some(provenance.program.sha256.clone())
    };
    Some(digest(first)? == digest(second)?)
}
