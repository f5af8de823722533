//! Open orders as they stand: who waits, who is leased to whom until when.
//!
//! All of it is in memory and is made again from the file when the engine opens, so handing
//! orders out and taking them back costs no commit. An order comes here once its submission is on
//! disk, and leaves once its end is.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint::{ByFingerprint, Fingerprint};
use super::schema::{Number, Partition, Time};
use crate::{Counts, Lost, State, Token};

/// Where an order is: first by partition, then by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    pub(super) partition: Partition,
    pub(super) number: Number,
}

/// Orders that are queued or leased.
pub(super) struct Desk {
    open: BTreeMap<Place, Entry>,
    /// When each may be claimed; without those that are about to end.
    due: BTreeSet<(Partition, Time, Number)>,
    /// Their ids and replay keys.
    prints: ByFingerprint<Place>,
    /// Those that end with the commit that is under way.
    closing: Vec<Place>,
    leased: u64,
    tokens: Tokens,
}

struct Entry {
    submitted: Time,
    /// When it may be claimed: the end of its delay, or of its lease.
    due: Time,
    /// Of the latest claim; 0 before the first.
    token: u64,
    /// Size of the body.
    bytes: u64,
    attempts: u32,
    /// Claimed, and neither released nor ended since. The lease may have run out.
    leased: bool,
    /// Ends with the commit that is under way, if that succeeds. Nobody may claim it meanwhile.
    closing: bool,
}

/// Gives tokens that grow, within a run by counting and over runs by the epoch.
#[derive(Clone, Copy)]
pub(super) struct Tokens {
    /// No token of an earlier run is larger.
    base: u64,
    next: u64,
}

/// How many tokens a run may give: at a million a second they last for twelve days.
const EPOCH_BITS: u32 = 40;

impl Tokens {
    pub(super) fn of_epoch(epoch: u64) -> Self {
        let base = epoch << EPOCH_BITS;
        Self {
            base,
            next: base + 1,
        }
    }

    /// The first epoch whose tokens are larger than any number up to this one.
    pub(super) fn epoch_after(number: u64) -> u64 {
        (number >> EPOCH_BITS) + 1
    }

    fn next(&mut self) -> u64 {
        let token = self.next;
        self.next += 1;
        token
    }
}

/// A lease that was just given.
#[derive(Clone, Copy)]
pub(super) struct Granted {
    pub(super) place: Place,
    pub(super) token: Token,
    pub(super) attempt: u32,
    pub(super) deadline: Time,
    pub(super) submitted: Time,
}

/// Whether a token holds an order.
pub(super) enum Holding {
    Yes,
    Lost(Lost),
    /// It did, until the commit that is under way decides.
    Closing,
}

impl Desk {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self {
            open: BTreeMap::new(),
            due: BTreeSet::new(),
            prints: ByFingerprint::default(),
            closing: Vec::new(),
            leased: 0,
            tokens,
        }
    }

    /// An order that is on disk now.
    pub(super) fn take_in(
        &mut self,
        place: Place,
        submitted: Time,
        bytes: u64,
        prints: impl IntoIterator<Item = Fingerprint>,
    ) {
        let entry = Entry {
            submitted,
            due: submitted,
            token: 0,
            bytes,
            attempts: 0,
            leased: false,
            closing: false,
        };
        self.due.insert((place.partition, entry.due, place.number));
        self.open.insert(place, entry);
        for print in prints {
            self.prints.insert(print, place);
        }
    }

    /// The open order that has this id or replay key.
    pub(super) fn find(&self, print: Fingerprint) -> Option<Place> {
        self.prints.get(&print).copied()
    }

    /// A replay key is free again.
    pub(super) fn forget(&mut self, print: Fingerprint) {
        self.prints.remove(&print);
    }

    pub(super) fn state(&self, place: Place, now: Time) -> Option<State> {
        let entry = self.open.get(&place)?;
        Some(if entry.held_at(now) {
            State::Leased
        } else {
            State::Queued
        })
    }

    /// How many are queued and leased.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            queued: self.open.len() as u64 - self.leased,
            leased: self.leased,
            ..Counts::default()
        }
    }

    /// When the next order of a partition may be claimed, if there is any.
    pub(super) fn next_due(&self, partition: Partition) -> Option<Time> {
        let mut range = self
            .due
            .range((partition, 0, 0)..=(partition, Time::MAX, Number::MAX));
        range.next().map(|&(_, due, _)| due)
    }

    /// Leases what is due, the oldest first: at most `limit` orders, and about as many as have
    /// `most` bytes of bodies.
    pub(super) fn claim(
        &mut self,
        partition: Partition,
        limit: usize,
        most: u64,
        lease: Time,
        now: Time,
    ) -> Vec<Granted> {
        let due = self
            .due
            .range((partition, 0, 0)..=(partition, now, Number::MAX));
        let due = due.take(limit).copied().collect::<Vec<_>>();
        let deadline = now.saturating_add(lease);
        let mut granted = Vec::with_capacity(due.len());
        let mut bytes: u64 = 0;
        for key in due {
            let place = Place {
                partition,
                number: key.2,
            };
            let Some(entry) = self.open.get_mut(&place) else {
                continue;
            };
            bytes = bytes.saturating_add(entry.bytes);
            if bytes > most && !granted.is_empty() {
                break;
            }
            self.leased += u64::from(!entry.leased);
            entry.leased = true;
            entry.token = self.tokens.next();
            entry.attempts = entry.attempts.saturating_add(1);
            entry.due = deadline;
            self.due.remove(&key);
            self.due.insert((partition, deadline, place.number));
            granted.push(Granted {
                place,
                token: Token(entry.token),
                attempt: entry.attempts,
                deadline,
                submitted: entry.submitted,
            });
        }
        granted
    }

    /// Whether a token holds an order now.
    pub(super) fn holding(&self, place: Place, token: Token, now: Time) -> Holding {
        let Some(entry) = self.open.get(&place) else {
            return Holding::Lost(Lost::Gone);
        };
        if entry.token != token.0 {
            // Whether anybody had it after a lease of an earlier run, nobody knows.
            let earlier = entry.token == 0 && token.0 <= self.tokens.base;
            return Holding::Lost(if earlier {
                Lost::Expired
            } else {
                Lost::Superseded
            });
        }
        if entry.closing {
            Holding::Closing
        } else if entry.held_at(now) {
            Holding::Yes
        } else {
            Holding::Lost(Lost::Expired)
        }
    }

    /// Lets a lease that is held run until `deadline` at least.
    pub(super) fn extend(&mut self, place: Place, deadline: Time) {
        self.change(place, |entry| entry.due = entry.due.max(deadline));
    }

    /// Gives a lease that is held back.
    pub(super) fn release(&mut self, place: Place, due: Time, counts: bool) {
        let mut leased = false;
        self.change(place, |entry| {
            leased = entry.leased;
            entry.leased = false;
            entry.due = due;
            entry.attempts = entry.attempts.saturating_sub(u32::from(!counts));
        });
        self.leased -= u64::from(leased);
    }

    /// Queued orders that were submitted until `latest`, the oldest first. Only leased ones are
    /// passed over, and there are never many of those.
    pub(super) fn unleased(
        &self,
        partition: Partition,
        latest: Time,
        now: Time,
        limit: usize,
    ) -> Vec<Place> {
        let first = Place {
            partition,
            number: 0,
        };
        let last = Place {
            partition,
            number: Number::MAX,
        };
        // Numbers rise with the time of submission.
        self.open
            .range(first..=last)
            .take_while(|(_, entry)| entry.submitted <= latest)
            .filter(|(_, entry)| !entry.closing && !entry.held_at(now))
            .map(|(place, _)| *place)
            .take(limit)
            .collect()
    }

    /// Keeps an order from everybody until its end is on disk, or is not.
    pub(super) fn begin_close(&mut self, place: Place) {
        if let Some(entry) = self.open.get_mut(&place) {
            entry.closing = true;
            self.due.remove(&(place.partition, entry.due, place.number));
            self.closing.push(place);
        }
    }

    /// None of the ends came on disk.
    pub(super) fn cancel_closes(&mut self) {
        for place in std::mem::take(&mut self.closing) {
            if let Some(entry) = self.open.get_mut(&place) {
                entry.closing = false;
                self.due.insert((place.partition, entry.due, place.number));
            }
        }
    }

    /// The end of an order is on disk.
    pub(super) fn close(&mut self, place: Place, prints: &[Fingerprint]) {
        if let Some(entry) = self.open.remove(&place) {
            self.leased -= u64::from(entry.leased);
            self.due.remove(&(place.partition, entry.due, place.number));
        }
        for print in prints {
            // A replay key that was forgotten may have been used again.
            if self.prints.get(print) == Some(&place) {
                self.prints.remove(print);
            }
        }
    }

    /// All the ends are on disk.
    pub(super) fn end_closes(&mut self) {
        self.closing.clear();
    }

    /// Takes the leases over from the desk that was there before the file was opened again.
    pub(super) fn adopt_leases(&mut self, before: &Self) {
        self.tokens = before.tokens;
        for (place, old) in &before.open {
            let mut leased = false;
            self.change(*place, |entry| {
                entry.due = old.due;
                entry.token = old.token;
                entry.attempts = old.attempts;
                entry.leased = old.leased;
                leased = old.leased;
            });
            self.leased += u64::from(leased);
        }
    }

    fn change(&mut self, place: Place, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.open.get_mut(&place) else {
            return;
        };
        let before = (place.partition, entry.due, place.number);
        change(entry);
        if !entry.closing && before.1 != entry.due {
            self.due.remove(&before);
            self.due.insert((place.partition, entry.due, place.number));
        }
    }
}

impl Entry {
    /// Whether somebody holds it at this time.
    fn held_at(&self, now: Time) -> bool {
        self.leased && self.due > now
    }
}
