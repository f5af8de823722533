//! Requests over the whole state, as the journal brings it back.

use std::sync::Arc;

use protocol::SystemEntropy;
use provision::VaultKey;
use serde_json::{Value, json};

use super::*;
use crate::cas::{Limits, Principal};
use crate::kme::{DirectoryKey, MAX_LIVING};

const OWNER: Client = [1; 32];

/// A vault: its state is what its events and its snapshot say.
struct Vault {
    state: State,
    cas: Cas,
    /// The outcome and the code of every line of the audit log.
    log: Vec<(String, Option<String>)>,
}

impl Vault {
    fn new() -> Self {
        let key = Arc::new(VaultKey::generate().unwrap());
        let cas = Cas::new(key, Arc::new(SystemEntropy::new()), Limits::default()).unwrap();
        let mut vault = Self {
            state: State::default(),
            cas,
            log: Vec::new(),
        };
        let claimed = claim(&vault.state, asker(&OWNER, 0));
        assert_eq!(vault.keep(claimed).unwrap().owner.0, OWNER);
        vault
    }

    fn keep<T>(&mut self, decided: Decided<T>) -> Result<T, Error> {
        for line in decided.audit {
            self.log.push((line.event, line.code));
        }
        for event in decided.events {
            let kept = event.encode().unwrap();
            self.state.apply(Event::decode(&kept).unwrap());
        }
        self.state = State::restore(&self.state.snapshot().unwrap()).unwrap();
        decided.reply
    }

    fn ensure(&mut self, measurement: u8) -> Result<WorkerSession, Error> {
        let keys = Keys::generate(&SystemEntropy::new()).unwrap();
        let fresh = Fresh {
            keys: Some(keys),
            directory_key: Some(DirectoryKey::generate().unwrap()),
        };
        let (asker, wish) = (asker(&OWNER, 0), (&program(measurement)).into());
        let decided = ensure(&self.state, &self.cas, asker, "w", wish, fresh);
        self.keep(decided)
    }

    fn rotate(&mut self, wish: Value, time: u64) -> Result<WorkerSession, Error> {
        let keys = Keys::generate(&SystemEntropy::new()).unwrap();
        let wish = serde_json::from_value(wish).unwrap();
        let asker = asker(&OWNER, time);
        let decided = new_generation(&self.state, &self.cas, asker, "w", wish, Some(keys));
        self.keep(decided)
    }

    /// Private keys of generations that the state holds, beside the worker's one for directories.
    fn private_keys(&self) -> usize {
        let snapshot = self.state.snapshot().unwrap();
        let text = String::from_utf8(snapshot.to_vec()).unwrap();
        text.matches("BEGIN PRIVATE KEY").count() - 1
    }
}

fn asker(client: &Client, time: u64) -> Asker<'_> {
    Asker {
        client: Some(client),
        now: Time::from_unix(1_800_000_000 + time),
    }
}

fn program(measurement: u8) -> api::Program {
    serde_json::from_value(form(measurement)).unwrap()
}

fn form(measurement: u8) -> Value {
    json!({
        "measurement": format!("sim:mrenclave:{}", hex::encode([measurement; 32])),
        "signer": format!("sim:mrsigner:{}", hex::encode([9; 32])),
        "product": 1,
        "svn": 1,
        "debug": true,
        "simulatedRoots": [format!("sim:{}", hex::encode([7; 32]))],
    })
}

#[test]
fn keys_stand_in_one_session_until_they_retire() {
    let mut vault = Vault::new();
    let first = vault.ensure(1).unwrap();
    assert_eq!(first.session.to_string(), "avalon/w");
    assert_eq!((first.service.as_str(), first.generation), ("g1", 1));
    assert_eq!(vault.private_keys(), 2);
    assert_eq!(vault.ensure(1).unwrap(), first);
    assert_eq!(vault.private_keys(), 2, "nothing was made again");

    let second = vault.rotate(json!({"overlapSeconds": 60}), 10).unwrap();
    assert_eq!((second.service.as_str(), second.generation), ("g2", 2));
    assert_eq!(vault.private_keys(), 4, "those of the first stay");
    let listed = workers(&vault.state, Some(&OWNER)).unwrap();
    let numbers: Vec<_> = listed[0]
        .generations
        .iter()
        .map(|one| one.generation)
        .collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(
        listed[0].generations[0].retires.unwrap().0.unix(),
        1_800_000_070
    );

    let now = asker(&OWNER, 70).now;
    let decided = due(&vault.state, &vault.cas, now).unwrap();
    vault.keep(decided).unwrap();
    assert!(due(&vault.state, &vault.cas, now).is_none());
    assert_eq!(vault.private_keys(), 2, "those of the first are gone");
    assert_eq!(
        vault
            .log
            .iter()
            .filter(|(event, _)| event == "worker.generation")
            .count(),
        2
    );
    assert!(vault.log.iter().any(|(event, _)| event == "worker.retire"));
}

#[test]
fn as_many_generations_as_may_live_are_written() {
    let mut vault = Vault::new();
    vault.ensure(1).unwrap();
    for number in 2..=MAX_LIVING as u64 {
        let made = vault.rotate(json!({"overlapSeconds": 600}), number);
        assert_eq!(made.unwrap().generation, number);
    }
    assert_eq!(vault.private_keys(), 2 * MAX_LIVING);
}

#[test]
fn the_owner_reads_the_session_and_sees_no_key() {
    let mut vault = Vault::new();
    let made = vault.ensure(1).unwrap();
    let read = |who: Client| {
        let who = Principal::client(Some(who));
        vault.cas.read(&vault.state.cas, who, &made.session)
    };
    let text = read(OWNER).unwrap();
    assert!(text.contains(&hex::encode([1; 32])), "{text}");
    assert!(!text.contains("PRIVATE KEY"), "{text}");
    assert!(read([3; 32]).is_err());
}

#[test]
fn refusals_are_told() {
    let mut vault = Vault::new();
    vault.ensure(1).unwrap();
    let before = vault.log.len();
    let other = vault.ensure(2).unwrap_err();
    assert_eq!(other.code(), "kme.measurement");
    let mut older = form(2);
    older["svn"] = 0.into();
    let older = vault.rotate(json!({"program": older, "overlapSeconds": 0}), 1);
    assert_eq!(older.unwrap_err().code(), "kme.svn");
    let decided = retire(&vault.state, &vault.cas, asker(&OWNER, 1), "w", 7);
    assert_eq!(vault.keep(decided).unwrap_err().code(), "kme.generation");
    let decided = retire(&vault.state, &vault.cas, asker(&[2; 32], 1), "w", 1);
    assert_eq!(vault.keep(decided).unwrap_err().code(), "vault.owner");
    let decided = claim(&vault.state, asker(&[2; 32], 1));
    assert_eq!(vault.keep(decided).unwrap_err().code(), "vault.owner");
    let codes: Vec<_> = vault.log[before..]
        .iter()
        .map(|(_, code)| code.as_deref())
        .collect();
    let told = [
        "kme.measurement",
        "kme.svn",
        "kme.generation",
        "vault.owner",
        "vault.owner",
    ];
    assert_eq!(codes, told.map(Some));
    assert_eq!(vault.private_keys(), 2);
    assert!(workers(&vault.state, Some(&[2; 32])).is_err());
}
