//! The sessions that the vault has.

use std::collections::BTreeMap;

use provision::SessionName;
use serde::{Deserialize, Serialize};
use session::{Hex32, Session};

use super::Principal;
use super::material::{Material, Value};

/// All sessions, with the values of their secrets.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Sessions {
    sessions: BTreeMap<SessionName, Stored>,
    /// Whose each namespace is: whoever made the first session in it.
    namespaces: BTreeMap<String, Principal>,
}

/// The present version of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {
    /// The session, without values.
    pub(super) session: Session,
    pub(super) hash: Hex32,
    pub(super) creator: Principal,
    /// When this version was written, in seconds since the begin of 1970.
    pub(super) written: u64,
    /// Bytes of its text and its values.
    pub(super) bytes: usize,
    /// Values by the names of their secrets. Imported ones have none here.
    pub(super) values: BTreeMap<String, Material>,
}

/// A change of sessions.
#[derive(Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// A session has been created, or has a new version: what the older one held is gone.
    Written {
        /// Its name.
        name: SessionName,
        /// All of it.
        stored: Box<Stored>,
    },
}

impl Sessions {
    /// Makes a change that was decided and is durable.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Written { name, stored } => {
                let namespace = name.namespace().to_owned();
                self.namespaces.entry(namespace).or_insert(stored.creator);
                self.sessions.insert(name, *stored);
            }
        }
    }

    /// A session.
    #[must_use]
    pub fn get(&self, name: &SessionName) -> Option<&Stored> {
        self.sessions.get(name)
    }

    /// All sessions, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&SessionName, &Stored)> {
        self.sessions.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Whose a namespace is.
    #[must_use]
    pub fn holder(&self, namespace: &str) -> Option<Principal> {
        self.namespaces.get(namespace).copied()
    }
}

impl Stored {
    /// The session, without values.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The private key (PEM) that is the value of a secret, if it is one.
    pub(crate) fn private_key(&self, secret: &str) -> Option<&str> {
        match &self.values.get(secret)?.value {
            Value::PrivateKey { pem, .. } => Some(pem.expose()),
            _ => None,
        }
    }

    /// The hash of this version.
    #[must_use]
    pub const fn hash(&self) -> Hex32 {
        self.hash
    }

    /// Who made the session.
    #[must_use]
    pub const fn creator(&self) -> Principal {
        self.creator
    }

    /// When this version was written, in seconds since the begin of 1970.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }
}
