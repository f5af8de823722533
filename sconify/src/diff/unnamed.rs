//! What has no symbol: text and tables between functions and variables.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use serde::Serialize;

use super::addresses::{Known, Moves, References};
use super::align::{Alignment, Replaced, align};
use super::symbols::{Side, is_anonymous};
use crate::reading::{Region, Sort, relocations};

/// More bytes of one sort are only counted.
const LARGEST: u64 = 4 << 20;

/// Between functions linkers put up to so many bytes of filling.
const FILLING: u64 = 64;

/// What is shown of one sort at most.
const SHOWN: usize = 40;

/// What is shown of a piece at most, in bytes.
const EXCERPT: usize = 72;

/// Bytes of one sort, outside of all symbols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unnamed {
    /// What they are: `constants`, `code`, `relocations`, …
    pub sort: &'static str,
    /// How many there are in the first program.
    pub first: u64,
    /// How many there are in the second program.
    pub second: u64,
    /// How many differ otherwise than by addresses: the larger of both sides' numbers. `None` if
    /// that was not looked into, as these bytes are derived from the rest, or too many.
    pub differing: Option<u64>,
    /// Some of the places.
    pub pieces: Vec<Piece>,
}

/// Bytes that stand for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Offset in the first program.
    pub first_offset: u64,
    /// Offset in the second program.
    pub second_offset: u64,
    /// What stands in the first, with what text is around it; hex if it's no text.
    pub first: String,
    /// What stands in the second.
    pub second: String,
}

/// Everything of two programs' files that no symbol holds, sort by sort, side by side.
pub(super) struct Gaps(Vec<Gap>);

/// Bytes of one sort.
struct Gap {
    sort: Sort,
    /// Of both programs, unless they're too many.
    bytes: Option<(Bytes, Bytes)>,
    alignment: Alignment,
}

impl Gaps {
    /// Gathers and aligns them.
    ///
    /// # Errors
    ///
    /// Those of the temporary files.
    pub(super) fn of(
        first: (Side<'_>, &[Region]),
        second: (Side<'_>, &[Region]),
    ) -> io::Result<Self> {
        let sorts: BTreeSet<Sort> = first.1.iter().chain(second.1).map(|one| one.sort).collect();
        let mut gaps = Vec::new();
        for sort in sorts {
            let bytes = Bytes::of(first, sort)?.zip(Bytes::of(second, sort)?);
            let alignment = match &bytes {
                Some((one, other)) if !sort.is_derived() => align(&one.bytes, &other.bytes),
                _ => Alignment::default(),
            };
            gaps.push(Gap {
                sort,
                bytes,
                alignment,
            });
        }
        Ok(Self(gaps))
    }

    /// What is in both: of constants, which linkers sort, wherever it stands.
    pub(super) fn known(&self) -> Vec<Known> {
        let mut known = Vec::new();
        for gap in &self.0 {
            let Some((one, other)) = &gap.bytes else {
                continue;
            };
            let elsewhere = match gap.sort {
                Sort::Constants => &gap.alignment.same[..],
                _ => &[],
            };
            for same in gap.alignment.ordered.iter().chain(elsewhere) {
                let (mut at, mut there) = (same.first, same.second);
                while at < same.first + same.length {
                    let left = same.first + same.length - at;
                    let length = one.rest(at).min(other.rest(there)).min(left);
                    known.push((one.offset(at), length as u64, other.offset(there)));
                    (at, there) = (at + length, there + length);
                }
            }
        }
        known
    }

    /// Places that the loader fills with addresses: those that get the same ones in the same order.
    pub(super) fn known_relocations(&self, moves: &Moves) -> Vec<Known> {
        const WIDTH: usize = size_of::<u64>();
        let gap = self.0.iter().find(|gap| gap.sort == Sort::Relocations);
        let Some((one, other)) = gap.and_then(|gap| gap.bytes.as_ref()) else {
            return Vec::new();
        };
        let (left, right) = (relocations(&one.bytes), relocations(&other.bytes));
        // What no one knows in the first is nothing of the second.
        let followed = left
            .iter()
            .map(|[_, _, to]| moves.follow(*to).unwrap_or(!*to));
        let a: Vec<u8> = followed.flat_map(u64::to_le_bytes).collect();
        let b: Vec<u8> = right
            .iter()
            .flat_map(|[_, _, to]| to.to_le_bytes())
            .collect();
        let mut known = Vec::new();
        for same in align(&a, &b).ordered {
            let skip = same.first.next_multiple_of(WIDTH) - same.first;
            let (from, to) = (same.first + skip, same.second + skip);
            if !to.is_multiple_of(WIDTH) || same.length < skip {
                continue;
            }
            let ones = left[from / WIDTH..].iter().zip(&right[to / WIDTH..]);
            let both = ones.take((same.length - skip) / WIDTH);
            known.extend(both.map(|(one, other)| (one[0], WIDTH as u64, other[0])));
        }
        known
    }

    /// What differs, given where everything went.
    pub(super) fn compare(&self, moves: &Moves) -> Vec<Unnamed> {
        self.0.iter().filter_map(|gap| gap.compare(moves)).collect()
    }
}

impl Gap {
    fn compare(&self, moves: &Moves) -> Option<Unnamed> {
        match &self.bytes {
            Some((one, other)) if one.bytes == other.bytes => None,
            Some((one, other)) if self.sort == Sort::Relocations => {
                Some(compare_relocations(one, other, moves))
            }
            Some((one, other)) => compare_bytes(self.sort, one, other, &self.alignment, moves),
            None => Some(Unnamed {
                sort: self.sort.words(),
                first: LARGEST,
                second: LARGEST,
                differing: None,
                pieces: Vec::new(),
            }),
        }
    }
}

/// Bytes of one sort behind each other, and where each stretch of them comes from.
struct Bytes {
    bytes: Vec<u8>,
    /// Position in `bytes`, offset from the enclave's base.
    stretches: Vec<(usize, u64)>,
}

impl Bytes {
    /// `None` if they're too many.
    fn of((side, regions): (Side<'_>, &[Region]), sort: Sort) -> io::Result<Option<Self>> {
        let mut gathered = Self {
            bytes: Vec::new(),
            stretches: Vec::new(),
        };
        for region in regions.iter().filter(|region| region.sort == sort) {
            let end = region.offset + region.length;
            let mut at = region.offset;
            let symbols = side.symbols.between(region.offset, end);
            for symbol in symbols.filter(|symbol| !is_anonymous(&symbol.name)) {
                gathered.take(side, sort, at, symbol.offset)?;
                at = at.max(symbol.end());
            }
            gathered.take(side, sort, at, end)?;
            if gathered.bytes.len() as u64 > LARGEST {
                return Ok(None);
            }
        }
        Ok(Some(gathered))
    }

    fn take(&mut self, side: Side<'_>, sort: Sort, from: u64, to: u64) -> io::Result<()> {
        let length = to.saturating_sub(from);
        if length == 0 || sort == Sort::Code && length < FILLING {
            return Ok(());
        }
        let length = length.min(LARGEST + 1) as usize;
        let start = self.bytes.len();
        self.stretches.push((start, from));
        self.bytes.resize(start + length, 0);
        side.pages.read(from, &mut self.bytes[start..])
    }

    /// How many bytes from `position` on come from one stretch.
    fn rest(&self, position: usize) -> usize {
        let after = self
            .stretches
            .partition_point(|(start, _)| *start <= position);
        let next = self.stretches.get(after);
        next.map_or(self.bytes.len(), |(start, _)| *start) - position
    }

    /// How many bytes before `position` come from the same stretch.
    fn begun(&self, position: usize) -> usize {
        let after = self
            .stretches
            .partition_point(|(start, _)| *start <= position);
        self.stretches[..after]
            .last()
            .map_or(0, |(start, _)| position - start)
    }

    fn offset(&self, position: usize) -> u64 {
        let after = self
            .stretches
            .partition_point(|(start, _)| *start <= position);
        let stretch = self.stretches[..after].last();
        stretch.map_or(0, |(start, offset)| offset + (position - start) as u64)
    }
}

fn compare_bytes(
    sort: Sort,
    one: &Bytes,
    other: &Bytes,
    alignment: &Alignment,
    moves: &Moves,
) -> Option<Unnamed> {
    let mut found = Unnamed {
        sort: sort.words(),
        first: one.bytes.len() as u64,
        second: other.bytes.len() as u64,
        differing: None,
        pieces: Vec::new(),
    };
    if sort.is_derived() {
        return Some(found);
    }
    let mut differing = 0;
    for piece in &alignment.replaced {
        for piece in unexplained(one, other, piece, alignment, moves) {
            differing += piece.first.len().max(piece.second.len()) as u64;
            if found.pieces.len() < SHOWN {
                found.pieces.push(Piece {
                    first_offset: one.offset(piece.first.start),
                    second_offset: other.offset(piece.second.start),
                    first: excerpt(&one.bytes, &piece.first),
                    second: excerpt(&other.bytes, &piece.second),
                });
            }
        }
    }
    found.differing = Some(differing);
    (differing > 0 || found.first != found.second).then_some(found)
}

/// Those parts of a piece that are neither other addresses of the same things nor stand elsewhere.
fn unexplained(
    one: &Bytes,
    other: &Bytes,
    piece: &Replaced,
    alignment: &Alignment,
    moves: &Moves,
) -> Vec<Replaced> {
    let found = otherwise_than_addresses(one, other, piece, moves);
    let missing = |piece: &Replaced| {
        let left = alignment.missing(&piece.first, true);
        let right = alignment.missing(&piece.second, false);
        pieces_of(piece, left, right)
    };
    found.iter().flat_map(missing).collect()
}

/// What is left of a piece without what stands elsewhere in the other.
fn pieces_of(piece: &Replaced, left: Vec<Range<usize>>, right: Vec<Range<usize>>) -> Vec<Replaced> {
    if let ([first], [second]) = (&left[..], &right[..]) {
        let (first, second) = (first.clone(), second.clone());
        return vec![Replaced { first, second }];
    }
    let removed = left.into_iter().map(|first| Replaced {
        first,
        second: piece.second.start..piece.second.start,
    });
    let added = right.into_iter().map(|second| Replaced {
        first: piece.first.end..piece.first.end,
        second,
    });
    removed.chain(added).collect()
}

/// Those parts of two pieces of one length in which not only addresses differ; all, if they have
/// different lengths.
fn otherwise_than_addresses(
    one: &Bytes,
    other: &Bytes,
    piece: &Replaced,
    moves: &Moves,
) -> Vec<Replaced> {
    if piece.first.len() != piece.second.len() {
        return vec![piece.clone()];
    }
    let mut found = Vec::new();
    let (mut at, mut there) = (piece.first.start, piece.second.start);
    while at < piece.first.end {
        let left = piece.first.end - at;
        let length = one.rest(at).min(other.rest(there)).min(left);
        let part = Replaced {
            first: at..at + length,
            second: there..there + length,
        };
        found.extend(of_one_stretch(one, other, &part, moves));
        (at, there) = (at + length, there + length);
    }
    found
}

/// The same of a part that is of one stretch in both.
fn of_one_stretch(one: &Bytes, other: &Bytes, part: &Replaced, moves: &Moves) -> Vec<Replaced> {
    // A number may have begun before the part, and end behind it: often most of its bytes are equal.
    const AROUND: usize = size_of::<u64>() - 1;
    let (first, second) = (part.first.start, part.second.start);
    let back = one.begun(first).min(other.begun(second)).min(AROUND);
    let behind = one.rest(first).min(other.rest(second));
    let length = back + behind.min(part.first.len() + AROUND);
    let (from, to) = (first - back, second - back);
    let ranges = moves.unexplained(
        &one.bytes[from..from + length],
        &other.bytes[to..to + length],
        (one.offset(from), other.offset(to)),
        References::Data,
    );
    let inside = ranges.into_iter().filter(|range| {
        let end = back + part.first.len();
        range.start < end && back < range.end
    });
    inside
        .map(|range| Replaced {
            first: from + range.start..from + range.end,
            second: to + range.start..to + range.end,
        })
        .collect()
}

/// Entries that don't say of the same thing what they said.
fn compare_relocations(one: &Bytes, other: &Bytes, moves: &Moves) -> Unnamed {
    const ENTRY: u64 = 24;
    let mut left: BTreeSet<[u64; 3]> = relocations(&other.bytes).into_iter().collect();
    let mut differing = 0;
    for [offset, info, addend] in relocations(&one.bytes) {
        let expected = moves
            .follow(offset)
            .zip(moves.follow(addend))
            .map(|(offset, addend)| [offset, info, addend]);
        if !expected.is_some_and(|expected| left.remove(&expected)) {
            differing += ENTRY;
        }
    }
    Unnamed {
        sort: Sort::Relocations.words(),
        first: one.bytes.len() as u64,
        second: other.bytes.len() as u64,
        differing: Some(differing.max(left.len() as u64 * ENTRY)),
        pieces: Vec::new(),
    }
}

/// The bytes, as text with the text around them, or in hex.
fn excerpt(bytes: &[u8], range: &Range<usize>) -> String {
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let piece = &bytes[range.clone()];
    if piece.is_empty() {
        return String::new();
    }
    let around = EXCERPT.saturating_sub(piece.len()) / 2;
    let before = bytes[..range.start].iter().rev().take(around);
    let start = range.start - before.take_while(|byte| printable(byte)).count();
    let behind = bytes[range.end..].iter().take(around);
    let end = range.end + behind.take_while(|byte| printable(byte)).count();
    let shown = &bytes[start..end];
    // A word is four letters; anything may hold shorter ones by chance.
    let is_text = shown
        .chunk_by(|a, b| printable(a) && printable(b))
        .any(|run| run.len() >= 4);
    if is_text && shown.iter().filter(|byte| printable(byte)).count() * 2 > shown.len() {
        let (shown, rest) = cut(shown, EXCERPT);
        format!("\"{}{rest}\"", shown.escape_ascii())
    } else {
        let (shown, rest) = cut(piece, EXCERPT / 3);
        format!("{}{rest}", hex::encode(shown))
    }
}

fn cut(bytes: &[u8], limit: usize) -> (&[u8], &'static str) {
    match bytes.get(..limit) {
        Some(begin) if begin.len() < bytes.len() => (begin, "…"),
        _ => (bytes, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(bytes: &[u8], offset: u64) -> Bytes {
        Bytes {
            bytes: bytes.to_vec(),
            stretches: vec![(0, offset)],
        }
    }

    fn compared(sort: Sort, one: &Bytes, other: &Bytes, moves: &Moves) -> Option<Unnamed> {
        let alignment = align(&one.bytes, &other.bytes);
        compare_bytes(sort, one, other, &alignment, moves)
    }

    #[test]
    fn a_text_that_got_longer_is_shown_and_nothing_else() {
        let text = "the first text\0version 1.0 of it\0and many more texts that follow it\0\
                    a last one that is long enough\0";
        let longer = text.replace("version 1.0", "version 1.0-beta");
        let (one, other) = (
            bytes(text.as_bytes(), 0x1000),
            bytes(longer.as_bytes(), 0x1000),
        );
        let found = compared(Sort::Constants, &one, &other, &Moves::default()).unwrap();
        assert_eq!(found.differing, Some(5));
        assert_eq!(found.pieces.len(), 1);
        assert_eq!(found.pieces[0].second, "\"version 1.0-beta of it\"");
        assert_eq!(found.pieces[0].first_offset, 0x1000 + 26);
    }

    #[test]
    fn a_table_of_moved_addresses_is_no_difference() {
        let moves = Moves::new(vec![(0x100, 0x10, 0x100), (0x200, 0x100, 0x240)]);
        let table = |by: u64| -> Vec<u8> {
            [0x200_u64, 0x108, 0x220, 0x2ff]
                .into_iter()
                .flat_map(|address| {
                    (if address < 0x200 {
                        address
                    } else {
                        address + by
                    })
                    .to_le_bytes()
                })
                .collect()
        };
        let (one, other) = (bytes(&table(0), 0x1000), bytes(&table(0x40), 0x1000));
        assert_eq!(compared(Sort::Data, &one, &other, &moves), None);
        let wrong = bytes(&table(0x41), 0x1000);
        let found = compared(Sort::Data, &one, &wrong, &moves).unwrap();
        assert_eq!(found.differing, Some(11));
    }

    #[test]
    fn relocations_are_followed() {
        let moves = Moves::new(vec![(0x100, 0x100, 0x100), (0x200, 0x100, 0x240)]);
        let table = |entries: &[[u64; 3]]| {
            let numbers = entries.iter().flatten();
            bytes(
                &numbers
                    .flat_map(|one| one.to_le_bytes())
                    .collect::<Vec<_>>(),
                0,
            )
        };
        let one = table(&[[0x108, 8, 0x210], [0x110, 8, 0x120]]);
        let moved = table(&[[0x108, 8, 0x250], [0x110, 8, 0x120]]);
        let found = compare_relocations(&one, &moved, &moves);
        assert_eq!(found.differing, Some(0));
        let swapped = table(&[[0x110, 8, 0x250], [0x108, 8, 0x120]]);
        let found = compare_relocations(&one, &swapped, &moves);
        assert_eq!(found.differing, Some(48));
    }
}
