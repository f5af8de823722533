//! The object hash: SHA-256 of a value with a letter for its type.
//!
//! Heads, updates and what they replace are hashed as JSON values, as the directory of 2017 printed them.
//! All numbers are doubles, so epochs over 2⁵³ are rounded. The hash of an object is SHA-256 of `d` and its
//! members' hashes; such a *preimage* is what ECDSA with SHA-256 signs.
//! Source: github.com/benlaurie/objecthash, as of August 2016.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::messages::{KeyValue, MapHead};

/// A hash: 32 bytes.
pub type Hash = [u8; 32];

/// A value that has no object hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number 0. What is hashed leaves out members that hold nothing, so that it never occurs.
    #[error("the number 0 has no object hash: leave the member out")]
    Zero,
    /// A number that is no double.
    #[error("a number has no object hash because it isn't finite as a double")]
    Number,
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        "kt.form"
    }
}

/// The object hash of a JSON value.
///
/// # Errors
///
/// If there is a number in it that has none.
pub fn hash(value: &Value) -> Result<Hash, Error> {
    Ok(match value {
        Value::Null => sha256(b"n", &[]),
        Value::Bool(truth) => sha256(b"b", if *truth { b"1" } else { b"0" }),
        Value::Number(number) => float(number.as_f64().ok_or(Error::Number)?)?,
        Value::String(text) => of_text(text),
        Value::Array(items) => {
            let mut hashes = Vec::new();
            for item in items {
                hashes.extend_from_slice(&hash(item)?);
            }
            sha256(b"l", &hashes)
        }
        Value::Object(members) => {
            let mut pairs = Pairs::default();
            for (name, value) in members {
                pairs.add(name, hash(value)?);
            }
            pairs.hash()
        }
    })
}

/// What an update's `previous` has to say: the hash of the leaf that it replaces, as the text of its base64;
/// the hash of `null` if there is none.
pub fn previous(leaf: Option<&[u8]>) -> Hash {
    match leaf {
        None => sha256(b"n", &[]),
        Some(leaf) => of_bytes(leaf),
    }
}

/// What a signature of a map head signs. Members that hold nothing are left out.
pub fn map_head(head: &MapHead) -> Vec<u8> {
    let mut pairs = Pairs::default();
    pairs.add_text("realm", &head.realm);
    pairs.add_number("epoch", whole(head.epoch));
    pairs.add_bytes("root", &head.root);
    if let Some(time) = &head.issue_time {
        let mut inner = Pairs::default();
        inner.add_number("seconds", whole_signed(time.seconds));
        inner.add_number("nanos", f64::from(time.nanos));
        pairs.add("issue_time", inner.hash());
    }
    pairs.preimage()
}

/// What a signature of an update signs. Members that hold nothing are left out.
pub fn key_value(pair: &KeyValue) -> Vec<u8> {
    let mut pairs = Pairs::default();
    pairs.add_bytes("key", &pair.key);
    pairs.add_bytes("value", &pair.value);
    pairs.preimage()
}

/// The members of an object: the hashes of name and value.
#[derive(Default)]
struct Pairs(Vec<(Hash, Hash)>);

impl Pairs {
    fn add(&mut self, name: &str, value: Hash) {
        self.0.push((of_text(name), value));
    }

    fn add_text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.add(name, of_text(text));
        }
    }

    fn add_bytes(&mut self, name: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.add(name, of_bytes(bytes));
        }
    }

    /// Adds a number, unless it is the one that has no hash: 0.
    fn add_number(&mut self, name: &str, number: f64) {
        if let Ok(hash) = float(number) {
            self.add(name, hash);
        }
    }

    fn preimage(mut self) -> Vec<u8> {
        self.0.sort_unstable_by_key(|(name, _)| *name);
        let mut preimage = vec![b'd'];
        for (name, value) in &self.0 {
            preimage.extend_from_slice(name);
            preimage.extend_from_slice(value);
        }
        preimage
    }

    fn hash(self) -> Hash {
        sha256(&self.preimage(), &[])
    }
}

fn of_text(text: &str) -> Hash {
    sha256(b"u", text.as_bytes())
}

fn of_bytes(bytes: &[u8]) -> Hash {
    of_text(&STANDARD.encode(bytes))
}

/// A number: its sign, the exponent e with which it is in (2ᵉ⁻¹, 2ᵉ], and the bits of what is left, from the
/// first, as many as there are.
fn float(number: f64) -> Result<Hash, Error> {
    if number == 0.0 {
        return Err(Error::Zero);
    }
    if !number.is_finite() {
        return Err(Error::Number);
    }
    let mut text = String::from(if number < 0.0 { "-" } else { "+" });
    let mut rest = number.abs();
    let mut exponent = 0;
    while rest > 1.0 {
        rest /= 2.0;
        exponent += 1;
    }
    while rest <= 0.5 {
        rest *= 2.0;
        exponent -= 1;
    }
    text.push_str(&format!("{exponent}:"));
    // A double has 53 bits; each turn takes one.
    while rest != 0.0 {
        if rest >= 1.0 {
            text.push('1');
            rest -= 1.0;
        } else {
            text.push('0');
        }
        rest *= 2.0;
    }
    Ok(sha256(b"f", text.as_bytes()))
}

#[expect(clippy::cast_precision_loss, reason = "the format rounds to doubles")]
fn whole(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "the format rounds to doubles")]
fn whole_signed(number: i64) -> f64 {
    number as f64
}

fn sha256(letter: &[u8], text: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(letter);
    hasher.update(text);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::messages::Timestamp;

    #[test]
    fn known_numbers() {
        for (number, text) in [
            (1.0, "+0:1"),
            (3.0, "+2:011"),
            (-1.0, "-0:1"),
            (0.5, "+-1:1"),
        ] {
            assert_eq!(
                float(number).unwrap(),
                sha256(b"f", text.as_bytes()),
                "{number}"
            );
        }
        assert_eq!(hash(&json!([0])), Err(Error::Zero));
        assert_eq!(hash(&json!(-0.0)), Err(Error::Zero));
    }

    #[test]
    fn nothing_is_not_an_empty_leaf() {
        let none = "1b16b1df538ba12dc3f97edbb85caa7050d46c148134290feba80f8236c83db9";
        assert_eq!(hex::encode(previous(None)), none);
        assert_ne!(previous(Some(b"")), previous(None));
    }

    #[test]
    fn every_double_ends() {
        for number in [
            f64::MIN_POSITIVE / 4.0,
            f64::from_bits(1),
            f64::MAX,
            f64::EPSILON,
        ] {
            float(number).unwrap();
        }
        assert_eq!(float(f64::INFINITY), Err(Error::Number));
        assert_eq!(float(f64::NAN), Err(Error::Number));
    }

    proptest! {
        #[test]
        fn a_head_is_its_json(
            realm in "[a-z.]{1,9}",
            epoch in 1..1_u64 << 53,
            root in prop::collection::vec(any::<u8>(), 1..40),
            seconds in -1_000_i64..-1,
            nanos in 1..1_000_000_000_u32,
        ) {
            let json = json!({
                "realm": realm, "epoch": epoch, "root": STANDARD.encode(&root),
                "issue_time": {"seconds": seconds, "nanos": nanos},
            });
            let issue_time = Some(Timestamp { seconds, nanos });
            let head = MapHead { realm, epoch, root, issue_time };
            prop_assert_eq!(sha256(&map_head(&head), &[]), hash(&json).unwrap());
        }

        #[test]
        fn an_update_is_its_json(key: Vec<u8>, value: Vec<u8>) {
            let mut json = json!({});
            for (name, bytes) in [("key", &key), ("value", &value)] {
                if !bytes.is_empty() {
                    json[name] = STANDARD.encode(bytes).into();
                }
            }
            let pair = KeyValue { key, value };
            prop_assert_eq!(sha256(&key_value(&pair), &[]), hash(&json).unwrap());
        }
    }
}
