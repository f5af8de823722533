use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;
use crate::Fault as _;

/// A folder as `sconify build` leaves it, in small.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("enclave")).unwrap();
    fs::write(folder.path().join("worker"), b"program").unwrap();
    fs::write(folder.path().join("enclave/worker.sgxs"), b"stream").unwrap();
    folder
}

fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// Kind, name and data.
type Entry<'a> = (EntryType, &'a [u8], &'a [u8]);

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, data) in entries {
        let header = header(*kind, name, data.len() as u64);
        builder.append(&header, *data).unwrap();
    }
    builder.into_inner().unwrap()
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn refusal(bytes: &[u8]) -> Error {
    let file = written(bytes);
    open(file.path()).unwrap_err()
}

#[test]
fn a_folder_is_read() {
    let folder = folder();
    let image = open(folder.path()).unwrap();
    assert_eq!(image.form(), Form::Folder);
    assert_eq!(image.name().unwrap(), "worker");
    let names: Vec<_> = image.members().map(|(name, _)| name).collect();
    assert_eq!(names, ["enclave/worker.sgxs", "worker"]);
    assert_eq!(image.folders().collect::<Vec<_>>(), ["enclave"]);
    assert_eq!(image.member("worker").unwrap().size(), 7);
    assert_eq!(image.read("worker", 7).unwrap(), b"program");
    assert_eq!(image.read("worker", 6).unwrap_err().code(), "image.member");
    assert_eq!(image.read("other", 6).unwrap_err().code(), "image.form");
}

#[test]
fn links_and_pipes_are_refused() {
    let folder = folder();
    let link = folder.path().join("enclave/link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    assert_eq!(open(folder.path()).unwrap_err().code(), "image.member");
    fs::remove_file(&link).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(&link).unwrap();
    assert_eq!(open(folder.path()).unwrap_err().code(), "image.member");
    drop(socket);
}

#[test]
fn what_changes_behind_our_back_is_refused() {
    let folder = folder();
    let image = open(folder.path()).unwrap();
    let worker = folder.path().join("worker");
    fs::write(&worker, b"another").unwrap();
    assert_eq!(image.read("worker", 7).unwrap(), b"another");
    fs::write(&worker, b"longer than before").unwrap();
    assert_eq!(image.read("worker", 7).unwrap_err().code(), "image.member");
    fs::remove_file(&worker).unwrap();
    std::os::unix::fs::symlink("enclave/worker.sgxs", &worker).unwrap();
    assert_eq!(image.read("worker", 7).unwrap_err().code(), "file.io");
}

#[test]
fn a_tar_is_read_in_place() {
    let file = written(&tar(&[
        (EntryType::Directory, b"./", b""),
        (EntryType::Directory, b"./enclave/", b""),
        (EntryType::Regular, b"./enclave/worker.sgxs", &[7; 1000]),
        (EntryType::Regular, b"worker", b"program"),
    ]));
    let image = open(file.path()).unwrap();
    assert_eq!(image.form(), Form::Archive);
    assert_eq!(image.name().unwrap(), "worker");
    let mut reader = image.reader("enclave/worker.sgxs").unwrap();
    reader.seek(SeekFrom::Start(990)).unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [7; 10]);
    assert_eq!(image.read("worker", 100).unwrap(), b"program");
}

#[test]
fn long_names_are_read() {
    let long = format!("files/{}", "x".repeat(300));
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o755);
    builder
        .append_data(&mut header, &long, &b"text"[..])
        .unwrap();
    let pax = "files/".to_owned() + &"y".repeat(300);
    let records = [("path", pax.as_bytes()), ("mtime", b"1.5")];
    builder.append_pax_extensions(records).unwrap();
    let header = self::header(EntryType::Regular, b"short", 4);
    builder.append(&header, &b"more"[..]).unwrap();
    let file = written(&builder.into_inner().unwrap());
    let image = open(file.path()).unwrap();
    assert_eq!(image.read(&long, 4).unwrap(), b"text");
    assert!(image.member(&long).unwrap().is_executable());
    assert_eq!(image.read(&pax, 4).unwrap(), b"more");
}

#[test]
fn hostile_tars_are_refused() {
    use EntryType::{Directory, Fifo, Link, Regular, Symlink};

    let cases: &[(&[Entry<'_>], &str)] = &[
        (&[(Regular, b"../worker", b"")], "leads out"),
        (&[(Regular, b"a/../../worker", b"")], "leads out"),
        (&[(Regular, b"/etc/passwd", b"")], "absolute"),
        (&[(Regular, b"a//b", b"")], "empty part"),
        (&[(Regular, b"a\x1b[2Jb", b"")], "control character"),
        (&[(Regular, b"a\xffb", b"")], "not UTF-8"),
        (&[(Regular, b"", b"")], "has no name"),
        (&[(Symlink, b"worker", b"")], "is a link"),
        (&[(Link, b"worker", b"")], "is a link"),
        (&[(Fifo, b"worker", b"")], "neither a file"),
        (
            &[(Regular, b"a", b""), (Regular, b"./a", b"")],
            "is there twice",
        ),
        (
            &[(Regular, b"a", b""), (Regular, b"a/b", b"")],
            "a file and a folder",
        ),
        (
            &[(Regular, b"a/b", b""), (Regular, b"a", b"")],
            "is there twice",
        ),
        (
            &[(Regular, b"a", b""), (Directory, b"a", b"")],
            "a file and a folder",
        ),
    ];
    for (entries, what) in cases {
        let error = refusal(&tar(entries));
        assert_eq!(error.code(), "image.member", "{error}");
        assert!(error.to_string().contains(what), "{error}, not {what}");
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }
}

/// Go's reader, and so docker's, sees other entries in each of these.
#[test]
fn what_others_read_otherwise_is_refused() {
    let entry = |kind, name: &[u8], data: &[u8]| tar(&[(kind, name, data)])[..].to_vec();
    let part = |kind, name: &[u8], data: &[u8]| {
        let mut bytes = entry(kind, name, data);
        bytes.truncate(bytes.len() - 1024);
        bytes
    };
    let worker = part(EntryType::Regular, b"worker", b"program");
    let long = part(EntryType::GNULongName, b"L", b"worker\0");
    let pax = |records: &[u8]| part(EntryType::XHeader, b"x", records);
    let renamed = pax(b"14 path=other\n");
    let hidden = part(EntryType::new(b'V'), b"hidden", &worker);
    let mut negative = header(EntryType::Regular, b"worker", 0);
    negative.as_old_mut().size = [0xff; 12];
    negative.as_old_mut().size[4..].fill(0);
    negative.set_cksum();
    for (what, bytes) in [
        ("two names", [&long[..], &renamed, &worker].concat()),
        ("two names", [&long[..], &long, &worker].concat()),
        (
            "two extended",
            [&renamed[..], &pax(b"11 a=xxxxx\n"), &worker].concat(),
        ),
        (
            "two names",
            [&pax(b"10 path=a\n10 path=b\n")[..], &worker].concat(),
        ),
        (
            "two sizes",
            [&pax(b"9 size=7\n9 size=0\n")[..], &worker].concat(),
        ),
        (
            "cannot be read",
            [&pax(b"\n10 path=a\n")[..], &worker].concat(),
        ),
        (
            "cannot be read",
            [&pax(b"11 a=xxxxx\n\n10 path=a\n")[..], &worker].concat(),
        ),
        ("unknown type", [&hidden[..], &worker].concat()),
        ("a size", negative.as_bytes().to_vec()),
    ] {
        let error = refusal(&bytes);
        assert_eq!(error.code(), "image.archive", "{error}");
        assert!(error.to_string().contains(what), "{error}, not {what}");
    }
}

#[test]
fn damaged_tars_are_refused() {
    let good = tar(&[(EntryType::Regular, b"worker", &[7; 1000])]);
    for length in [1, 511, 513, 1000, 1511] {
        assert_eq!(refusal(&good[..length]).code(), "image.archive", "{length}");
    }
    let mut flipped = good.clone();
    flipped[3] ^= 1;
    assert_eq!(refusal(&flipped).code(), "image.archive");

    // Sizes that would overflow, or make us allocate what isn't there.
    for size in [1 << 20, u64::MAX / 2, u64::MAX - 511, u64::MAX] {
        for kind in [
            EntryType::Regular,
            EntryType::GNULongName,
            EntryType::XHeader,
        ] {
            let mut header = header(kind, b"worker", 0);
            header.set_size(size);
            header.set_cksum();
            let error = refusal(header.as_bytes());
            assert_eq!(error.code(), "image.archive", "{error}");
        }
    }
    assert_eq!(refusal(b"no tar at all").code(), "image.archive");
}

#[test]
fn what_is_taken_for_an_image_is_called_what_it_is() {
    for (bytes, what) in [
        (&b"\x7fELF\x02\x01\x01\0"[..], "is a program"),
        (b"ECREATE\0", "is a stream alone"),
        (b"\x1f\x8b\x08\0", "gunzip it"),
        (b"\x28\xb5\x2f\xfd", "unzstd it"),
    ] {
        let error = refusal(bytes);
        assert_eq!(error.code(), "image.form");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn what_is_no_image_has_no_name() {
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(open(empty.path()).unwrap_err().code(), "image.form");
    fs::create_dir(empty.path().join(ENCLAVE)).unwrap();
    let image = open(empty.path()).unwrap();
    assert_eq!(image.name().unwrap_err().code(), "image.form");
    assert_eq!(
        open(Path::new("/dev/null")).unwrap_err().code(),
        "image.form"
    );
    let missing = open(&empty.path().join("x")).unwrap_err();
    assert_eq!(missing.code(), "file.io");
    let two = folder();
    fs::write(two.path().join("enclave/vault.sgxs"), b"").unwrap();
    let image = open(two.path()).unwrap();
    assert_eq!(image.name().unwrap_err().code(), "image.form");
}
