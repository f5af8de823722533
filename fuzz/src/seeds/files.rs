//! File manifests.

use sconify::files::format::{
    Content, ContentId, Entry, KeyCheck, Manifest, Mode, Node, Region, Rule,
};
use sconify::files::merkle::Root;
use sconify::files::path::FilePath;

pub(super) fn manifests() -> Vec<Vec<u8>> {
    let nothing = Manifest::new(Vec::new(), None, Vec::new());
    let everything = Manifest::new(vec![region(Mode::None, "/")], None, Vec::new());
    let looked_up = [
        (nothing, "/a"),
        (everything, "/any/thing"),
        (authenticated(), "/app/main.py"),
        (nested(), "/app/secret/key"),
        (nested(), "/app/run/socket"),
    ];
    let seeds = looked_up.into_iter().map(|(manifest, path)| {
        let mut seed = vec![path.len() as u8];
        seed.extend(path.as_bytes());
        seed.extend(manifest.expect("honest").encode());
        seed
    });
    seeds.collect()
}

fn authenticated() -> Result<Manifest, Rule> {
    let entries = vec![
        entry("/", Node::Folder),
        entry("/app", Node::Folder),
        entry("/app/main.py", file(true, false)),
        entry("/app/é", file(false, false)),
        entry("/app/link", Node::Link("../app/main.py".to_owned())),
    ];
    Manifest::new(vec![region(Mode::Authenticated, "/")], None, entries)
}

fn nested() -> Result<Manifest, Rule> {
    let regions = vec![
        region(Mode::Authenticated, "/app"),
        region(Mode::None, "/app/run"),
        region(Mode::Encrypted, "/app/secret"),
        region(Mode::None, "/etc/resolv.conf"),
    ];
    let entries = vec![
        entry("/app", Node::Folder),
        entry("/app/l", Node::Link("/etc/resolv.conf".to_owned())),
        entry("/app/secret", Node::Folder),
        entry("/app/secret/key", file(false, true)),
    ];
    Manifest::new(regions, Some(KeyCheck([9; 16])), entries)
}

fn region(mode: Mode, at: &str) -> Region {
    let path = path(at);
    Region { path, mode }
}

fn entry(at: &str, node: Node) -> Entry {
    let path = path(at);
    Entry { path, node }
}

fn file(executable: bool, encrypted: bool) -> Node {
    Node::File(Content {
        size: 65_537,
        executable,
        stored: Root([7; 32]),
        id: encrypted.then_some(ContentId([3; 32])),
    })
}

fn path(text: &str) -> FilePath {
    FilePath::new(text).expect("canonical")
}
