//! Fingerprints on their way into the index.
//!
//! In an index of millions, each fingerprint belongs to a page of its own. Entering them one by
//! one would cost each order some pages; so they wait here, in order, and go into the index a
//! stretch at a time, which sweeps over all of it again and again: the larger the index, the more
//! of them share a page anyway. What waits here is found again after a restart, because the rows
//! of finished orders name their fingerprints; only those that ended before a full sweep began
//! need not be looked at.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::fingerprint::Fingerprint;
use super::schema::Number;

/// How many wait, about; the memory is some two megabytes. A sweep takes twice as many, for some
/// come in before it has passed their place; so after a restart four times as many may wait.
const MOST: usize = if cfg!(test) { 200 } else { 50_000 };

/// At least so many are entered together.
const STRETCH: usize = if cfg!(test) { 16 } else { 128 };

/// Fingerprints of orders that have ended, with the numbers of their ends.
pub(super) struct Pending {
    prints: BTreeMap<Fingerprint, Number>,
    /// The sweep has entered everything up to this since it began.
    swept: Option<Fingerprint>,
    /// The ends before this number were there when the sweep began.
    begun: Number,
}

/// What goes into the index with the next commit.
#[derive(Default)]
pub(super) struct Stretch {
    pub(super) prints: Vec<(Fingerprint, Number)>,
    /// The sweep is over: everything that ended before this number is in the index then.
    pub(super) indexed: Option<Number>,
}

impl Pending {
    /// `begun` is the number of the next end.
    pub(super) fn new(begun: Number) -> Self {
        Self {
            prints: BTreeMap::new(),
            swept: None,
            begun,
        }
    }

    pub(super) fn get(&self, print: Fingerprint) -> Option<Number> {
        self.prints.get(&print).copied()
    }

    pub(super) fn insert(&mut self, print: Fingerprint, end: Number) {
        self.prints.insert(print, end);
    }

    pub(super) fn remove(&mut self, print: Fingerprint) {
        self.prints.remove(&print);
    }

    /// What has to go into the index when so many more come.
    pub(super) fn stretch(&self, more: usize) -> Option<Stretch> {
        let excess = (self.prints.len() + more).saturating_sub(MOST);
        // Twice as many as come, while there are too many.
        let count = excess.min(2 * more.max(STRETCH));
        if count < STRETCH {
            return None;
        }
        let after = self.swept.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.prints.range((after, Bound::Unbounded));
        let prints = range
            .take(count)
            .map(|(print, end)| (*print, *end))
            .collect::<Vec<_>>();
        let indexed = (prints.len() < count).then_some(self.begun);
        Some(Stretch { prints, indexed })
    }

    /// The stretch is in the index. `next` is the number of the next end.
    pub(super) fn entered(&mut self, stretch: &Stretch, next: Number) {
        for (print, _) in &stretch.prints {
            self.prints.remove(print);
        }
        if stretch.indexed.is_some() {
            self.swept = None;
            self.begun = next;
        } else if let Some((last, _)) = stretch.prints.last() {
            self.swept = Some(*last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint::Fingerprinter;
    use super::*;

    #[test]
    fn everything_is_entered_in_the_end_and_before_it_is_said_to_be() {
        let fingerprinter = Fingerprinter { salt: [0; 16] };
        let mut pending = Pending::new(1);
        let mut index = std::collections::HashMap::new();
        let mut indexed = 1;
        let mut sweeps = 0;
        for end in 1..3000_u64 {
            let print = fingerprinter.order(&end.to_string().into());
            pending.insert(print, end);
            let Some(stretch) = pending.stretch(1) else {
                continue;
            };
            index.extend(stretch.prints.iter().copied());
            pending.entered(&stretch, end + 1);
            if let Some(before) = stretch.indexed {
                assert!(before >= indexed);
                indexed = before;
                sweeps += 1;
            }
            assert!(pending.prints.len() <= MOST + STRETCH);
        }
        assert!(sweeps > 1, "the sweep begins anew");
        for end in 1..3000_u64 {
            let print = fingerprinter.order(&end.to_string().into());
            let (waits, entered) = (pending.get(print), index.get(&print).copied());
            assert_eq!(waits.or(entered), Some(end));
            if end < indexed {
                assert_eq!(entered, Some(end));
            }
        }
    }
}
