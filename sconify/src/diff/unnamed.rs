//! What has no symbol: text and tables between functions and variables.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use super::addresses::{Moves, References};
use super::align::{Replaced, align};
use super::symbols::Side;
use crate::reading::{Region, Sort, relocations};

/// More bytes of one sort are only counted.
const LARGEST: u64 = 16 << 20;

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

/// Compares everything of the programs' files that no symbol holds. `moves` says where that which
/// has a symbol went.
pub(super) fn compare(
    first: (Side<'_>, &[Region]),
    second: (Side<'_>, &[Region]),
    moves: &Moves,
) -> io::Result<Vec<Unnamed>> {
    let sorts: BTreeSet<Sort> = first.1.iter().chain(second.1).map(|one| one.sort).collect();
    let mut found = Vec::new();
    for sort in sorts {
        let (one, other) = (Bytes::of(first, sort)?, Bytes::of(second, sort)?);
        let unnamed = match (one, other) {
            (Some(one), Some(other)) if one.bytes == other.bytes => None,
            (Some(one), Some(other)) if sort == Sort::Relocations => {
                compare_relocations(&one, &other, moves)
            }
            (Some(one), Some(other)) => compare_bytes(sort, &one, &other, moves),
            (one, other) => Some(Unnamed {
                sort: sort.words(),
                first: one.map_or(LARGEST, |one| one.bytes.len() as u64),
                second: other.map_or(LARGEST, |one| one.bytes.len() as u64),
                differing: None,
                pieces: Vec::new(),
            }),
        };
        found.extend(unnamed);
    }
    Ok(found)
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
            for symbol in side.symbols.between(region.offset, end) {
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

    fn offset(&self, position: usize) -> u64 {
        let after = self
            .stretches
            .partition_point(|(start, _)| *start <= position);
        let stretch = self.stretches[..after].last();
        stretch.map_or(0, |(start, offset)| offset + (position - start) as u64)
    }
}

fn compare_bytes(sort: Sort, one: &Bytes, other: &Bytes, moves: &Moves) -> Option<Unnamed> {
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
    for piece in align(&one.bytes, &other.bytes) {
        for piece in unexplained(sort, one, other, &piece, moves) {
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

/// Those parts of a piece that aren't merely other addresses of the same things.
fn unexplained(
    sort: Sort,
    one: &Bytes,
    other: &Bytes,
    piece: &Replaced,
    moves: &Moves,
) -> Vec<Replaced> {
    if piece.first.len() != piece.second.len() {
        return vec![piece.clone()];
    }
    let references = if sort == Sort::Code {
        References::Code
    } else {
        References::Data
    };
    // A number may have begun before the piece: its upper bytes are often the same.
    let back = piece.first.start.min(piece.second.start).min(7);
    let (from, to) = (piece.first.start - back, piece.second.start - back);
    let wide = |bytes: &[u8], end: usize| (end + 7).min(bytes.len());
    let length =
        (wide(&one.bytes, piece.first.end) - from).min(wide(&other.bytes, piece.second.end) - to);
    let ranges = moves.unexplained(
        &one.bytes[from..from + length],
        &other.bytes[to..to + length],
        (one.offset(from), other.offset(to)),
        references,
    );
    ranges
        .into_iter()
        .map(|range| Replaced {
            first: from + range.start..from + range.end,
            second: to + range.start..to + range.end,
        })
        .collect()
}

/// Entries that don't say of the same thing what they said.
fn compare_relocations(one: &Bytes, other: &Bytes, moves: &Moves) -> Option<Unnamed> {
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
    Some(Unnamed {
        sort: Sort::Relocations.words(),
        first: one.bytes.len() as u64,
        second: other.bytes.len() as u64,
        differing: Some(differing.max(left.len() as u64 * ENTRY)),
        pieces: Vec::new(),
    })
}

/// The bytes as text, with the text around them, or in hex.
fn excerpt(bytes: &[u8], range: &std::ops::Range<usize>) -> String {
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let piece = &bytes[range.clone()];
    if !piece.iter().all(printable) {
        let shown = &piece[..piece.len().min(EXCERPT / 3)];
        let rest = if shown.len() < piece.len() { "…" } else { "" };
        return format!("{}{rest}", hex::encode(shown));
    }
    let around = EXCERPT.saturating_sub(piece.len()) / 2;
    let before = bytes[..range.start].iter().rev().take(around);
    let start = range.start - before.take_while(|byte| printable(byte)).count();
    let behind = bytes[range.end..].iter().take(around);
    let end = range.end + behind.take_while(|byte| printable(byte)).count();
    let text: String = bytes[start..end]
        .iter()
        .take(EXCERPT)
        .map(|byte| char::from(*byte))
        .collect();
    let rest = if end - start > EXCERPT { "…" } else { "" };
    format!("\"{}{rest}\"", text.escape_default())
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

    #[test]
    fn a_text_that_got_longer_is_shown_and_nothing_else() {
        let text = "the first text\0version 1.0 of it\0and many more texts that follow it\0\
                    a last one that is long enough\0";
        let longer = text.replace("version 1.0", "version 1.0-beta");
        let (one, other) = (
            bytes(text.as_bytes(), 0x1000),
            bytes(longer.as_bytes(), 0x1000),
        );
        let found = compare_bytes(Sort::Constants, &one, &other, &Moves::default()).unwrap();
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
        assert_eq!(compare_bytes(Sort::Data, &one, &other, &moves), None);
        let wrong = bytes(&table(0x41), 0x1000);
        let found = compare_bytes(Sort::Data, &one, &wrong, &moves).unwrap();
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
        let found = compare_relocations(&one, &moved, &moves).unwrap();
        assert_eq!(found.differing, Some(0));
        let swapped = table(&[[0x110, 8, 0x250], [0x108, 8, 0x120]]);
        let found = compare_relocations(&one, &swapped, &moves).unwrap();
        assert_eq!(found.differing, Some(48));
    }
}
