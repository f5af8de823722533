//! The object hash: SHA-256 of a value with a letter for its type.
//!
//! Heads, updates and what they replace are hashed as JSON values, as the directory of 2017 printed them.
//! All numbers are doubles, so epochs over 2⁵³ are rounded. The hash of an object is SHA-256 of `d` and its
//! members' hashes; such a *preimage* is what ECDSA with SHA-256 signs.
//! Source: github.com/benlaurie/objecthash, as of August 2016.

use serde_json::Value;

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
    let _ = value;
    Err(Error::Number)
}

/// What an update's `previous` has to say: the hash of the leaf that it replaces, as the text of its base64;
/// the hash of `null` if there is none.
pub fn previous(leaf: Option<&[u8]>) -> Hash {
    let _ = leaf;
    [0; 32]
}

/// What a signature of a map head signs.
pub fn map_head(head: &MapHead) -> Vec<u8> {
    let _ = head;
    Vec::new()
}

/// What a signature of an update signs.
pub fn key_value(pair: &KeyValue) -> Vec<u8> {
    let _ = pair;
    Vec::new()
}
