//! Outside test vectors: facts that other programs established.
//!
//! They aren't part of the repository. `SCONCE_VECTORS` names their folder; otherwise
//! `../shared/vectors` beside the checkout is tried.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A folder of vectors, if there is one here.
///
/// # Panics
///
/// If `SCONCE_VECTORS` is set and has no such folder: asked for, they may not be skipped.
pub fn folder(name: &str) -> Option<PathBuf> {
    let asked = std::env::var_os("SCONCE_VECTORS").map(PathBuf::from);
    let root = asked.clone().map_or_else(beside_checkout, |path| {
        // Tests run in their package's folder; the variable is usually given from the root.
        if path.is_relative() {
            checkout().join(path)
        } else {
            path
        }
    });
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap_or(folder));
    }
    assert!(
        asked.is_none(),
        "SCONCE_VECTORS is set, but {} is no folder",
        folder.display()
    );
    eprintln!(
        "\n*** SKIPPED: no vectors at {}. Set SCONCE_VECTORS to check against them. ***\n",
        folder.display()
    );
    None
}

/// The JSON files in `folder`, sorted by name.
pub fn json_files(folder: &Path) -> Vec<(String, Value)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let value = serde_json::from_str(&text)
                .unwrap_or_else(|fault| panic!("{name} is no JSON: {fault}"));
            (name, value)
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn beside_checkout() -> PathBuf {
    checkout().join("../shared/vectors")
}
