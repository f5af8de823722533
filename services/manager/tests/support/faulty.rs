//! The embedded engine, but for calls that are made to fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use store::conformance::{Between, Fate, Handle, Meddler};
use store::redb::Engine;
use store::{Error, Reason};

pub(crate) use store::conformance::Call;

/// What goes wrong with a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It's performed, and the answer lost.
    AnswerLost,
    /// It isn't performed.
    Unavailable,
    /// It isn't performed and never will be.
    Refused,
}

/// See the module.
pub(crate) type Faulty = Between<Faults>;

/// The faults that are to come.
#[derive(Default)]
pub(crate) struct Faults(Mutex<VecDeque<(Call, Fault)>>);

impl Faults {
    pub(crate) fn between(engine: &Arc<Engine>) -> Arc<Faulty> {
        let handle = Handle {
            orders: engine.clone(),
            table: engine.clone(),
        };
        Arc::new(Between::new(handle, Self::default()))
    }

    /// The next calls of this kind fail so, one after the other; earlier plans are dropped.
    pub(crate) fn plan(&self, call: Call, faults: &[Fault]) {
        self.plan_each(faults.iter().map(|fault| (call, *fault)));
    }

    /// The same for calls of several kinds.
    pub(crate) fn plan_each(&self, faults: impl IntoIterator<Item = (Call, Fault)>) {
        *self.0.lock().unwrap() = faults.into_iter().collect();
    }

    /// Whether all that was planned has happened.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Meddler for Faults {
    fn fate(&self, call: Call) -> Fate {
        let mut faults = self.0.lock().unwrap();
        let planned = faults.front().is_some_and(|(planned, _)| *planned == call);
        match planned.then(|| faults.pop_front()).flatten() {
            None => Fate::GOOD,
            Some((_, Fault::AnswerLost)) => Fate::answer_lost(),
            Some((_, Fault::Unavailable)) => Fate::failed(Error::Unavailable("a test".to_owned())),
            Some((_, Fault::Refused)) => Fate::failed(Reason::KeyTwice),
        }
    }
}
