//! What clients and directories tell each other: the messages of the wire.
//!
//! Each has two forms: JSON, as the HTTP interface speaks it ([`json`](crate::json)), and protocol buffers
//! ([`protobuf`](crate::protobuf)), which is what is hashed, committed to and stored. Bytes that are hashed
//! are kept as they came: the same message can be written in several ways, so nothing here is written
//! again to be checked.
//!
//! Members that the directory of 2017 didn't have are additive: they have their own names and numbers, and
//! are left out when they hold nothing.

mod keys;
mod response;
mod signed;
mod wire;

pub use keys::{Committed, Entry, Profile, PublicKey};
pub use response::{
    GetEntryResponse, History, LeafProof, LogProof, MapHead, SignedMapHead, Timestamp,
};
pub use signed::{
    DigitallySigned, EntryUpdate, HashAlgorithm, KeyValue, SignatureAlgorithm, Signatures, SignedKv,
};
