//! Two pieces of data of different length side by side, without knowing what is in them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

/// Bytes that have to be equal for two places to be taken for the same.
const WINDOW: usize = 16;

/// Equal bytes that this often stand elsewhere say nothing (fillers).
const MANY: usize = 8;

/// Places that are remembered at most, so that memory doesn't grow with the data.
const PLACES: usize = 1 << 18;

/// What two pieces of data have in common, and what not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Alignment {
    /// Stretches that are in both, in the order of the first. The second may have them in another.
    pub(crate) same: Vec<Same>,
    /// Those of them that stand in the same order in both.
    pub(crate) ordered: Vec<Same>,
    /// What to replace in the first to get the second, in order. A stretch that stands in another place
    /// of the order is in a replaced piece of each.
    pub(crate) replaced: Vec<Replaced>,
}

/// A stretch that is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Same {
    /// Where in the first.
    pub(crate) first: usize,
    /// Where in the second.
    pub(crate) second: usize,
    /// Bytes.
    pub(crate) length: usize,
}

/// A piece of the first and the piece of the second that stands in its place; one may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// In the first.
    pub(crate) first: Range<usize>,
    /// In the second.
    pub(crate) second: Range<usize>,
}

/// Aligns them; takes time in proportion to their length, or little more.
pub(crate) fn align(first: &[u8], second: &[u8]) -> Alignment {
    let head = common(first.iter(), second.iter());
    let (a, b) = (&first[head..], &second[head..]);
    let tail = common(a.iter().rev(), b.iter().rev());
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let mut same: Vec<Same> = stretches(a, b)
        .into_iter()
        .map(|one| Same {
            first: one.first + head,
            second: one.second + head,
            ..one
        })
        .collect();
    same.insert(
        0,
        Same {
            first: 0,
            second: 0,
            length: head,
        },
    );
    same.push(Same {
        first: first.len() - tail,
        second: second.len() - tail,
        length: tail,
    });
    same.retain(|one| one.length > 0);
    let ordered = in_order(&same);
    let replaced = between(&ordered, first.len(), second.len());
    Alignment {
        same,
        ordered,
        replaced,
    }
}

impl Alignment {
    /// The parts of a range of the first (or the second) that the other has nowhere.
    pub(crate) fn missing(&self, range: &Range<usize>, in_first: bool) -> Vec<Range<usize>> {
        let mut covered: Vec<Range<usize>> = self
            .same
            .iter()
            .map(|one| {
                let start = if in_first { one.first } else { one.second };
                start..start + one.length
            })
            .filter(|one| one.start < range.end && range.start < one.end)
            .collect();
        covered.sort_by_key(|one| one.start);
        let mut missing = Vec::new();
        let mut at = range.start;
        for one in covered {
            if at < one.start {
                missing.push(at..one.start);
            }
            at = at.max(one.end);
        }
        if at < range.end {
            missing.push(at..range.end);
        }
        missing
    }
}

/// The longest stretches of `a` that are in `b` too.
fn stretches(a: &[u8], b: &[u8]) -> Vec<Same> {
    let places = Places::of(b);
    let mut found = Vec::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(window) = a.get(at..at + WINDOW) {
        let longest = places
            .of_window(window, b)
            .map(|place| {
                let back = common(a[done..at].iter().rev(), b[..place].iter().rev());
                Same {
                    first: at - back,
                    second: place - back,
                    length: back + common(a[at..].iter(), b[place..].iter()),
                }
            })
            .max_by_key(|one| one.length);
        match longest {
            Some(one) => {
                found.push(one);
                done = one.first + one.length;
                at = done;
            }
            None => at += 1,
        }
    }
    found
}

/// Those that stand in the same order in both, so that they have as many bytes as may be.
fn in_order(same: &[Same]) -> Vec<Same> {
    // For each end in the second: the best chain that ends there, by its bytes and its last link.
    let mut best: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut links: Vec<Option<usize>> = Vec::with_capacity(same.len());
    for (number, one) in same.iter().enumerate() {
        // What is equal by chance at both ends of something removed may overlap: it's cut below.
        let overlap = WINDOW.min(one.length / 2);
        let before = best.range(..=one.second + overlap).next_back();
        let (bytes, link) = before.map_or((0, None), |(_, (bytes, last))| (*bytes, Some(*last)));
        links.push(link);
        let (end, bytes) = (one.second + one.length, bytes + one.length);
        let known = best.range(..=end).next_back();
        if known.is_some_and(|(_, (known, _))| *known >= bytes) {
            continue;
        }
        // What ends later and has less is of no more use.
        while let Some((later, _)) = best
            .range(end..)
            .next()
            .filter(|(_, (known, _))| *known <= bytes)
        {
            let later = *later;
            best.remove(&later);
        }
        best.insert(end, (bytes, number));
    }
    let mut chain = Vec::new();
    let mut last = best.last_key_value().map(|(_, (_, last))| *last);
    while let Some(number) = last {
        chain.push(same[number]);
        last = links[number];
    }
    chain.reverse();
    let mut end = 0;
    for one in &mut chain {
        let cut = usize::saturating_sub(end, one.second).min(one.length);
        *one = Same {
            first: one.first + cut,
            second: one.second + cut,
            length: one.length - cut,
        };
        end = one.second + one.length;
    }
    chain
}

/// What lies between stretches that are in order.
fn between(chain: &[Same], first: usize, second: usize) -> Vec<Replaced> {
    let end = Same {
        first,
        second,
        length: 0,
    };
    let mut pieces = Vec::new();
    let (mut at, mut there) = (0, 0);
    for one in chain.iter().chain([&end]) {
        if (at, there) != (one.first, one.second) {
            pieces.push(Replaced {
                first: at..one.first,
                second: there..one.second,
            });
        }
        (at, there) = (one.first + one.length, one.second + one.length);
    }
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

    /// Where the window stands, if not too often.
    fn of_window<'a>(&'a self, window: &'a [u8], b: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let hash = hash(window);
        let first = self.0.partition_point(|place| *place < (hash, 0));
        let same = self.0[first..]
            .iter()
            .take_while(move |place| place.0 == hash);
        let many = same.clone().nth(MANY).is_some();
        same.map(|place| place.1)
            .filter(move |place| !many && b[*place..].starts_with(window))
    }
}

fn hash(window: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    window.hash(&mut hasher);
    hasher.finish()
}

fn common<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn told(first: &str, second: &str) -> Vec<(String, String)> {
        align(first.as_bytes(), second.as_bytes())
            .replaced
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
        let pieces = align(&first, &second).replaced;
        let rebuilt = rebuilt(&first, &second, &pieces);
        assert_eq!(rebuilt, second);
    }

    #[test]
    fn what_stands_elsewhere_is_missing_nowhere() {
        let (one, other) = ("a text that is long enough. ", "this one is even longer. ");
        let first = format!("{TEXT}{one}{other}.");
        let second = format!("{TEXT}{other}{one}new.");
        let alignment = align(first.as_bytes(), second.as_bytes());
        assert_eq!(alignment.missing(&(0..first.len()), true), []);
        let new = second.len() - 4..second.len() - 1;
        assert_eq!(alignment.missing(&(0..second.len()), false), [new]);
        let rebuilt = rebuilt(first.as_bytes(), second.as_bytes(), &alignment.replaced);
        assert_eq!(rebuilt, second.as_bytes());
    }

    proptest! {
        #[test]
        fn pieces_make_the_second_of_the_first(
            words in vec("[a-d]{1,40}", 0..30),
            order in vec(0_usize..40, 0..40),
        ) {
            let first: String = words.concat();
            let second: String = order.iter().filter_map(|at| words.get(*at).cloned()).collect();
            let (first, second) = (first.as_bytes(), second.as_bytes());
            let alignment = align(first, second);
            prop_assert_eq!(rebuilt(first, second, &alignment.replaced), second);
            for one in &alignment.same {
                let here = &first[one.first..one.first + one.length];
                prop_assert_eq!(here, &second[one.second..one.second + one.length]);
            }
        }
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
