//! The pinned keys, read.

use crate::map::MapId;
use crate::note::{Kind, VerifierKey};
use crate::signature::VerifyingKey;
use crate::trust::{Policy, Trust, TrustError};
use crate::vrf;

/// What [`Trust`] names, in the form in which it is used.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) map_id: MapId,
    pub(super) suite: vrf::Suite,
    pub(super) vrf: vrf::PublicKey,
    pub(super) map: VerifyingKey,
    pub(super) log: Option<VerifyingKey>,
    pub(super) checkpoint: Option<VerifierKey>,
    pub(super) witnesses: Vec<VerifierKey>,
    pub(super) witnesses_wanted: usize,
    pub(super) auditors: Vec<VerifyingKey>,
    pub(super) auditors_wanted: usize,
    pub(super) max_age: Option<u64>,
}

impl Keys {
    pub(super) fn read(trust: &Trust) -> Result<Self, TrustError> {
        if trust.realm.is_empty() {
            return Err(TrustError {
                member: "realm",
                what: "it is empty".to_owned(),
            });
        }
        let keys = Self {
            map_id: MapId::new(trust.realm.as_str()).map_err(at("realm"))?,
            suite: vrf::Suite::from_name(&trust.vrf_suite).ok_or_else(|| TrustError {
                member: "vrf_suite",
                what: format!("{:?} is not known; {:?} is", trust.vrf_suite, Trust::BOUND),
            })?,
            vrf: vrf::PublicKey::from_pem(&trust.vrf_key).map_err(at("vrf_key"))?,
            map: VerifyingKey::from_pem(&trust.map_key).map_err(at("map_key"))?,
            log: trust
                .log_key
                .as_deref()
                .map(|pem| VerifyingKey::from_pem(pem).map_err(at("log_key")))
                .transpose()?,
            checkpoint: trust
                .checkpoint_key
                .as_deref()
                .map(|text| note_key(text, Kind::Ed25519, "checkpoint_key"))
                .transpose()?,
            witnesses: distinct(
                &trust.witnesses,
                "witnesses",
                |text| note_key(text, Kind::Cosignature, "witnesses"),
                // Under two names it is one witness still.
                |one, other| one.key() == other.key(),
            )?,
            witnesses_wanted: trust.witnesses.threshold,
            auditors: distinct(
                &trust.auditors,
                "auditors",
                |pem| VerifyingKey::from_pem(pem).map_err(at("auditors")),
                |one, other| one == other,
            )?,
            auditors_wanted: trust.auditors.threshold,
            max_age: trust.max_age,
        };
        if keys.witnesses_wanted > 0 && keys.checkpoint.is_none() {
            return Err(TrustError {
                member: "witnesses",
                what: "they sign checkpoints of the log, and no checkpoint_key is pinned"
                    .to_owned(),
            });
        }
        Ok(keys)
    }
}

fn note_key(text: &str, kind: Kind, member: &'static str) -> Result<VerifierKey, TrustError> {
    let key = VerifierKey::parse(text).map_err(at(member))?;
    if key.kind() == kind {
        return Ok(key);
    }
    Err(TrustError {
        member,
        what: match kind {
            Kind::Cosignature => "this key signs notes; a witness's makes cosignatures (type 4)",
            _ => "this key makes cosignatures; a log's signs notes (type 1)",
        }
        .to_owned(),
    })
}

/// A policy's keys: each once, as many as have to sign, at least.
fn distinct<K>(
    policy: &Policy,
    member: &'static str,
    read: impl Fn(&str) -> Result<K, TrustError>,
    same: impl Fn(&K, &K) -> bool,
) -> Result<Vec<K>, TrustError> {
    let mut keys = Vec::new();
    for text in &policy.keys {
        let key = read(text)?;
        if keys.iter().any(|known| same(known, &key)) {
            return Err(TrustError {
                member,
                what: "the same key is named twice, and would count twice".to_owned(),
            });
        }
        keys.push(key);
    }
    if policy.threshold > keys.len() {
        return Err(TrustError {
            member,
            what: format!(
                "{} have to sign, and {} are named",
                policy.threshold,
                keys.len()
            ),
        });
    }
    Ok(keys)
}

fn at<E: std::fmt::Display>(member: &'static str) -> impl Fn(E) -> TrustError {
    move |fault| TrustError {
        member,
        what: fault.to_string(),
    }
}
