use tokio::sync::watch;

/// How far the manager's life has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Orders are claimed and handed out.
    Running,
    /// No more orders are claimed; those in flight may still be answered.
    Draining,
    /// Whatever is still in flight is given back.
    Stopped,
}

/// What the tasks see of it. A manager that was dropped counts as stopped.
#[derive(Clone)]
pub(crate) struct PhaseWatch(watch::Receiver<Phase>);

impl PhaseWatch {
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (sender, Self(receiver))
    }

    pub(crate) fn now(&self) -> Phase {
        match self.0.has_changed() {
            Ok(_) => *self.0.borrow(),
            Err(_) => Phase::Stopped,
        }
    }

    /// Waits until it has come to `phase` or further.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.clone();
        // An error means that the manager was dropped.
        let _ = receiver.wait_for(|now| *now >= phase).await;
    }
}
