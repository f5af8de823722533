use proptest::prelude::*;

use super::super::path::PathFault;
use super::*;

fn path(text: &str) -> FilePath {
    FilePath::new(text).unwrap()
}

fn region(mode: Mode, at: &str) -> Region {
    let path = path(at);
    Region { path, mode }
}

fn folder(at: &str) -> Entry {
    let (path, node) = (path(at), Node::Folder);
    Entry { path, node }
}

fn file(at: &str, id: Option<u8>) -> Entry {
    let content = Content {
        size: 5,
        executable: false,
        stored: Root([7; 32]),
        id: id.map(|byte| ContentId([byte; 32])),
    };
    let (path, node) = (path(at), Node::File(content));
    Entry { path, node }
}

fn link(at: &str, target: &str) -> Entry {
    let (path, node) = (path(at), Node::Link(target.to_owned()));
    Entry { path, node }
}

const CHECK: KeyCheck = KeyCheck([9; 16]);

/// One of everything.
fn regions() -> Vec<Region> {
    vec![
        region(Mode::Authenticated, "/app"),
        region(Mode::None, "/app/run"),
        region(Mode::Encrypted, "/app/secret"),
        region(Mode::None, "/etc/resolv.conf"),
    ]
}

fn entries() -> Vec<Entry> {
    vec![
        folder("/app"),
        file("/app/f", None),
        link("/app/l", "../etc/resolv.conf"),
        folder("/app/secret"),
        file("/app/secret/k", Some(3)),
    ]
}

fn manifest() -> Manifest {
    Manifest::new(regions(), Some(CHECK), entries()).unwrap()
}

fn refusal(change: impl FnOnce(&mut Vec<Region>, &mut Option<KeyCheck>, &mut Vec<Entry>)) -> Rule {
    let (mut regions, mut check, mut entries) = (regions(), Some(CHECK), entries());
    change(&mut regions, &mut check, &mut entries);
    let made = Manifest::new(regions.clone(), check, entries.clone());
    let rule = made.unwrap_err();
    // Whoever writes the bytes without these rules is refused by the same one.
    regions.sort_by(|a, b| a.path.cmp(&b.path));
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let read = Manifest::decode(&encode(&regions, check, &entries));
    if rule != Rule::KeyCheck && !matches!(rule, Rule::ContentId(_)) {
        assert_eq!(read.unwrap_err().rule, rule);
    } else {
        // There is no place for what is too much, and something else in the place of what lacks.
        assert!(read.is_err());
    }
    rule
}

#[test]
fn the_bytes_are_those_of_the_documentation() {
    let mut expected = MAGIC.to_vec();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend([text.len() as u8, 0]);
        out.extend(text.as_bytes());
    };
    expected.extend([4, 0, 0, 0]);
    for (mode, at) in [
        (1, "/app"),
        (0, "/app/run"),
        (2, "/app/secret"),
        (0, "/etc/resolv.conf"),
    ] {
        expected.push(mode);
        text(&mut expected, at);
    }
    expected.extend([9; 16]);
    expected.extend([5, 0, 0, 0]);
    for (kind, at) in [
        (0, "/app"),
        (1, "/app/f"),
        (3, "/app/l"),
        (0, "/app/secret"),
        (1, "/app/secret/k"),
    ] {
        expected.push(kind);
        text(&mut expected, at);
        match at {
            "/app/f" | "/app/secret/k" => {
                expected.extend([5, 0, 0, 0, 0, 0, 0, 0]);
                expected.extend([7; 32]);
                expected.extend(vec![3; if at == "/app/f" { 0 } else { 32 }]);
            }
            "/app/l" => text(&mut expected, "../etc/resolv.conf"),
            _ => {}
        }
    }
    assert_eq!(manifest().encode(), expected);
    assert_eq!(Manifest::decode(&expected), Ok(manifest()));
    // printf 'sconce/v1/files/manifest\0' | cat - manifest.bin | sha256sum
    let digest = merkle::sha256(&[b"sconce/v1/files/manifest\0", &expected]);
    assert_eq!(manifest().digest().to_string(), hex::encode(digest));
}

#[test]
fn the_longest_region_decides_and_nothing_else_is_allowed() {
    let manifest = manifest();
    let listed = |path: &str| matches!(manifest.access(path), Access::Listed(_));
    assert!(listed("/app") && listed("/app/f") && listed("/app/secret/k"));
    for path in ["/app/run", "/app/run/x/y", "/etc/resolv.conf"] {
        assert_eq!(manifest.access(path), Access::Unprotected, "{path}");
    }
    for path in [
        "/",
        "/etc",
        "/app/x",
        "/app/runner",
        "/app/secret/x",
        "/appx",
        "",
        "app",
        "//",
    ] {
        assert_eq!(manifest.access(path), Access::Denied, "{path}");
    }
    let everything = Manifest::new(vec![region(Mode::None, "/")], None, Vec::new()).unwrap();
    assert_eq!(everything.access("/any/thing"), Access::Unprotected);
}

#[test]
fn records_are_there_once_and_in_order() {
    let twice = |path: &str| Rule::Order(path.to_owned());
    assert_eq!(
        refusal(|r, _, _| r.push(region(Mode::None, "/app"))),
        twice("/app")
    );
    assert_eq!(refusal(|_, _, e| e.push(folder("/app/f"))), twice("/app/f"));
    let mut swapped = entries();
    swapped.swap(1, 2);
    let bytes = encode(&regions(), Some(CHECK), &swapped);
    assert_eq!(Manifest::decode(&bytes).unwrap_err().rule, twice("/app/f"));
}

#[test]
fn folders_are_listed_and_are_folders() {
    let orphan = |path: &str| Rule::Orphan(path.to_owned());
    assert_eq!(
        refusal(|_, _, e| e.push(file("/app/x/y", None))),
        orphan("/app/x/y")
    );
    assert_eq!(
        refusal(|_, _, e| e.push(file("/app/f/y", None))),
        orphan("/app/f/y")
    );
    assert_eq!(
        refusal(|_, _, e| e.push(file("/app/l/y", None))),
        orphan("/app/l/y")
    );
    assert_eq!(
        refusal(|r, _, _| r.push(region(Mode::None, "/app/l/run"))),
        orphan("/app/l/run")
    );
    let missing = refusal(|r, _, _| r.push(region(Mode::Authenticated, "/lib")));
    assert_eq!(missing, Rule::NoRoot("/lib".to_owned()));
}

#[test]
fn what_is_listed_is_protected() {
    for at in ["/app-", "/etc/resolv.conf", "/app/run/x", "/"] {
        let rule = refusal(|_, _, e| e.push(folder(at)));
        assert_eq!(rule, Rule::Unprotected(at.to_owned()));
    }
}

#[test]
fn the_root_is_a_folder() {
    let root = |entry| Manifest::new(vec![region(Mode::Authenticated, "/")], None, vec![entry]);
    assert_eq!(root(file("/", None)), Err(Rule::Root));
    assert_eq!(root(link("/", "/a")), Err(Rule::Root));
    assert!(root(folder("/")).is_ok());
}

#[test]
fn encryption_and_key_check_belong_together() {
    assert_eq!(refusal(|_, check, _| *check = None), Rule::KeyCheck);
    let without = refusal(|_, _, e| e[4] = file("/app/secret/k", None));
    assert_eq!(without, Rule::ContentId("/app/secret/k".to_owned()));
    let with = refusal(|_, _, e| e[1] = file("/app/f", Some(1)));
    assert_eq!(with, Rule::ContentId("/app/f".to_owned()));
    let none = Manifest::new(Vec::new(), Some(CHECK), Vec::new());
    assert_eq!(none, Err(Rule::KeyCheck));
}

#[test]
fn links_lead_to_regions() {
    for target in [
        "f",
        "./f",
        "secret//k",
        "/app/f",
        "../app/f",
        "run/socket",
        "nowhere/yet",
        "/app/",
    ] {
        let mut entries = entries();
        entries[2] = link("/app/l", target);
        let made = Manifest::new(regions(), Some(CHECK), entries);
        assert!(made.is_ok(), "{target}: {made:?}");
    }
    for (target, what) in [
        ("", "leads to a path that is empty or too long"),
        ("/etc/passwd", "leads to a path that no region holds"),
        ("../lib", "leads to a path that no region holds"),
        ("../../etc/resolv.conf", "leads out of the file system"),
        ("../..", "leads out of the file system"),
        ("..", "leads to a path that no region holds"),
        ("secret/../f", "has `..` behind a name"),
        ("/app/../etc/resolv.conf", "has `..` behind a name"),
        ("/..", "leads out of the file system"),
        ("a\0", "has a name in it that no file can have here"),
        ("e\u{301}", "has a name in it that no file can have here"),
    ] {
        let rule = refusal(|_, _, e| e[2] = link("/app/l", target));
        assert_eq!(rule, Rule::Link("/app/l".to_owned(), what), "{target}");
    }
}

#[test]
fn other_bytes_are_refused_where_they_are_wrong() {
    let good = manifest().encode();
    let rule = |bytes: &[u8]| {
        let refusal = Manifest::decode(bytes).unwrap_err();
        (refusal.offset, refusal.rule)
    };
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        rule(&bytes)
    };
    assert_eq!(rule(b""), (0, Rule::Truncated));
    assert_eq!(changed(0, b's'), (0, Rule::Magic));
    assert_eq!(changed(15, 2), (0, Rule::Magic));
    assert_eq!(changed(20, 3), (20, Rule::Number(3, "mode")));
    assert_eq!(changed(23, b'a'), (20, Rule::Path(PathFault::Relative)));
    assert_eq!(changed(24, 0xff), (20, Rule::Path(PathFault::Encoding)));
    let trailing = [&good[..], &[0]].concat();
    assert_eq!(rule(&trailing), (good.len(), Rule::Trailing));
    let many = [&MAGIC[..], &[0xff; 4]].concat();
    assert_eq!(rule(&many), (20, Rule::Truncated));
    let mut large = entries();
    large[1] = file("/app/f", None);
    if let Node::File(content) = &mut large[1].node {
        content.size = u64::MAX;
    }
    let rule = Manifest::new(regions(), Some(CHECK), large).unwrap_err();
    assert_eq!(rule, Rule::Size("/app/f".to_owned()));
}

proptest! {
    #[test]
    fn no_prefix_is_a_manifest(at in any::<prop::sample::Index>()) {
        let bytes = manifest().encode();
        prop_assert!(Manifest::decode(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn another_byte_is_another_manifest_or_none(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let good = manifest();
        let mut bytes = good.encode();
        let at = at.index(bytes.len());
        let same = bytes[at] == byte;
        bytes[at] = byte;
        if let Ok(other) = Manifest::decode(&bytes) {
            // There is one way to write it.
            prop_assert_eq!(other.encode(), bytes);
            prop_assert_eq!(other == good, same);
            prop_assert_eq!(other.digest() == good.digest(), same);
        }
    }

    #[test]
    fn any_tree_survives(
        names in prop::collection::btree_set("[a-c/é.]{1,6}", 0..20),
        sizes in prop::collection::vec(0..1u64 << 48, 20),
        encrypted in any::<bool>(),
    ) {
        let mut entries = std::collections::BTreeMap::new();
        for (name, size) in names.iter().zip(sizes) {
            let Ok(path) = FilePath::new(&format!("/r/{name}")) else {
                continue;
            };
            let content = Content {
                size,
                executable: size % 2 == 0,
                stored: Root([size as u8; 32]),
                id: encrypted.then_some(ContentId([1; 32])),
            };
            let mut above = path.parent();
            entries.entry(path.as_str().to_owned()).or_insert(Node::File(content));
            while let Some(folder) = above.filter(|folder| folder.len() > 1) {
                entries.insert(folder.to_owned(), Node::Folder);
                above = folder.rfind('/').map(|at| &folder[..at]);
            }
        }
        entries.insert("/r".to_owned(), Node::Folder);
        let mode = if encrypted { Mode::Encrypted } else { Mode::Authenticated };
        let check = encrypted.then_some(CHECK);
        let entries = entries.into_iter().map(|(at, node)| Entry { path: path(&at), node });
        let made = Manifest::new(vec![region(mode, "/r")], check, entries.rev().collect());
        let made = made.unwrap();
        prop_assert_eq!(Manifest::decode(&made.encode()), Ok(made));
    }
}
