//! Wake-ups: who waits for what, and telling them that it may have come.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Bells by name. A bell exists while somebody listens to it.
pub(super) struct Hints<K> {
    bells: Mutex<HashMap<K, Bell>>,
}

struct Bell {
    notify: Arc<Notify>,
    listeners: usize,
}

impl<K: Clone + Eq + Hash> Hints<K> {
    pub(super) fn new() -> Self {
        Self {
            bells: Mutex::new(HashMap::new()),
        }
    }

    /// Listens to a bell until the listener is dropped.
    pub(super) fn listen(&self, name: &K) -> Listener<'_, K> {
        let mut bells = self.lock();
        let bell = bells.entry(name.clone()).or_insert_with(|| Bell {
            notify: Arc::new(Notify::new()),
            listeners: 0,
        });
        bell.listeners += 1;
        Listener {
            hints: self,
            name: name.clone(),
            notify: Arc::clone(&bell.notify),
        }
    }

    /// Wakes everyone who listens to this bell.
    pub(super) fn ring(&self, name: &K) {
        if let Some(bell) = self.lock().get(name) {
            bell.notify.notify_waiters();
        }
    }

    /// Wakes everyone.
    pub(super) fn ring_all(&self) {
        for bell in self.lock().values() {
            bell.notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Bell>> {
        // Nothing that can panic runs under this lock, so the map is whole in any case.
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Listener<'a, K: Clone + Eq + Hash> {
    hints: &'a Hints<K>,
    name: K,
    notify: Arc<Notify>,
}

impl<K: Clone + Eq + Hash> Listener<'_, K> {
    /// Ready at the next ring from now on, also if it rings before this is first polled: take it,
    /// then look, then await it.
    pub(super) fn rung(&self) -> Notified<'_> {
        self.notify.notified()
    }
}

impl<K: Clone + Eq + Hash> Drop for Listener<'_, K> {
    fn drop(&mut self) {
        let mut bells = self.hints.lock();
        if let Some(bell) = bells.get_mut(&self.name) {
            bell.listeners -= 1;
            if bell.listeners == 0 {
                bells.remove(&self.name);
            }
        }
    }
}
