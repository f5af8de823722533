//! What a key directory publishes of a worker: the generations of its keys that live, each with the program that has
//! them and a quote over them.
//!
//! It is the data of the application [`APP`] in the worker's profile. Whoever reads it has to verify the evidence;
//! here only the form is checked.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::membership::is_worker_name;

/// The application whose data it is.
pub const APP: &str = "avalon-worker";

/// Longest text, in bytes.
pub const MAX: usize = 64 * 1024;

/// Generations that may stand in it.
pub const MAX_GENERATIONS: usize = 16;

/// A worker's published keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerEntry {
    /// The worker's name; its id is the SHA-256 of it.
    pub name: String,
    /// The newest first.
    pub generations: Vec<Generation>,
}

/// The keys of a generation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Counts from 1.
    pub generation: u64,
    /// PEM secp256k1 public key.
    pub verification_key: String,
    /// PEM RSA public key.
    pub encryption_key: String,
    /// MRENCLAVE of the one program that has the keys, as in `sim:mrenclave:3b62fe…`.
    pub measurement: String,
    /// MRSIGNER, as in `sim:mrsigner:3b62fe…`.
    pub signer: String,
    /// ISVPRODID.
    pub product: u16,
    /// ISVSVN, the smallest.
    pub svn: u16,
    /// What proves it.
    pub evidence: Evidence,
}

/// A quote over the keys of a generation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The quote, in base64.
    pub quote: String,
    /// What the platform's vendor says of the platform: DCAP's collateral. None: the same as that of the
    /// generation before it in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<Box<RawValue>>,
}

/// Why a text is no worker's entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadEntry {
    /// It is too long.
    #[error("the worker's entry has {0} bytes, and at most {MAX} are read")]
    Long(usize),
    /// It is no JSON object of the form.
    #[error("the worker's entry is not in its form: {0}")]
    Form(String),
    /// The name is none.
    #[error("the worker's entry has a name that no worker can have")]
    Name,
    /// There are no generations, or too many.
    #[error("the worker's entry has {0} generations, and 1 to {MAX_GENERATIONS} can stand in it")]
    Generations(usize),
    /// The generations are in another order, or one is there twice.
    #[error("the worker's entry has generation {0} behind one that is not newer")]
    Order(u64),
    /// There is nothing that the first collateral could be the same as.
    #[error("the worker's entry has no collateral for its newest generation")]
    Collateral,
}

impl WorkerEntry {
    /// Reads its JSON text.
    ///
    /// # Errors
    ///
    /// [`BadEntry`].
    pub fn read(text: &[u8]) -> Result<Self, BadEntry> {
        if text.len() > MAX {
            return Err(BadEntry::Long(text.len()));
        }
        if !text.starts_with(b"{") {
            return Err(BadEntry::Form("no JSON object".to_owned()));
        }
        let entry: Self = serde_json::from_slice(text).map_err(|error| form(&error))?;
        entry.check()?;
        Ok(entry)
    }

    /// Its JSON text, which has one form but for the collaterals, which stay as they are.
    ///
    /// # Errors
    ///
    /// [`BadEntry`], if [`read`](Self::read) would refuse it.
    pub fn to_json(&self) -> Result<Vec<u8>, BadEntry> {
        self.check()?;
        let text = serde_json::to_vec(self).map_err(|error| form(&error))?;
        match text.len() {
            ..=MAX => Ok(text),
            length => Err(BadEntry::Long(length)),
        }
    }

    /// A generation by its number.
    #[must_use]
    pub fn generation(&self, number: u64) -> Option<&Generation> {
        let mut generations = self.generations.iter();
        generations.find(|one| one.generation == number)
    }

    /// Each generation with its collateral, be it written there or before.
    pub fn with_collateral(&self) -> impl Iterator<Item = (&Generation, &RawValue)> {
        let mut last = RawValue::NULL;
        self.generations.iter().map(move |one| {
            last = one.evidence.collateral.as_deref().unwrap_or(last);
            (one, last)
        })
    }

    fn check(&self) -> Result<(), BadEntry> {
        if !is_worker_name(&self.name) {
            return Err(BadEntry::Name);
        }
        let count = self.generations.len();
        if !(1..=MAX_GENERATIONS).contains(&count) {
            return Err(BadEntry::Generations(count));
        }
        let numbers = self.generations.iter().map(|one| one.generation);
        for (before, number) in numbers.clone().zip(numbers.skip(1)) {
            if number >= before {
                return Err(BadEntry::Order(number));
            }
        }
        let first = self.generations.first();
        match first.and_then(|first| first.evidence.collateral.as_ref()) {
            Some(_) => Ok(()),
            None => Err(BadEntry::Collateral),
        }
    }
}

/// The fault in one line: it may quote a piece of the text, of any length, with anything in it.
fn form(error: &serde_json::Error) -> BadEntry {
    let text: String = error.to_string().chars().take(200).collect();
    BadEntry::Form(text.escape_debug().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry() -> Value {
        let generation = |number: u64, collateral: Value| {
            let mut one = json!({
                "generation": number,
                "verification_key": "A",
                "encryption_key": "B",
                "measurement": "sim:mrenclave:00",
                "signer": "sim:mrsigner:00",
                "product": 1,
                "svn": 1,
                "evidence": {"quote": "AQ=="},
            });
            if !collateral.is_null() {
                one["evidence"]["collateral"] = collateral;
            }
            one
        };
        let generations = [
            generation(7, json!({"a": 1})),
            generation(3, Value::Null),
            generation(2, json!({"b": 1})),
        ];
        json!({"name": "w", "generations": generations})
    }

    fn read(entry: &Value) -> Result<WorkerEntry, BadEntry> {
        WorkerEntry::read(&serde_json::to_vec(entry).unwrap())
    }

    #[test]
    fn it_comes_back_and_its_collateral_is_the_one_before() {
        let read = read(&entry()).unwrap();
        let again = WorkerEntry::read(&read.to_json().unwrap()).unwrap();
        let found: Vec<_> = again
            .with_collateral()
            .map(|(one, collateral)| (one.generation, collateral.get()))
            .collect();
        assert_eq!(
            found,
            [(7, r#"{"a":1}"#), (3, r#"{"a":1}"#), (2, r#"{"b":1}"#)]
        );
        assert!(again.generation(3).is_some());
        assert!(again.generation(4).is_none());
    }

    #[test]
    fn other_forms_are_refused() {
        let changed = |pointer: &str, value: Value| {
            let mut entry = entry();
            *entry.pointer_mut(pointer).unwrap() = value;
            read(&entry).unwrap_err()
        };
        assert_eq!(changed("/name", json!("a/b")), BadEntry::Name);
        assert_eq!(changed("/generations", json!([])), BadEntry::Generations(0));
        for same in [7, 9] {
            let refused = changed("/generations/1/generation", json!(same));
            assert_eq!(refused, BadEntry::Order(same));
        }
        assert_eq!(
            changed("/generations/0/evidence", json!({"quote": ""})),
            BadEntry::Collateral
        );
        let unknown = json!({"quote": "", "collateral": {}, "more": 1});
        for (pointer, value) in [
            ("/generations/0/evidence", unknown),
            ("/generations/0/svn", json!(-1)),
        ] {
            assert!(matches!(changed(pointer, value), BadEntry::Form(_)));
        }
        assert!(matches!(WorkerEntry::read(b"[]"), Err(BadEntry::Form(_))));
        let long = vec![b' '; MAX + 1];
        assert_eq!(
            WorkerEntry::read(&long).unwrap_err(),
            BadEntry::Long(MAX + 1)
        );
    }
}
