//! Key transparency: what a directory of public keys says, in bytes, and how to tell whether it lies.
//!
//! A directory maps the id of a user (a worker, a requester) to keys. It can't be trusted, and need not
//! be: each answer carries proofs, and each state of the whole directory is signed, numbered and logged.
//!
//! Nothing here does input or output, or reads a clock.

pub mod commitment;
pub mod error;
pub mod json;
pub mod log;
pub mod map;
pub mod memory;
pub mod messages;
pub mod mutation;
pub mod note;
pub mod object_hash;
pub mod protobuf;
pub mod sct;
pub mod signature;
pub mod tile;
pub mod trust;
pub mod update;
pub mod verifier;
pub mod vrf;
