//! The directory that workers are looked up in, as the command line names it.

use std::path::{Path, PathBuf};

use client::directory::{Directory, Lookup};
use protocol::crypto::sha256;
use transparency::trust::Trust;

use super::policy::{refuse_trap, shown};
use super::refusal::of_directory;
use crate::failure::Failure;
use crate::folders;

/// What a data folder has of its directory: everything that requesters pin.
pub(crate) const RECORD: &str = "directory.json";

/// Where what was seen of directories is kept, in the folder of what a requester keeps.
const SEEN: &str = "directories";

/// The file of a platform that has a directory.
pub(crate) fn of_platform(data: &Path) -> Option<PathBuf> {
    Some(data.join(RECORD)).filter(|file| file.is_file())
}

/// What is pinned in a file.
pub(crate) fn pinned(file: &Path) -> Result<Trust, Failure> {
    let unusable = |fault: &dyn std::fmt::Display| {
        Failure::unusable(format_args!("{}: {fault}", shown(file))).advice(
            "`sconce up` writes such a file into its data folder: directory.json; what a directory says of \
             itself is at /v1/config",
        )
    };
    let text = std::fs::read(file).map_err(|error| unusable(&error))?;
    refuse_trap(file)?;
    Trust::from_json(&text).map_err(|fault| unusable(&fault).coded(fault.code()))
}

/// Looks up in the directory that is pinned in a file, at the address in it; what is seen is remembered for
/// later runs.
pub(crate) fn lookup(file: &Path) -> Result<Lookup, Failure> {
    let trust = pinned(file)?;
    let address = trust.address.as_deref().ok_or_else(|| {
        Failure::unusable(format_args!("{} has no address", shown(file)))
            .advice("add the member \"address\", as in http://127.0.0.1:8080")
    })?;
    let directory = Directory::connect(address)
        .map_err(|error| of_directory(format_args!("{}: ", shown(file)), &error.into()))?;
    let lookup = Lookup::new(directory, &trust).map_err(|fault| {
        Failure::unusable(format_args!("{}: {fault}", shown(file))).coded(fault.code())
    })?;
    Ok(lookup.remembering(memory_of(&trust)?))
}

/// The file that remembers what this user has seen of a directory. Another key is another directory.
pub(crate) fn memory_of(trust: &Trust) -> Result<PathBuf, Failure> {
    let folder = folders::state()?.join(SEEN);
    folders::make_private(&folder).map_err(|error| {
        Failure::failed(format_args!("{}: {error}", shown(&folder))).advice(
            "what was seen of directories is kept there; XDG_STATE_HOME names another place",
        )
    })?;
    let keys = [trust.realm.as_bytes(), b"\0", trust.map_key.as_bytes()];
    let name = hex::encode(&sha256(&keys)[..16]);
    Ok(folder.join(format!("{name}.json")))
}
