//! What a directory answers: a leaf, its proof, and the signed head that the proof leads to.

use serde::{Deserialize, Serialize};

use super::{Committed, Signatures, SignedKv};
use crate::json;

/// A directory's answer about a user: present or absent, with everything that proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetEntryResponse {
    /// The output of the VRF for the user's id, 65 bytes; its SHA-256 is the user's index in the map.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub vrf: Vec<u8>,
    /// The proof that `vrf` is the output for that user, 64 bytes.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub vrf_proof: Vec<u8>,
    /// What opens the leaf's commitment; absent when there is no leaf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Committed>,
    /// The leaf and its way to the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_proof: Option<LeafProof>,
    /// The head of the map, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smh: Option<SignedMapHead>,
    /// The signed certificate timestamp of the head: a promise that the head is in the log.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub smh_sct: Vec<u8>,
    /// Additive: the suite of the VRF, as in `P256-SHA512-BOUND`. Empty if not said.
    #[serde(
        default,
        deserialize_with = "json::or_default",
        skip_serializing_if = "json::is_default"
    )]
    pub vrf_suite: String,
    /// Additive: that the head is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_proof: Option<LogProof>,
    /// Additive, in histories: the signed update that made this leaf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<SignedKv>,
}

/// A leaf, or that there is none, and the way from there to the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafProof {
    /// A serialised [`Entry`](super::Entry), as its user wrote it; empty when there is none.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub leaf_data: Vec<u8>,
    /// The sibling on each level, the deepest first: 32 bytes each, or none where the sibling is empty.
    #[serde(
        default,
        with = "json::bytes_list",
        skip_serializing_if = "json::is_default"
    )]
    pub neighbors: Vec<Vec<u8>>,
}

/// The state of the whole map at an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapHead {
    /// The domain of the directory.
    #[serde(
        default,
        deserialize_with = "json::or_default",
        skip_serializing_if = "json::is_default"
    )]
    pub realm: String,
    /// The epoch, from 0, without gaps. At most 2⁶³ - 1.
    #[serde(
        default,
        with = "json::decimal",
        skip_serializing_if = "json::is_default"
    )]
    pub epoch: u64,
    /// The root of the map, 32 bytes.
    #[serde(
        default,
        with = "json::bytes",
        skip_serializing_if = "json::is_default"
    )]
    pub root: Vec<u8>,
    /// When the head was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_time: Option<Timestamp>,
}

/// A point in time, in UTC. In JSON a text of RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds after that, below 10⁹.
    pub nanos: u32,
}

/// A head with signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMapHead {
    /// The head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_head: Option<MapHead>,
    /// Signatures over the object hash of the head, by the ids of their keys. What the log has promised
    /// covers these too: they don't change once the head is logged.
    #[serde(
        default,
        with = "json::signatures",
        skip_serializing_if = "json::is_default"
    )]
    pub signatures: Signatures,
    /// Additive: signatures of auditors over the same head, which come after it was logged.
    #[serde(
        default,
        with = "json::signatures",
        skip_serializing_if = "json::is_default"
    )]
    pub auditor_signatures: Signatures,
}

/// That a head is in the log of heads: its path to the root that a checkpoint signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogProof {
    /// The head's place in the log: its epoch.
    #[serde(
        default,
        with = "json::decimal",
        skip_serializing_if = "json::is_default"
    )]
    pub leaf_index: u64,
    /// The size of the log that the path is for.
    #[serde(
        default,
        with = "json::decimal",
        skip_serializing_if = "json::is_default"
    )]
    pub tree_size: u64,
    /// The path of RFC 6962, the deepest sibling first: 32 bytes each.
    #[serde(
        default,
        with = "json::bytes_list",
        skip_serializing_if = "json::is_default"
    )]
    pub audit_path: Vec<Vec<u8>>,
    /// The signed note of the log at that size, with the cosignatures of witnesses.
    #[serde(
        default,
        deserialize_with = "json::or_default",
        skip_serializing_if = "json::is_default"
    )]
    pub checkpoint: String,
}

/// A page of a user's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The answers, one an epoch, oldest first; with `changes_only`, one a change.
    #[serde(
        default,
        deserialize_with = "json::or_default",
        skip_serializing_if = "json::is_default"
    )]
    pub values: Vec<GetEntryResponse>,
    /// The epoch with which the next page begins; 0 if this is the last.
    #[serde(
        default,
        with = "json::decimal",
        skip_serializing_if = "json::is_default"
    )]
    pub next_start: u64,
}
