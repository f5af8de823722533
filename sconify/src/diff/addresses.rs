//! Whether bytes differ only because what they point to stands elsewhere.
//!
//! When a function grows, everything behind it moves, and every call and every reference across the
//! border changes by as much. Code refers to its targets by their distance, data by their offset; no
//! disassembler is needed to see that two numbers mean the same target in two images.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Where things of the first image are in the second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moves {
    /// Offset in the first -> bytes, offset in the second; apart from each other.
    known: BTreeMap<u64, (u64, u64)>,
    /// By how much known things have moved.
    distances: BTreeSet<i64>,
}

/// Something that is in both: offset in the first, bytes, offset in the second.
pub(crate) type Known = (u64, u64, u64);

/// What references the bytes may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum References {
    /// Distances of 4 bytes from behind themselves, as instructions have them.
    Code,
    /// The same, offsets of 8 bytes, and distances from tables whose place is not known.
    Data,
}

impl Moves {
    /// Takes everything that is in both.
    pub(crate) fn new(known: impl IntoIterator<Item = Known>) -> Self {
        let mut moves = Self::default();
        moves.distances.insert(0);
        moves.add(known);
        moves
    }

    /// Takes more, as far as nothing is known of it yet: what is surest comes first.
    pub(crate) fn add(&mut self, known: impl IntoIterator<Item = Known>) {
        for (from, length, to) in known {
            let length = length.max(1);
            let before = self.known.range(..from.saturating_add(length)).next_back();
            if before.is_none_or(|(start, (length, _))| start.saturating_add(*length) <= from) {
                self.known.insert(from, (length, to));
                self.distances.insert(to.wrapping_sub(from) as i64);
            }
        }
    }

    /// Where this offset of the first image is in the second, as far as that is known: inside of
    /// something, or between two things that moved alike.
    pub(crate) fn follow(&self, offset: u64) -> Option<u64> {
        let (start, (length, to)) = self.known.range(..=offset).next_back()?;
        let moved = to.wrapping_sub(*start);
        let inside = offset - start < *length;
        let alike = || {
            let next = self.known.range(offset..).next();
            next.is_none_or(|(start, (_, to))| to.wrapping_sub(*start) == moved)
        };
        (inside || alike()).then(|| offset.wrapping_add(moved))
    }

    /// The bytes in which the two differ and that belong to no number that means the same place in
    /// both images, as ranges. They are of one length; `from` and `to` are their offsets.
    pub(crate) fn unexplained(
        &self,
        first: &[u8],
        second: &[u8],
        (from, to): (u64, u64),
        references: References,
    ) -> Vec<Range<usize>> {
        let pair = Pair {
            first,
            second,
            from,
            to,
        };
        let mut rest: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while let Some(step) = pair.differs_behind(at) {
            at += step;
            if let Some(end) = self.number_at(&pair, at, references) {
                at = end;
                continue;
            }
            match rest.last_mut() {
                Some(last) if at - last.end < TOGETHER => last.end = at + 1,
                _ => rest.push(at..at + 1),
            }
            at += 1;
        }
        rest
    }

    /// The end of a number that holds the differing byte `at` and means the same in both.
    fn number_at(&self, pair: &Pair<'_>, at: usize, references: References) -> Option<usize> {
        // The first byte that differs is the number's lowest that does: up to three equal ones may
        // stand before it.
        let starts = (at.saturating_sub(3)..=at).rev();
        for start in starts {
            if self.same_distance(pair, start) {
                return Some(start + 4);
            }
        }
        if references == References::Code {
            return None;
        }
        for start in (at.saturating_sub(7)..=at).rev() {
            if self.same_offset(pair, start) {
                return Some(start + 8);
            }
        }
        let start = at - at % 4;
        self.likely_distance(pair, start).then_some(start + 4)
    }

    fn same_distance(&self, pair: &Pair<'_>, start: usize) -> bool {
        // An instruction may have an immediate value of 1, 2 or 4 bytes behind the distance, which
        // then counts from behind that. At borders this decides which thing is meant.
        const BEHIND: [u64; 4] = [4, 5, 6, 8];
        let Some((a, b)) = pair.distances(start) else {
            return false;
        };
        BEHIND.iter().any(|behind| {
            let target = |base: u64, distance: i32| {
                (base + start as u64 + behind).checked_add_signed(i64::from(distance))
            };
            let (Some(old), Some(new)) = (target(pair.from, a), target(pair.to, b)) else {
                return false;
            };
            self.follow(old) == Some(new)
        })
    }

    fn same_offset(&self, pair: &Pair<'_>, start: usize) -> bool {
        let read = |bytes: &[u8]| {
            let bytes = bytes.get(start..start + 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        match (read(pair.first), read(pair.second)) {
            (Some(a), Some(b)) => self.follow(a) == Some(b),
            _ => false,
        }
    }

    /// A distance from some place to another, both of which moved as known things did.
    fn likely_distance(&self, pair: &Pair<'_>, start: usize) -> bool {
        let Some((a, b)) = pair.distances(start) else {
            return false;
        };
        let change = i64::from(b) - i64::from(a);
        let here = pair.to.wrapping_sub(pair.from) as i64;
        self.distances.contains(&(change + here))
    }
}

/// Differences that are nearer than this are one.
const TOGETHER: usize = 8;

struct Pair<'a> {
    first: &'a [u8],
    second: &'a [u8],
    from: u64,
    to: u64,
}

impl Pair<'_> {
    /// How far behind `at` the next difference is.
    fn differs_behind(&self, at: usize) -> Option<usize> {
        let mut pairs = self.first.get(at..)?.iter().zip(self.second.get(at..)?);
        pairs.position(|(a, b)| a != b)
    }

    fn distances(&self, start: usize) -> Option<(i32, i32)> {
        let read = |bytes: &[u8]| {
            let bytes = bytes.get(start..start + 4)?;
            Some(i32::from_le_bytes(bytes.try_into().ok()?))
        };
        Some((read(self.first)?, read(self.second)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two functions at 0x1000 and 0x2000, the second of which moves by 0x20; data at 0x8000 stays.
    fn moves() -> Moves {
        Moves::new(vec![
            (0x1000, 0x100, 0x1000),
            (0x2000, 0x100, 0x2020),
            (0x8000, 0x1000, 0x8000),
        ])
    }

    /// `call` with this distance, between two other instructions.
    fn call(distance: i32) -> Vec<u8> {
        [&[0x90, 0xe8][..], &distance.to_le_bytes(), &[0x5d, 0xc3]].concat()
    }

    fn explained(
        moves: &Moves,
        first: &[u8],
        second: &[u8],
        places: (u64, u64),
        references: References,
    ) -> bool {
        moves
            .unexplained(first, second, places, references)
            .is_empty()
    }

    #[test]
    fn places_are_followed() {
        let moves = moves();
        assert_eq!(moves.follow(0x1080), Some(0x1080));
        assert_eq!(moves.follow(0x2010), Some(0x2030));
        // Between things that moved differently nothing is known.
        assert_eq!(moves.follow(0x1800), None);
        assert_eq!(moves.follow(0x9800), Some(0x9800));
        assert_eq!(moves.follow(0x10), None);
    }

    #[test]
    fn a_call_of_something_that_moved_is_explained() {
        let moves = moves();
        // The call's next instruction is at 0x1006, its target 0x2000.
        let (first, second) = (call(0x2000 - 0x1006), call(0x2020 - 0x1006));
        assert!(explained(
            &moves,
            &first,
            &second,
            (0x1000, 0x1000),
            References::Code
        ));
        // From inside of what moved to what did not.
        let (first, second) = (call(0x1010 - 0x2006), call(0x1010 - 0x2026));
        assert!(explained(
            &moves,
            &first,
            &second,
            (0x2000, 0x2020),
            References::Code
        ));
    }

    #[test]
    fn another_target_is_not_explained() {
        let moves = moves();
        for wrong in [0x2020 - 0x1006 + 1, 0x2000 - 0x1006 + 0x10, 0x1010 - 0x1006] {
            let (first, second) = (call(0x2000 - 0x1006), call(wrong));
            assert!(!explained(
                &moves,
                &first,
                &second,
                (0x1000, 0x1000),
                References::Code
            ));
        }
        let mut second = call(0x2020 - 0x1006);
        second[7] = 0xc2;
        let first = call(0x2000 - 0x1006);
        assert!(!explained(
            &moves,
            &first,
            &second,
            (0x1000, 0x1000),
            References::Code
        ));
    }

    #[test]
    fn a_changed_constant_is_not_explained() {
        let moves = moves();
        for (old, new) in [(5, 6), (5, 0x500), (1000, 1001), (-1, 1)] {
            let (first, second) = (call(old), call(new));
            for places in [(0x1000, 0x1000), (0x2000, 0x2020)] {
                let explained = explained(&moves, &first, &second, places, References::Code);
                assert!(!explained, "{old} {new}");
            }
        }
    }

    #[test]
    fn a_pointer_in_data_is_explained() {
        let moves = moves();
        let (first, second) = (0x2010_u64.to_le_bytes(), 0x2030_u64.to_le_bytes());
        let places = (0x8000, 0x8000);
        assert!(explained(&moves, &first, &second, places, References::Data));
        assert!(!explained(
            &moves,
            &first,
            &second,
            places,
            References::Code
        ));
        let wrong = 0x2031_u64.to_le_bytes();
        assert!(!explained(&moves, &first, &wrong, places, References::Data));
    }
}
