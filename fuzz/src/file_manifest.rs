//! The manifest of an image's files, and what it says of a path.

use sconify::files::format::{Access, Entry, Manifest, Mode, Node, Region};
use sconify::files::path::FilePath;

/// The first byte is the length of a path that follows; the rest is a manifest.
pub fn run(data: &[u8]) {
    let Some((&length, rest)) = data.split_first() else {
        return;
    };
    let Some((path, bytes)) = rest.split_at_checked(length.into()) else {
        return;
    };
    let manifest = match Manifest::decode(bytes) {
        Ok(manifest) => manifest,
        Err(refusal) => {
            assert!(refusal.offset <= bytes.len() && !refusal.to_string().is_empty());
            return;
        }
    };
    // There is one way to write it, whatever the order in which it is put together.
    assert_eq!(manifest.encode(), bytes);
    let (mut regions, mut entries) = (manifest.regions().to_vec(), manifest.entries().to_vec());
    regions.reverse();
    entries.reverse();
    let again = Manifest::new(regions, manifest.key_check(), entries);
    assert_eq!(again.as_ref(), Ok(&manifest));
    assert!(Manifest::decode(&bytes[..bytes.len() - 1]).is_err());

    for entry in manifest.entries() {
        assert_eq!(manifest.access(entry.path.as_str()), Access::Listed(entry));
        assert_eq!(FilePath::new(entry.path.as_str()).as_ref(), Ok(&entry.path));
        check(&manifest, entry);
    }
    if let Ok(path) = FilePath::from_bytes(path) {
        lookup(&manifest, &path);
    }
}

/// The region of a path, and whether it's listed, found the slow way.
fn lookup(manifest: &Manifest, path: &FilePath) {
    let holding = manifest.regions().iter();
    let holding = holding.filter(|region| region.path.holds(path.as_str()));
    let region = holding.max_by_key(|region| region.path.as_str().len());
    assert_eq!(manifest.region_of(path.as_str()), region);
    let listed = manifest.entries().iter().find(|entry| entry.path == *path);
    let expected = match (region.map(|region| region.mode), listed) {
        (Some(Mode::None), None) => Access::Unprotected,
        (Some(_), Some(entry)) => Access::Listed(entry),
        _ => Access::Denied,
    };
    assert_eq!(manifest.access(path.as_str()), expected);
}

/// What an entry must be, since it was taken.
fn check(manifest: &Manifest, entry: &Entry) {
    let region = manifest.region_of(entry.path.as_str());
    let mode = region.map(|region| region.mode);
    match &entry.node {
        Node::Folder => {}
        Node::File(content) => assert_eq!(content.id.is_some(), mode == Some(Mode::Encrypted)),
        Node::Link(target) => {
            let place = resolve(entry, target);
            assert!(manifest.region_of(&place).is_some(), "{place}");
        }
    }
    assert!(matches!(mode, Some(Mode::Authenticated | Mode::Encrypted)));
    let is_root = |region: &Region| region.path == entry.path;
    if !region.is_some_and(is_root) {
        let folder = entry.path.parent().map(|folder| manifest.access(folder));
        let is_folder =
            |access| matches!(access, Access::Listed(listed) if listed.node == Node::Folder);
        assert!(folder.is_some_and(is_folder), "{}", entry.path);
    }
}

/// Where a link leads, name by name.
fn resolve(entry: &Entry, target: &str) -> String {
    let from = if target.starts_with('/') {
        "/"
    } else {
        entry.path.parent().unwrap_or("/")
    };
    let mut names: Vec<&str> = from.split('/').filter(|name| !name.is_empty()).collect();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => assert!(names.pop().is_some(), "{target} leads out"),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}
