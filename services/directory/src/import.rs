//! A whole directory at once: users and their signed updates, as one epoch.

use std::path::Path;

use serde::Deserialize;
use transparency::map::MapId;
use transparency::messages::{Committed, EntryUpdate};
use transparency::mutation::Verdict;

use crate::apps::Apps;
use crate::sequencer::now;
use crate::stamp::Stamp;
use crate::storage::{Imported, Mutation, Options, SignerError, Stage, Storage, UserRecord};
use crate::{Config, Error, Keys, updates};

/// Longest line of a file to import, in bytes.
pub const MAX_LINE: usize = 512 << 10;

/// Imports into an empty directory, which must not be running. `prepare` is called on every core; the users
/// may come in any order. All of them become one epoch, or nothing does.
///
/// # Errors
///
/// A setting or a file can't be used; `prepare` refuses a user; or the directory has entries.
pub fn import<T: Send>(
    config: &Config,
    source: impl Iterator<Item = T> + Send,
    prepare: impl Fn(&Keys, T) -> Result<Imported, SignerError> + Sync,
    progress: &(dyn Fn(Stage) + Sync),
) -> Result<u64, Error> {
    let map = MapId::new(config.realm.as_str()).map_err(|fault| Error::Setting {
        setting: "realm",
        fault: fault.to_string(),
    })?;
    let keys = Keys::open(&config.keys, &config.realm)?;
    let storage: Storage = open(&config.folder, map)?;
    let issued = now();
    let mut stamp = Stamp {
        keys: &keys,
        realm: &config.realm,
        issued,
    };
    let prepare = |one| prepare(&keys, one);
    let sealed = storage
        .import(issued, source, prepare, &mut stamp, progress)
        .map_err(failed)?;
    storage.publish(sealed.checkpoint).map_err(failed)?;
    progress(Stage::Settling);
    storage.settle().map_err(failed)?;
    Ok(sealed.head.epoch)
}

fn open(folder: &Path, map: MapId) -> Result<Storage, Error> {
    Storage::open(folder, Options::new(map)).map_err(failed)
}

fn failed(error: crate::storage::Error) -> Error {
    match error.code() {
        "directory.import" => Error::Import(error.to_string()),
        _ => Error::Store(error.to_string()),
    }
}

/// A line of a file to import: a user, and what it signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    user_id: String,
    entry_update: EntryUpdate,
}

/// Reads and checks a line: `{"user_id":"alice","entry_update":{...}}`, where the update is a first one, as a PUT
/// would have it. `proofs` has VRF proofs made at once; else the first request for a user makes its own.
///
/// # Errors
///
/// What a PUT would be refused with.
pub fn line(keys: &Keys, apps: &Apps, proofs: bool, line: &[u8]) -> Result<Imported, SignerError> {
    let Line {
        user_id,
        entry_update,
    } = serde_json::from_slice(line).map_err(|fault| unread(&fault))?;
    crate::directory::is_user(&user_id)?;
    let (output, proof) = if proofs {
        let (output, proof) = keys.vrf.prove(&user_id)?;
        (output, Some(*proof.as_bytes()))
    } else {
        (keys.vrf.evaluate(&user_id)?, None)
    };
    let index = output.index();
    updates::check(&user_id, &index, &entry_update, apps)?;
    if updates::follows(&entry_update, None)? != Verdict::Apply {
        return Err("the update changes nothing".into());
    }
    Ok(Imported {
        record: UserRecord {
            vrf: *output.as_bytes(),
            proof,
        },
        mutation: Mutation {
            user: user_id,
            index,
            leaf: entry_update.update.key_value.value.clone(),
            update: entry_update.update.encode(),
            committed: entry_update
                .committed
                .as_ref()
                .map(Committed::encode)
                .unwrap_or_default(),
        },
    })
}

/// What is wrong with a line, which is one however serde_json counts.
fn unread(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    format!("{reason} (column {})", fault.column())
}
