//! What is checked of an update before it may wait for its epoch (specification, section 10).

use std::time::{SystemTime, UNIX_EPOCH};

use attestation::Time;
use transparency::commitment::{NONCE, opens};
use transparency::map::Index;
use transparency::messages::{Entry, EntryUpdate, Profile};
use transparency::mutation;

use crate::Refusal;
use crate::apps::Apps;

/// Longest serialised `committed.data`, in bytes: a few applications at their most.
const MAX_PROFILE: usize = 192 << 10;

/// The application of the servers of 2017 whose data must be an OpenPGP key. Nobody here can check that, so
/// nobody may claim it.
const PGP: &str = "pgp";

/// Checks everything that needs no look at the map: index, commitment, profile, applications.
pub(crate) fn check(
    user: &str,
    index: &Index,
    update: &EntryUpdate,
    apps: &Apps,
) -> Result<(), Refusal> {
    let refused = |fault: &str| Err(Refusal::Commitment(fault.to_owned()));
    let pair = &update.update.key_value;
    if pair.key != index.as_bytes() {
        return refused("update.key_value.key is not the user's index, SHA-256 of its vrf");
    }
    let Some(committed) = &update.committed else {
        return refused("committed is missing");
    };
    if committed.key.len() != NONCE {
        return refused("committed.key has not exactly 16 bytes");
    }
    if committed.data.len() > MAX_PROFILE {
        return refused("committed.data has more than 192 KiB");
    }
    let profile = Profile::decode(&committed.data)
        .map_err(|fault| Refusal::Commitment(format!("committed.data is no Profile: {fault}")))?;
    let entry = Entry::decode(&pair.value).map_err(|fault| {
        Refusal::Commitment(format!("update.key_value.value is no Entry: {fault}"))
    })?;
    if !opens(&entry.commitment, user, committed) {
        return refused("committed does not open the entry's commitment for this user");
    }
    if profile.0.contains_key(PGP) {
        return Err(Refusal::App {
            app: PGP.to_owned(),
            fault: "this directory can't check OpenPGP keys".to_owned(),
        });
    }
    let checked = apps.check(user, &profile, &entry, now());
    checked.map_err(|error| Refusal::App {
        app: error.app,
        fault: error.fault,
    })
}

/// Whether the update may follow what stands there.
pub(crate) fn follows(
    update: &EntryUpdate,
    leaf: Option<&[u8]>,
) -> Result<mutation::Verdict, Refusal> {
    mutation::check(&update.update, leaf).map_err(Refusal::Mutation)
}

fn now() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Time::from_unix(now.map_or(0, |now| now.as_secs()))
}
