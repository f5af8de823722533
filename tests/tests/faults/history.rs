//! What requesters were told, order by order, and whether it fits what was promised.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// What all requesters together were told.
#[derive(Default)]
pub struct History(Mutex<State>);

#[derive(Default)]
struct State {
    orders: BTreeMap<String, Record>,
    totals: Totals,
    broken: Vec<String>,
}

/// One order: its first result, byte by byte, once there is one.
type Record = Option<String>;

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Orders that were accepted.
    pub accepted: u64,
    /// Those of them whose result was seen, verified, decrypted and as expected.
    pub answered: u64,
    /// Results that were asked for once more and were the same bytes.
    pub repeated: u64,
    /// Submits that were sent again because the answer to the first did not arrive.
    pub sent_again: u64,
    /// Those of them that had been accepted without the requester hearing of it.
    pub taken: u64,
    /// Accepted orders that were sent once more and refused.
    pub refused: u64,
    /// Calls without an answer: connections that failed, broke, or took too long.
    pub unanswered: u64,
    /// Calls that were answered with "busy" or an internal error.
    pub turned_away: u64,
    /// The longest that somebody waited for a result.
    pub longest: Duration,
}

impl History {
    /// An order was accepted.
    pub fn accepted(&self, id: &str) {
        let mut state = self.lock();
        if state.orders.insert(id.to_owned(), None).is_some() {
            state.broken.push(format!("{id} was accepted twice"));
        }
        state.totals.accepted += 1;
    }

    /// A result arrived. The first must be right, which `check` says; later ones the same bytes.
    pub fn answered(&self, id: &str, result: &str, check: impl FnOnce() -> Result<(), String>) {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(record) = state.orders.get_mut(id) else {
            state
                .broken
                .push(format!("{id} has a result and was never accepted"));
            return;
        };
        match record {
            Some(before) if before == result => state.totals.repeated += 1,
            Some(_) => state.broken.push(format!("{id} has two different results")),
            None => {
                *record = Some(result.to_owned());
                state.totals.answered += 1;
                if let Err(fault) = check() {
                    state.broken.push(format!("{id}: {fault}"));
                }
            }
        }
    }

    /// A promise was broken.
    pub fn broke(&self, what: impl fmt::Display) {
        self.lock().broken.push(what.to_string());
    }

    /// Something to count.
    pub fn count(&self, add: impl FnOnce(&mut Totals)) {
        add(&mut self.lock().totals);
    }

    /// How much happened so far.
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    /// All promises that were broken, and accepted orders without a result.
    pub fn broken(&self) -> Vec<String> {
        let state = self.lock();
        let open = state.orders.iter().filter(|(_, one)| one.is_none());
        let lost = open.map(|(id, _)| format!("{id} was accepted and has no result"));
        state.broken.iter().cloned().chain(lost).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            answered,
            repeated,
            sent_again,
            taken,
            refused,
            unanswered,
            turned_away,
            longest,
        } = self;
        writeln!(f, "orders accepted              {accepted}")?;
        writeln!(f, "right results                {answered}")?;
        writeln!(f, "asked again, same bytes      {repeated}")?;
        writeln!(
            f,
            "submits sent again           {sent_again}, of which {taken} had been accepted"
        )?;
        writeln!(f, "accepted ones sent again     {refused}, all refused")?;
        writeln!(f, "calls without an answer      {unanswered}")?;
        writeln!(f, "calls turned away            {turned_away}")?;
        write!(
            f,
            "longest wait for a result    {:.1} s",
            longest.as_secs_f64()
        )
    }
}
