//! Orders kept in the obvious way.

use std::collections::BTreeMap;
use std::time::Duration;

use sconce_store::{Completed, Counts, Lost, Submitted, Token};

pub(crate) const MAX_ORDERS: u64 = 5;
pub(crate) const MAX_FINISHED: u64 = 3;

/// A span of time: nothing, or longer than the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Span {
    None,
    Long,
}

impl Span {
    pub(crate) fn duration(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Long => Duration::from_secs(3600),
        }
    }

    /// What happens to things of this age: to all of them or to none.
    pub(crate) fn passed(self, happen: impl FnOnce() -> usize) -> usize {
        match self {
            Self::None => happen(),
            Self::Long => 0,
        }
    }
}

/// The obvious way to keep orders.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) orders: BTreeMap<u8, Entry>,
    /// Partition and replay key, to the submission that used it.
    pub(crate) marks: BTreeMap<(u8, u8), usize>,
    pub(crate) submissions: usize,
    /// Of all orders, as they were given.
    pub(crate) tokens: BTreeMap<u8, Vec<Token>>,
    /// The largest token that was given before the last restart.
    before: Option<Token>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) submission: usize,
    pub(crate) partition: u8,
    pub(crate) replay: u8,
    pub(crate) digest: u8,
    pub(crate) attempts: u32,
    /// Of the latest claim.
    pub(crate) token: Option<Token>,
    pub(crate) stage: Stage,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Stage {
    Queued { delay: Span },
    Leased { lease: Span },
    Finished { by: Option<Token>, result: u8 },
    Evicted,
}

impl Entry {
    pub(crate) fn claimable(&self) -> bool {
        let (queued, lapsed) = (
            Stage::Queued { delay: Span::None },
            Stage::Leased { lease: Span::None },
        );
        self.stage == queued || self.stage == lapsed
    }

    pub(crate) fn held(&self) -> bool {
        self.stage == Stage::Leased { lease: Span::Long }
    }
}

impl Model {
    pub(crate) fn counts(&self) -> Counts {
        let count = |which: fn(&Stage) -> bool| {
            self.orders
                .values()
                .filter(|entry| which(&entry.stage))
                .count() as u64
        };
        Counts {
            queued: count(|stage| matches!(stage, Stage::Queued { .. })),
            leased: count(|stage| matches!(stage, Stage::Leased { .. })),
            finished: count(|stage| matches!(stage, Stage::Finished { .. })),
            bytes: 0,
        }
    }

    pub(crate) fn submit(&mut self, partition: u8, order: u8, replay: u8, digest: u8) -> Submitted {
        if let Some(entry) = self.orders.get(&order) {
            let same = entry.partition == partition && entry.digest == digest;
            return if same && entry.stage != Stage::Evicted {
                Submitted::AlreadyAccepted
            } else {
                Submitted::DuplicateOrder
            };
        }
        if self.marks.contains_key(&(partition, replay)) {
            return Submitted::Replayed;
        }
        let Counts { queued, leased, .. } = self.counts();
        if queued + leased >= MAX_ORDERS {
            return Submitted::Full;
        }
        self.submissions += 1;
        self.marks.insert((partition, replay), self.submissions);
        self.orders.insert(
            order,
            Entry {
                submission: self.submissions,
                partition,
                replay,
                digest,
                attempts: 0,
                token: None,
                stage: Stage::Queued { delay: Span::None },
            },
        );
        Submitted::Accepted
    }

    /// A token that the order was given some time ago, or one that nobody was given.
    pub(crate) fn token(&self, order: u8, ago: usize) -> Token {
        let tokens = self.tokens.get(&order).map_or(&[][..], Vec::as_slice);
        tokens
            .iter()
            .rev()
            .nth(ago)
            .copied()
            .unwrap_or(Token(u64::MAX))
    }

    pub(crate) fn holder(&mut self, order: u8, token: Token) -> Result<&mut Entry, Lost> {
        let Some(entry) = self.orders.get_mut(&order) else {
            return Err(Lost::Gone);
        };
        match entry.stage {
            Stage::Evicted | Stage::Finished { by: None, .. } => Err(Lost::Gone),
            Stage::Finished { by: Some(_), .. } => Err(Lost::Superseded),
            // Nobody has claimed since the restart.
            _ if entry.token.is_none() && Some(token) <= self.before => Err(Lost::Expired),
            _ if entry.token != Some(token) => Err(Lost::Superseded),
            _ if entry.held() => Ok(entry),
            _ => Err(Lost::Expired),
        }
    }

    /// Leases and delays end, attempts are counted anew.
    pub(crate) fn restart(&mut self) {
        self.before = self.tokens.values().flatten().max().copied();
        for entry in self.orders.values_mut() {
            if matches!(entry.stage, Stage::Queued { .. } | Stage::Leased { .. }) {
                entry.stage = Stage::Queued { delay: Span::None };
                entry.attempts = 0;
                entry.token = None;
            }
        }
    }

    pub(crate) fn complete(&mut self, order: u8, token: Token, result: u8) -> Completed {
        match self.orders.get(&order).map(|entry| &entry.stage) {
            Some(Stage::Finished { by, .. }) if *by == Some(token) => Completed::AlreadyStored,
            _ => match self.holder(order, token) {
                Err(lost) => Completed::Lost(lost),
                Ok(entry) => {
                    entry.stage = Stage::Finished {
                        by: Some(token),
                        result,
                    };
                    Completed::Stored
                }
            },
        }
    }

    pub(crate) fn expire(&mut self, partition: u8, limit: usize) -> usize {
        let mut old = self
            .orders
            .values_mut()
            .filter(|entry| {
                let open = matches!(entry.stage, Stage::Queued { .. } | Stage::Leased { .. });
                entry.partition == partition && open && !entry.held()
            })
            .collect::<Vec<_>>();
        old.sort_by_key(|entry| entry.submission);
        old.truncate(limit);
        for entry in &mut old {
            entry.stage = Stage::Finished {
                by: None,
                result: 0,
            };
        }
        old.len()
    }

    pub(crate) fn evict(&mut self) -> usize {
        self.evict_those(|_| true)
    }

    /// Drops those of the finished orders that are meant.
    pub(crate) fn evict_those(&mut self, meant: impl Fn(u8) -> bool) -> usize {
        let marks = &self.marks;
        let mut count = 0;
        self.orders.retain(|order, entry| {
            if !matches!(entry.stage, Stage::Finished { .. }) || !meant(*order) {
                return true;
            }
            count += 1;
            entry.stage = Stage::Evicted;
            marks.get(&(entry.partition, entry.replay)) == Some(&entry.submission)
        });
        count
    }

    pub(crate) fn forget_marks(&mut self, partition: u8, limit: usize) -> usize {
        let mut old = self
            .marks
            .iter()
            .filter(|((owner, _), _)| *owner == partition);
        let mut old = old
            .by_ref()
            .map(|(key, number)| (*number, *key))
            .collect::<Vec<_>>();
        old.sort();
        old.truncate(limit);
        for (number, key) in &old {
            self.marks.remove(key);
            self.orders
                .retain(|_, entry| entry.submission != *number || entry.stage != Stage::Evicted);
        }
        old.len()
    }
}
