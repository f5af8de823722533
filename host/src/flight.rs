//! Requests that the program has and hasn't answered.

/// Who waits for the answer to which tag.
///
/// A tag is a slot and how often that slot has been used, so an answer that comes twice, or late,
/// never reaches somebody else. Tag 0 is never given out.
pub(crate) struct Flight<A> {
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
}

struct Slot<A> {
    used: u32,
    asker: Option<A>,
}

impl<A> Default for Flight<A> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<A> Flight<A> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Remembers who waits and gives the tag of the request.
    pub(crate) fn insert(&mut self, asker: A) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                used: 0,
                asker: None,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let slot = &mut self.slots[index as usize];
        slot.used = slot.used.wrapping_add(1).max(1);
        slot.asker = Some(asker);
        u64::from(slot.used) << 32 | u64::from(index)
    }

    /// Who waits for the answer to `tag`; nobody any more after this.
    pub(crate) fn remove(&mut self, tag: u64) -> Option<A> {
        let index = (tag & u64::from(u32::MAX)) as u32;
        let slot = self.slots.get_mut(index as usize)?;
        if u64::from(slot.used) != tag >> 32 {
            return None;
        }
        let asker = slot.asker.take()?;
        self.free.push(index);
        Some(asker)
    }

    /// All who wait, at once. Tags given out before are worth nothing after this.
    pub(crate) fn drain(&mut self) -> Vec<A> {
        let mut waiting = Vec::with_capacity(self.len());
        for (index, slot) in (0..).zip(&mut self.slots) {
            if let Some(asker) = slot.asker.take() {
                self.free.push(index);
                waiting.push(asker);
            }
        }
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_good_for_one_answer() {
        let mut flight = Flight::default();
        let first = flight.insert("a");
        let second = flight.insert("b");
        assert!(first != 0 && second != 0 && first != second);
        assert_eq!(flight.len(), 2);

        assert_eq!(flight.remove(first), Some("a"));
        assert!(flight.remove(first).is_none());

        let third = flight.insert("c");
        assert_ne!(third, first, "the slot is used again, the tag isn't");
        assert!(flight.remove(first).is_none());
        assert_eq!(flight.len(), 2);

        assert_eq!(flight.drain().len(), 2);
        assert!(flight.is_empty());
        assert!(flight.remove(second).is_none());
        assert!(flight.remove(third).is_none());
        assert!(flight.remove(0).is_none());
        assert!(flight.remove(u64::MAX).is_none());
    }
}
