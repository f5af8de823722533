//! How many may do at once what takes long.

use std::sync::atomic::{AtomicUsize, Ordering};

/// So many turns, less those that are taken.
pub(super) struct Turns(AtomicUsize);

/// A turn, until it's dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) const fn new(count: usize) -> Self {
        Self(AtomicUsize::new(count))
    }

    /// One, if there is one: nobody waits.
    pub(super) fn take(&self) -> Option<Turn<'_>> {
        let one_less = |left: usize| left.checked_sub(1);
        let taken = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
        taken.is_ok().then_some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_there_again_when_it_is_over() {
        let turns = Turns::new(2);
        let first = turns.take();
        let second = turns.take();
        assert!(first.is_some() && second.is_some() && turns.take().is_none());
        drop(first);
        assert!(turns.take().is_some());
    }
}
