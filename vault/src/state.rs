//! What the vault knows: the state that its journal brings back.
//!
//! ```text
//! request ─▶ decide (reads the state) ─▶ Decision ─▶ journal: events, audit lines ─▶ apply ─▶ reply
//! ```
//!
//! Nothing but [`State::apply`] changes it, and nothing is applied or answered before it is in the journal.

use provision::Realm;
use provision::audit::Audited;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cas;
use crate::kme::{self, Kme};

/// Everything that outlives the program.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Sessions, and the values of their secrets.
    pub cas: cas::Sessions,
    /// The owner, and the generations of workers' keys.
    pub kme: Kme,
    /// What the vault calls itself, since it first started.
    pub realm: Option<Realm>,
}

/// A change of the state, as it stands in the journal.
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// Of sessions.
    Cas(cas::Event),
    /// Of the owner, and of generations.
    Kme(kme::Event),
    /// The vault has a name.
    Named(Realm),
}

/// What is to be done, and said.
///
/// A refusal is a decision, too: it has no events, an audit line, and an error as its reply.
#[derive(Debug)]
#[must_use = "nothing is done before the journal has it and the state has applied it"]
pub struct Decision<T> {
    /// To be committed, then applied in this order.
    pub events: Vec<Event>,
    /// To be committed with the events.
    pub audit: Vec<Audited>,
    /// To be given when both are durable.
    pub reply: T,
}

/// Bytes of a journal that are no event or no state: another version of the program has written them.
#[derive(Debug, thiserror::Error)]
#[error("the journal holds {what} that this program does not know: {reason}")]
pub struct Unknown {
    what: &'static str,
    reason: String,
}

impl Unknown {
    /// Its code, with a page of that name in `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "vault.journal"
    }

    /// What to do next.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        "start the version of the vault that has written it, or a new vault with a new data folder"
    }
}

impl State {
    /// Makes a change that was decided and is durable.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Cas(event) => self.cas.apply(event),
            Event::Kme(event) => self.kme.apply(&event),
            Event::Named(realm) => self.realm = Some(realm),
        }
    }

    /// All of it, for [`State::restore`]. It holds every secret.
    ///
    /// # Errors
    ///
    /// [`Unknown`], which no state gives rise to.
    pub fn snapshot(&self) -> Result<Zeroizing<Vec<u8>>, Unknown> {
        encode("a state", self)
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    ///
    /// The bytes are no snapshot of this version.
    pub fn restore(snapshot: &[u8]) -> Result<Self, Unknown> {
        decode("a state", snapshot)
    }
}

impl Event {
    /// As it stands in the journal. It may hold secrets.
    ///
    /// # Errors
    ///
    /// [`Unknown`], which no event gives rise to.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Unknown> {
        encode("an event", self)
    }

    /// From the journal.
    ///
    /// # Errors
    ///
    /// The bytes are no event of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unknown> {
        decode("an event", bytes)
    }
}

impl<T> Decision<T> {
    /// An answer that changes nothing and that nobody is told of.
    pub const fn only(reply: T) -> Self {
        Self {
            events: Vec::new(),
            audit: Vec::new(),
            reply,
        }
    }

    /// The same decision with another reply.
    pub fn map<U>(self, reply: impl FnOnce(T) -> U) -> Decision<U> {
        Decision {
            events: self.events,
            audit: self.audit,
            reply: reply(self.reply),
        }
    }
}

fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Zeroizing<Vec<u8>>, Unknown> {
    let bytes = serde_json::to_vec(value);
    bytes.map(Zeroizing::new).map_err(|error| Unknown {
        what,
        reason: error.to_string(),
    })
}

fn decode<'de, T: Deserialize<'de>>(what: &'static str, bytes: &'de [u8]) -> Result<T, Unknown> {
    // The message may repeat a value: only its class and place are kept.
    serde_json::from_slice(bytes).map_err(|error| Unknown {
        what,
        reason: format!("{:?} fault at byte {}", error.classify(), error.column()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_wrote_is_named_and_not_repeated() {
        let refused = Event::decode(br#"{"tomorrow":"a secret"}"#).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("an event that this program does not know"),
            "{said}"
        );
        assert!(
            !said.contains("secret") && !said.contains("tomorrow"),
            "{said}"
        );
        assert_eq!(refused.code(), "vault.journal");
        assert!(State::restore(b"[]").is_err());
    }
}
