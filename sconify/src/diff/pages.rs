//! Two page maps side by side.

use std::io;

use serde::Serialize;
use sgx::sgxs::Chunks;
use sgx::{CHUNK_SIZE, Permissions, SecInfo};

use crate::reading::{PAGE, Pages, Run};

/// Bytes compared at once.
const BLOCK: usize = 64 << 10;

/// Pages that follow each other and differ in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageDifference {
    /// Offset of the first from the enclave's base.
    pub offset: u64,
    /// How many.
    pub pages: u64,
    /// In what way.
    pub way: Way,
}

/// How pages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Way {
    /// Only the first image has them.
    OnlyFirst,
    /// Only the second image has them.
    OnlySecond,
    /// Their type or their permissions.
    Kind {
        /// In the first image.
        #[serde(serialize_with = "as_text")]
        first: PageKind,
        /// In the second image.
        #[serde(serialize_with = "as_text")]
        second: PageKind,
    },
    /// How much of each is measured, in chunks of 256 bytes.
    Measured {
        /// In the first image.
        first: u32,
        /// In the second image.
        second: u32,
    },
    /// Measured bytes.
    Content,
    /// Bytes that are loaded without being measured: MRENCLAVE is the same.
    UnmeasuredContent,
}

/// Type and permissions, as in `r-x` and `tcs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKind(pub SecInfo);

impl std::fmt::Display for PageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == SecInfo::TCS {
            f.write_str("tcs")
        } else {
            let permissions: Permissions = self.0.permissions;
            write!(f, "{permissions}")
        }
    }
}

fn as_text<S: serde::Serializer>(kind: &PageKind, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(kind)
}

/// Every difference, in ascending order. The work is that of reading the bytes that are not zero.
///
/// # Errors
///
/// Those of the temporary files.
pub(super) fn compare(first: &Pages, second: &Pages) -> io::Result<Vec<PageDifference>> {
    let mut found = Found::default();
    for span in spans(first.runs(), second.runs()) {
        match (span.first, span.second) {
            (Some(_), None) => found.add(span.offset, span.pages, Way::OnlyFirst),
            (None, Some(_)) => found.add(span.offset, span.pages, Way::OnlySecond),
            (Some(one), Some(other)) => shared(&span, (first, one), (second, other), &mut found)?,
            (None, None) => {}
        }
    }
    Ok(found.0)
}

/// Pages that both images have, or only one of them.
struct Span<'a> {
    offset: u64,
    pages: u64,
    first: Option<&'a Run>,
    second: Option<&'a Run>,
}

/// Cuts both page maps at the borders of both.
fn spans<'a>(first: &'a [Run], second: &'a [Run]) -> Vec<Span<'a>> {
    let mut borders: Vec<u64> = first
        .iter()
        .chain(second)
        .flat_map(|run| [run.offset, run.end()])
        .collect();
    borders.sort_unstable();
    borders.dedup();
    let (mut one, mut other) = (first.iter().peekable(), second.iter().peekable());
    let mut spans = Vec::new();
    for border in borders.windows(2) {
        let &[from, to] = border else { continue };
        while one.next_if(|run| run.end() <= from).is_some() {}
        while other.next_if(|run| run.end() <= from).is_some() {}
        let span = Span {
            offset: from,
            pages: (to - from) / PAGE,
            first: one.peek().filter(|run| run.offset <= from).copied(),
            second: other.peek().filter(|run| run.offset <= from).copied(),
        };
        if span.first.is_some() || span.second.is_some() {
            spans.push(span);
        }
    }
    spans
}

fn shared(
    span: &Span<'_>,
    (first, one): (&Pages, &Run),
    (second, other): (&Pages, &Run),
    found: &mut Found,
) -> io::Result<()> {
    let (offset, pages) = (span.offset, span.pages);
    if one.info != other.info {
        let way = Way::Kind {
            first: PageKind(one.info),
            second: PageKind(other.info),
        };
        found.add(offset, pages, way);
    } else if one.measured != other.measured {
        let way = Way::Measured {
            first: one.measured.count(),
            second: other.measured.count(),
        };
        found.add(offset, pages, way);
    }
    if one.is_zero() && other.is_zero() {
        return Ok(());
    }
    let end = offset + pages * PAGE;
    let (mut left, mut right) = ([0; BLOCK], [0; BLOCK]);
    for at in (offset..end).step_by(BLOCK) {
        let length = usize::try_from(end - at).map_or(BLOCK, |rest| rest.min(BLOCK));
        first.read(at, &mut left[..length])?;
        second.read(at, &mut right[..length])?;
        if left[..length] == right[..length] {
            continue;
        }
        let both = left[..length]
            .chunks(PAGE as usize)
            .zip(right.chunks(PAGE as usize));
        for (offset, (left, right)) in (at..).step_by(PAGE as usize).zip(both) {
            if let Some(way) = content(left, right, one.measured, other.measured) {
                found.add(offset, 1, way);
            }
        }
    }
    Ok(())
}

/// How the bytes of one page differ; measured ones weigh more.
fn content(left: &[u8], right: &[u8], first: Chunks, second: Chunks) -> Option<Way> {
    let mut way = None;
    for (at, _) in (0_u32..)
        .zip(left.iter().zip(right))
        .filter(|(_, (left, right))| left != right)
    {
        let chunk = at / CHUNK_SIZE as u32;
        if first.contains(chunk) || second.contains(chunk) {
            return Some(Way::Content);
        }
        way = Some(Way::UnmeasuredContent);
    }
    way
}

/// Differences, those that go together joined.
#[derive(Default)]
struct Found(Vec<PageDifference>);

impl Found {
    fn add(&mut self, offset: u64, pages: u64, way: Way) {
        match self.0.iter_mut().rev().take(2).find(|last| last.way == way) {
            Some(last) if last.offset + last.pages * PAGE == offset => last.pages += pages,
            _ => self.0.push(PageDifference { offset, pages, way }),
        }
    }
}

#[cfg(test)]
mod tests {
    use sgx::PAGE_SIZE;
    use sgx::sgxs::Page;

    use super::*;

    /// A page a letter: `.` none, `0` zeros, `h` unmeasured zeros, `x` executable, others their
    /// letter repeated.
    fn pages(map: &str) -> Pages {
        let mut pages = Pages::default();
        for (number, letter) in map.bytes().enumerate() {
            let (measured, permissions, byte) = match letter {
                b'.' => continue,
                b'0' => (Chunks::ALL, Permissions::RW, 0),
                b'h' => (Chunks::NONE, Permissions::RW, 0),
                b'x' => (Chunks::ALL, Permissions::RX, b'a'),
                byte => (Chunks::ALL, Permissions::RW, byte),
            };
            let page = Page {
                offset: number as u64 * PAGE,
                info: SecInfo::reg(permissions),
                measured,
                loaded: Chunks::NONE,
                content: Box::new([byte; PAGE_SIZE]),
            };
            pages.push(&page).unwrap();
        }
        pages
    }

    fn told(first: &str, second: &str) -> String {
        let differences = compare(&pages(first), &pages(second)).unwrap();
        let lines: Vec<String> = differences
            .iter()
            .map(|one| {
                let way = match one.way {
                    Way::OnlyFirst => "only first".to_owned(),
                    Way::OnlySecond => "only second".to_owned(),
                    Way::Kind { first, second } => format!("{first} {second}"),
                    Way::Measured { first, second } => format!("{first}/16 {second}/16"),
                    Way::Content => "bytes".to_owned(),
                    Way::UnmeasuredContent => "unmeasured bytes".to_owned(),
                };
                format!("{}+{} {way}", one.offset / PAGE, one.pages)
            })
            .collect();
        lines.join(", ")
    }

    #[test]
    fn each_way_of_differing_is_told() {
        for (first, second, differences) in [
            ("ab00hh.a", "ab00hh.a", ""),
            ("aaaa", "abba", "1+2 bytes"),
            ("0000", "a00b", "0+1 bytes, 3+1 bytes"),
            ("hhhh", "hh00", "2+2 0/16 16/16"),
            ("aaaa", "axxa", "1+2 rw- r-x"),
            ("aaaa", "aa", "2+2 only first"),
            ("..aa", "aaaa", "0+2 only second"),
            (
                "aa..hh",
                "a.hh.h",
                "1+1 only first, 2+2 only second, 4+1 only first",
            ),
            (
                "bbxb",
                "xxxx",
                "0+2 rw- r-x, 0+2 bytes, 3+1 rw- r-x, 3+1 bytes",
            ),
        ] {
            assert_eq!(told(first, second), differences, "{first} {second}");
        }
    }

    #[test]
    fn differences_join_across_blocks() {
        let count = 3 * BLOCK / PAGE_SIZE + 1;
        let told = told(&"a".repeat(count), &"b".repeat(count));
        assert_eq!(told, format!("0+{count} bytes"));
    }

    #[test]
    fn unmeasured_bytes_are_told_apart() {
        let one = |byte: u8, measured| {
            let mut pages = Pages::default();
            let mut bytes = [0; PAGE_SIZE];
            bytes[700] = byte;
            let page = Page {
                offset: 0,
                info: SecInfo::reg(Permissions::RW),
                measured,
                loaded: Chunks(1 << 2),
                content: Box::new(bytes),
            };
            pages.push(&page).unwrap();
            pages
        };
        let elsewhere = Chunks(1);
        let ways = |measured| compare(&one(1, measured), &one(2, measured)).unwrap()[0].way;
        assert_eq!(ways(elsewhere), Way::UnmeasuredContent);
        assert_eq!(ways(Chunks(1 | 1 << 2)), Way::Content);
    }
}
