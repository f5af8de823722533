//! Where cargo keeps the packages of a build.
//!
//! The name of the folder is cargo's choice: it differs from one version of cargo to the next, and with a
//! mirror in place of the registry. It must not show in the program.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::cargo::{self, Progress};
use super::toolchain::TARGET;
use super::{Error, sha256};
use crate::output::write_whole;

/// The folders, and of what they were learned.
#[derive(Serialize, Deserialize)]
struct Learned {
    /// SHA-256 of everything on which the folders depend.
    key: String,
    folders: Vec<PathBuf>,
}

/// The folders with the packages that are not the checkout's own, in ascending order. Cargo fetches
/// what is missing. `cargo` is clean and has the cargo home; `memory` is a file that spares asking it
/// again.
pub(super) fn folders(
    mut cargo: Command,
    checkout: &Path,
    settings: &str,
    memory: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<PathBuf>, crate::Error> {
    let lock = checkout.join("Cargo.lock");
    let lock = fs::read(&lock).map_err(crate::Error::io("read", &lock))?;
    let place = format!("{cargo:?} {} {settings}", checkout.display());
    let key = sha256(&[place.as_bytes(), lock.as_slice()].concat());
    if let Some(folders) = remembered(memory, &key) {
        return Ok(folders);
    }
    cargo
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", TARGET, "--manifest-path"])
        .arg(checkout.join("Cargo.toml"));
    let folders = parse(&cargo::ask(&mut cargo, progress)?)?;
    let learned = Learned { key, folders };
    write_whole(memory, false, |out| {
        serde_json::to_writer(&mut *out, &learned)
            .map_err(Into::into)
            .and_then(|()| out.flush())
            .map_err(crate::Error::io("write", memory))
    })?;
    Ok(learned.folders)
}

fn remembered(memory: &Path, key: &str) -> Option<Vec<PathBuf>> {
    let learned: Learned = serde_json::from_slice(&fs::read(memory).ok()?).ok()?;
    let holds = learned.key == key && learned.folders.iter().all(|folder| folder.is_dir());
    holds.then_some(learned.folders)
}

/// The folders in the output of `cargo metadata` (the Cargo Book, "cargo metadata").
fn parse(metadata: &str) -> Result<Vec<PathBuf>, Error> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        source: Option<String>,
        manifest_path: PathBuf,
    }
    let metadata: Metadata = serde_json::from_str(metadata).map_err(|error| Error::Foreign {
        path: "the output of cargo metadata".into(),
        what: error.to_string(),
    })?;
    let mut folders: Vec<_> = metadata
        .packages
        .into_iter()
        .filter(|package| package.source.is_some())
        .filter_map(|package| Some(package.manifest_path.parent()?.parent()?.to_owned()))
        .collect();
    folders.sort();
    folders.dedup();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_those_of_packages_from_elsewhere() {
        let metadata = r#"{"packages":[
            {"source":null,"manifest_path":"/checkout/worker/Cargo.toml"},
            {"source":"registry+x","manifest_path":"/home/registry/src/x-1/ring-0.17.14/Cargo.toml"},
            {"source":"registry+x","manifest_path":"/home/registry/src/x-1/syn-3.0.0/Cargo.toml"}
        ],"version":1}"#;
        let folders = parse(metadata).unwrap();
        assert_eq!(folders, [Path::new("/home/registry/src/x-1")]);
        assert!(parse("{}").is_err());
    }

    #[test]
    fn what_was_learned_holds_while_the_folders_are_there() {
        let root = tempfile::tempdir().unwrap();
        let (memory, folder) = (root.path().join("memory"), root.path().join("packages"));
        let learned = Learned {
            key: "k".to_owned(),
            folders: vec![folder.clone()],
        };
        fs::write(&memory, serde_json::to_vec(&learned).unwrap()).unwrap();
        assert_eq!(remembered(&memory, "k"), None);
        fs::create_dir(&folder).unwrap();
        assert_eq!(remembered(&memory, "k"), Some(vec![folder]));
        assert_eq!(remembered(&memory, "other"), None);
    }
}
