//! Two pieces of data of different length side by side, without knowing what is in them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

/// Bytes that have to be equal for two places to be taken for the same.
const WINDOW: usize = 16;

/// Equal bytes that this often stand elsewhere say nothing (fillers).
const MANY: usize = 8;

/// Places that are remembered at most, so that memory doesn't grow with the data.
const PLACES: usize = 1 << 18;

/// A piece of the first and the piece of the second that stands in its place; one may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// In the first.
    pub(crate) first: Range<usize>,
    /// In the second.
    pub(crate) second: Range<usize>,
}

/// What to replace in `first` to get `second`. Everything between is equal, and in the same order.
pub(crate) fn align(first: &[u8], second: &[u8]) -> Vec<Replaced> {
    let head = common(first.iter(), second.iter());
    let (a, b) = (&first[head..], &second[head..]);
    let tail = common(a.iter().rev(), b.iter().rev());
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let mut pieces = middle(a, b);
    for piece in &mut pieces {
        for range in [&mut piece.first, &mut piece.second] {
            *range = range.start + head..range.end + head;
        }
    }
    pieces
}

/// Walks through both from match to match; takes time in proportion to their length.
fn middle(a: &[u8], b: &[u8]) -> Vec<Replaced> {
    let places = Places::of(b);
    let mut pieces = Vec::new();
    let (mut done_a, mut done_b) = (0, 0);
    let mut at = 0;
    while let Some(window) = a.get(at..at + WINDOW) {
        let expected = done_b + (at - done_a);
        let Some(place) = places.nearest(window, b, done_b, expected) else {
            at += 1;
            continue;
        };
        let back = common(a[done_a..at].iter().rev(), b[done_b..place].iter().rev());
        push(&mut pieces, done_a..at - back, done_b..place - back);
        let length = common(a[at..].iter(), b[place..].iter());
        (done_a, done_b) = (at + length, place + length);
        at = done_a;
    }
    push(&mut pieces, done_a..a.len(), done_b..b.len());
    pieces
}

/// Where windows stand in the second: some of them, as matches are extended both ways.
struct Places(Vec<(u64, usize)>);

impl Places {
    fn of(b: &[u8]) -> Self {
        let step = (b.len() / PLACES).max(4);
        let mut places: Vec<_> = (0..b.len().saturating_sub(WINDOW - 1))
            .step_by(step)
            .map(|at| (&b[at..at + WINDOW], at))
            .filter(|(window, _)| window.iter().any(|byte| *byte != window[0]))
            .map(|(window, at)| (hash(window), at))
            .collect();
        places.sort_unstable();
        Self(places)
    }

    /// Where the window stands, not before `from` and as near to `expected` as may be.
    fn nearest(&self, window: &[u8], b: &[u8], from: usize, expected: usize) -> Option<usize> {
        let hash = hash(window);
        let first = self.0.partition_point(|place| *place < (hash, 0));
        let same = self.0[first..].iter().take_while(|place| place.0 == hash);
        if same.clone().nth(MANY).is_some() {
            return None;
        }
        same.map(|place| place.1)
            .filter(|place| *place >= from && b[*place..].starts_with(window))
            .min_by_key(|place| place.abs_diff(expected))
    }
}

fn hash(window: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    window.hash(&mut hasher);
    hasher.finish()
}

fn push(pieces: &mut Vec<Replaced>, first: Range<usize>, second: Range<usize>) {
    if !(first.is_empty() && second.is_empty()) {
        pieces.push(Replaced { first, second });
    }
}

fn common<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(first: &str, second: &str) -> Vec<(String, String)> {
        align(first.as_bytes(), second.as_bytes())
            .into_iter()
            .map(|piece| {
                (
                    first[piece.first].to_owned(),
                    second[piece.second].to_owned(),
                )
            })
            .collect()
    }

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    const TEXT: &str = "a first text of some length, a second one, and many more words after it \
        so that each piece is long enough, and a third that ends it all";

    #[test]
    fn equal_data_has_nothing_replaced() {
        assert_eq!(told(TEXT, TEXT), []);
        assert_eq!(told("", ""), []);
    }

    #[test]
    fn what_is_inserted_removed_and_changed_is_found() {
        let second = TEXT
            .replace("first", "very first")
            .replace("second one, ", "")
            .replace("third", "bird");
        let expected = [pair("", "very "), pair("second one, ", ""), pair("th", "b")];
        assert_eq!(told(TEXT, &second), expected);
        assert_eq!(told("", TEXT), [pair("", TEXT)]);
        assert_eq!(told("abc", "xyz"), [pair("abc", "xyz")]);
    }

    #[test]
    fn zeros_match_nothing_and_take_no_time() {
        let mut first = vec![0; 1 << 20];
        first.extend(TEXT.bytes());
        let mut second = TEXT.as_bytes().to_vec();
        second.extend(vec![0; 1 << 20]);
        let pieces = align(&first, &second);
        let rebuilt = rebuilt(&first, &second, &pieces);
        assert_eq!(rebuilt, second);
    }

    /// `first` with all pieces replaced.
    fn rebuilt(first: &[u8], second: &[u8], pieces: &[Replaced]) -> Vec<u8> {
        let mut rebuilt = Vec::new();
        let mut done = 0;
        for piece in pieces {
            rebuilt.extend(&first[done..piece.first.start]);
            assert_eq!(rebuilt.len(), piece.second.start);
            rebuilt.extend(&second[piece.second.clone()]);
            done = piece.first.end;
        }
        rebuilt.extend(&first[done..]);
        rebuilt
    }
}
