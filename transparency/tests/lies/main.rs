//! A directory that lies, and signs its lies properly: each lie is caught, by its own error.
//!
//! What a client can't see at all is not here: a directory that shows a user who never looked anybody else's key
//! from the first epoch on is what its owner, its auditors and its witnesses find.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "here a failed `unwrap` is a failed test"
)]

// As everywhere else, without the prefix of the package.
extern crate sconce_transparency as transparency;

mod answers;
mod heads;
mod histories;
#[allow(dead_code, reason = "tests of the command share it")]
mod liar;

use liar::{BEGAN, Liar};
use transparency::error::Error;
use transparency::memory::Memory;
use transparency::messages::{GetEntryResponse, Timestamp};
use transparency::signature::SigningKey;
use transparency::verifier::{Verified, Verifier};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// A client that remembers.
struct Client {
    verifier: Verifier,
    memory: Memory,
}

impl Client {
    fn of(liar: &Liar) -> Self {
        Self {
            verifier: Verifier::new(&liar.trust()).unwrap(),
            memory: Memory::default(),
        }
    }

    fn see(&mut self, user: &str, answer: &GetEntryResponse) -> Result<Verified, Error> {
        self.see_at(user, answer, None)
    }

    fn see_at(
        &mut self,
        user: &str,
        answer: &GetEntryResponse,
        now: Option<Timestamp>,
    ) -> Result<Verified, Error> {
        let before = self.memory.clone();
        let outcome = self.verifier.verify(user, answer, now, &mut self.memory);
        if outcome.is_err() {
            assert_eq!(self.memory, before, "a lie is remembered");
        }
        // What is remembered survives being written.
        let text = serde_json::to_vec(&self.memory).unwrap();
        assert_eq!(Memory::from_json(&text).unwrap(), self.memory);
        outcome
    }

    #[track_caller]
    fn refuses(&mut self, user: &str, answer: &GetEntryResponse, code: &str) -> Error {
        let fault = self.see(user, answer).expect_err("a lie is believed");
        assert_eq!(fault.code(), code, "{fault}");
        fault
    }
}

/// A directory with Alice and Bob in it, and their keys.
fn two_users() -> (Liar, SigningKey, SigningKey) {
    let mut liar = Liar::new();
    let alice = SigningKey::generate().unwrap();
    let bob = SigningKey::generate().unwrap();
    liar.put(ALICE, &alice, "alice's key");
    liar.put(BOB, &bob, "bob's key");
    (liar, alice, bob)
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: BEGAN + seconds,
        nanos: 0,
    })
}
