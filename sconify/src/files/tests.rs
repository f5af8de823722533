//! From folders to an image and back, through the library.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use clap::Parser;
use tempfile::TempDir;

use super::format::{Access, Node};
use super::path::FilePath;
use super::*;
use crate::terminal::Terminal;
use crate::{Fault as _, image};

/// The command line that has these options.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// A folder with a tree in it.
struct Place(TempDir);

const KEY: &str = "4242424242424242424242424242424242424242424242424242424242424242";

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, bytes) in [
            ("app/main.py", &b"print()"[..]),
            ("app/lib/a.so", &[7; 200_000]),
            ("app/lib/empty", b""),
            ("secret/key.pem", b"very secret indeed"),
            ("secret/large", &[9; 2 * merkle::CHUNK]),
            ("plain/readme", b"hello"),
        ] {
            place.put(name, bytes);
        }
        fs::create_dir(place.path("app/none")).unwrap();
        let program = fs::Permissions::from_mode(0o700);
        fs::set_permissions(place.path("app/main.py"), program).unwrap();
        symlink("lib/a.so", place.path("app/link")).unwrap();
        fs::write(place.path("key"), KEY).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// An option with a source in this place.
    fn from(&self, option: &str, source: &str, path: &str) -> String {
        format!("--{option}={}:{path}", self.path(source).display())
    }

    fn everything(&self) -> Vec<String> {
        vec![
            self.from("fs-dir", "app", "/app"),
            self.from("dir", "secret", "/secret"),
            self.from("plain", "plain", "/app/plain"),
            "--host-path=/etc/resolv.conf".to_owned(),
            format!("--fs-key={}", self.path("key").display()),
        ]
    }

    fn image(&self) -> PathBuf {
        let image = self.path("image");
        let plan = plan(&self.everything()).unwrap();
        plan.write_to(&image, &terminal()).unwrap();
        image
    }
}

fn terminal() -> Terminal {
    Terminal::new(false, true)
}

fn plan(options: &[impl AsRef<str>]) -> Result<Plan, crate::Error> {
    let options = options.iter().map(AsRef::as_ref);
    let line = Line::parse_from(std::iter::once("line").chain(options));
    line.options.plan(&terminal())
}

fn refused(options: &[impl AsRef<str>]) -> crate::Error {
    match plan(options) {
        Ok(_) => panic!("nothing was wrong"),
        Err(error) => error,
    }
}

fn digest(image: &Path) -> String {
    let bytes = fs::read(image.join(image::MANIFEST)).unwrap();
    format::ManifestDigest::of(&bytes).to_string()
}

fn differences(image: &Path) -> Vec<(String, &'static str)> {
    let opened = image::open(image).unwrap();
    let files = Files::open(&opened, Some(&digest(image))).unwrap().unwrap();
    let verified = files.verify(&terminal()).unwrap();
    let named = |one: Difference| (one.name, one.what);
    verified.differences.into_iter().map(named).collect()
}

fn extract(
    image: &Path,
    paths: &[&str],
    key: Option<&str>,
    to: &Path,
) -> Result<usize, crate::Error> {
    let opened = image::open(image).unwrap();
    let files = Files::open(&opened, Some(&digest(image))).unwrap().unwrap();
    let paths: Vec<_> = paths
        .iter()
        .map(|path| FilePath::new(path).unwrap())
        .collect();
    let key = key.map(|key| key.parse().unwrap());
    files.extract(&paths, key.as_ref(), to, &terminal())
}

#[test]
fn a_plan_has_each_file_once_and_protects_it_as_it_was_told() {
    let place = Place::new();
    let plan = plan(&place.everything()).unwrap();
    let manifest = format::Manifest::decode(plan.manifest().unwrap()).unwrap();
    let lines: Vec<_> = manifest
        .entries()
        .iter()
        .map(|entry| {
            let what = match &entry.node {
                Node::Folder => "folder".to_owned(),
                Node::Link(target) => format!("-> {target}"),
                Node::File(content) => {
                    let executable = if content.executable { " x" } else { "" };
                    let sealed = if content.id.is_some() { " sealed" } else { "" };
                    format!("{}{executable}{sealed}", content.size)
                }
            };
            format!("{} {what}", entry.path)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    /app folder
    /app/lib folder
    /app/lib/a.so 200000
    /app/lib/empty 0
    /app/link -> lib/a.so
    /app/main.py 7 x
    /app/none folder
    /secret folder
    /secret/key.pem 18 sealed
    /secret/large 131072 sealed
    ");
    assert_eq!(manifest.access("/app/plain/readme"), Access::Unprotected);
    assert_eq!(manifest.access("/etc/resolv.conf"), Access::Unprotected);
    assert_eq!(manifest.access("/etc/passwd"), Access::Denied);
}

#[test]
fn the_report_has_the_seeds_form() {
    let place = Place::new();
    let mrenclave = sgx::Mrenclave([0xb8; 32]);
    let with_key = plan(&place.everything()).unwrap();
    insta::assert_snapshot!("report_with_key", *with_key.report().text(mrenclave));
    let without = plan(&[place.from("fs-dir", "app", "/app")]).unwrap();
    insta::assert_snapshot!("report_without_key", *without.report().text(mrenclave));
    let none = plan(&[""; 0]).unwrap();
    insta::assert_snapshot!("report_without_files", *none.report().text(mrenclave));
    assert!(none.is_empty() && none.manifest().is_none() && none.digest().is_none());
}

#[test]
fn the_last_line_is_that_of_the_manifest() {
    let place = Place::new();
    let with_key = plan(&place.everything()).unwrap();
    let key: seal::FsKey = KEY.parse().unwrap();
    let tag = key.tag(with_key.manifest().unwrap()).to_string();
    assert!(
        with_key
            .report()
            .lines()
            .last()
            .unwrap()
            .ends_with(&format!("tag: {tag}"))
    );
    let fingerprint = with_key.report().fingerprint(sgx::Mrenclave([1; 32]));
    assert_eq!(*fingerprint, format!("{KEY}|{tag}|{}", "01".repeat(32)));
    let without = plan(&[place.from("fs-dir", "app", "/app")]).unwrap();
    let digest = without.digest().unwrap().to_string();
    assert!(without.report().lines().last().unwrap().ends_with(&digest));
}

#[test]
fn the_same_files_under_the_same_key_make_the_same_image() {
    let (one, other) = (Place::new(), Place::new());
    let (one, other) = (one.image(), other.image());
    for name in [
        "enclave/manifest.bin",
        "files/secret/large",
        "files/app/main.py",
    ] {
        assert!(fs::read(one.join(name)).unwrap() == fs::read(other.join(name)).unwrap());
    }
    let place = Place::new();
    let fresh = [place.from("dir", "secret", "/secret")];
    assert_ne!(
        plan(&fresh).unwrap().digest(),
        plan(&fresh).unwrap().digest()
    );
}

#[test]
fn nothing_secret_is_in_the_image() {
    let place = Place::new();
    let image = place.image();
    for entry in ["files/secret/key.pem", "enclave/manifest.bin"] {
        let bytes = fs::read(image.join(entry)).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!has(b"very secret"), "{entry}");
        // Nor anything that a guess could be compared with.
        let mut hasher = merkle::Hasher::new();
        hasher.chunk(b"very secret indeed");
        assert!(!has(&hasher.finish().0), "{entry}");
    }
}

#[test]
fn what_was_written_is_verified_and_extracted() {
    let place = Place::new();
    let image = place.image();
    assert_eq!(differences(&image), []);
    let to = place.path("out");
    assert_eq!(extract(&image, &[], Some(KEY), &to).unwrap(), 10);
    for name in [
        "app/main.py",
        "app/lib/a.so",
        "app/lib/empty",
        "secret/key.pem",
        "secret/large",
    ] {
        let (before, after) = (fs::read(place.path(name)), fs::read(to.join(name)));
        assert!(before.unwrap() == after.unwrap(), "{name}");
    }
    assert_eq!(
        fs::read_link(to.join("app/link")).unwrap(),
        Path::new("lib/a.so")
    );
    let mode = |name: &str| to.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("app/main.py"), mode("app/lib/a.so"), mode("app")),
        (0o755, 0o644, 0o755)
    );
    assert_eq!(
        (mode("secret/key.pem"), mode("secret/large")),
        (0o600, 0o600)
    );
    assert!(to.join("app/none").is_dir());
    assert!(!to.join("app/plain").exists());
}

#[test]
fn a_part_is_extracted_and_needs_no_key_if_it_is_not_encrypted() {
    let place = Place::new();
    let image = place.image();
    let to = place.path("out");
    assert_eq!(extract(&image, &["/app/lib"], None, &to).unwrap(), 3);
    assert!(to.join("app/lib/a.so").is_file() && !to.join("app/main.py").exists());
    let again = place.path("again");
    let error = extract(&image, &[], None, &again).unwrap_err();
    assert_eq!(error.code(), "files.key");
    assert!(!again.exists());
    let error = extract(&image, &["/app/x"], None, &again).unwrap_err();
    assert_eq!(error.code(), "files.path");
    let error = extract(&image, &["/secret"], Some(&"00".repeat(32)), &again).unwrap_err();
    assert_eq!(error.code(), "files.integrity");
    assert!(!again.exists());
}

#[test]
fn every_change_of_an_image_is_found() {
    let place = Place::new();
    let image = place.image();
    let member = |name: &str| image.join("files").join(name);
    let flip = |name: &str| {
        let mut bytes = fs::read(member(name)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(member(name), bytes).unwrap();
    };
    flip("app/lib/a.so");
    flip("secret/large");
    fs::remove_file(member("app/main.py")).unwrap();
    fs::write(member("app/lib/empty"), "x").unwrap();
    fs::write(member("app/more"), "x").unwrap();
    fs::write(member("app/link"), "x").unwrap();
    fs::create_dir(member("etc")).unwrap();
    fs::write(member("etc/passwd"), "x").unwrap();
    // What is not protected may be anything.
    fs::write(member("etc/resolv.conf"), "x").unwrap();
    fs::write(member("app/plain/readme"), "x").unwrap();
    let program = fs::Permissions::from_mode(0o755);
    fs::set_permissions(member("secret/key.pem"), program).unwrap();
    let found: Vec<_> = differences(&image)
        .into_iter()
        .map(|(name, what)| format!("{name} {what}"))
        .collect();
    insta::assert_snapshot!(found.join("\n"), @"
    files/app/lib/a.so holds something else than the manifest says
    files/app/lib/empty has another size than the manifest says
    files/app/link is a file, and the manifest says no
    files/app/main.py is missing
    files/app/more is not listed in the manifest
    files/etc/passwd is not listed in the manifest
    files/secret/key.pem is executable, and the manifest says no
    files/secret/large holds something else than the manifest says
    ");
    for path in [
        "/app/lib/a.so",
        "/secret/large",
        "/app/main.py",
        "/app/lib/empty",
    ] {
        let to = place.path("out");
        let error = extract(&image, &[path], Some(KEY), &to).unwrap_err();
        assert_eq!(error.code(), "files.integrity", "{path}");
        assert!(!to.exists(), "{path}");
    }
}

#[test]
fn another_manifest_than_the_measured_one_is_refused() {
    let place = Place::new();
    let image = place.image();
    let opened = image::open(&image).unwrap();
    let other = "00".repeat(32);
    for (measured, what) in [
        (Some(other.as_str()), "is not the one that was measured"),
        (None, "knows of no files"),
    ] {
        let error = Files::open(&opened, measured).unwrap_err();
        assert_eq!(error.code(), "files.integrity");
        assert!(error.to_string().contains(what), "{error}");
    }
    let measured = digest(&image);
    fs::remove_file(image.join(image::MANIFEST)).unwrap();
    let opened = image::open(&image).unwrap();
    let error = Files::open(&opened, Some(&measured)).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    fs::remove_dir_all(image.join("files")).unwrap();
    let opened = image::open(&image).unwrap();
    assert!(Files::open(&opened, None).unwrap().is_none());
}

#[test]
fn what_can_not_be_in_an_image_is_refused() {
    let place = Place::new();
    let app = place.from("fs-dir", "app", "/app");
    let refusal = |options: &[&str]| {
        let error = refused(options);
        (error.code(), error.to_string())
    };
    let with = |make: &dyn Fn(&Path)| {
        let path = place.path("app/bad");
        make(&path);
        let found = refusal(&[&app]);
        fs::remove_file(&path).unwrap();
        found
    };
    let expect = |found: (&str, String), code: &str, what: &str| {
        assert!(found.0 == code && found.1.contains(what), "{found:?}");
    };
    let pipe = |path: &Path| {
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    expect(with(&pipe), "files.tree", "app/bad is a pipe");
    let socket = |path: &Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    expect(with(&socket), "files.tree", "app/bad is a socket");
    for out in ["/etc/passwd", "../secret/key.pem", "../../x", "lib/../../x"] {
        let link = |path: &Path| symlink(out, path).unwrap();
        expect(with(&link), "files.region", "the link `/app/bad`");
    }
    let name = place.path("app/e\u{301}");
    fs::write(&name, "").unwrap();
    expect(refusal(&[&app]), "files.path", "normal form C");
    fs::remove_file(name).unwrap();
    let (twice, nowhere) = (
        place.from("dir", "secret", "/app"),
        place.from("dir", "nil", "/n"),
    );
    expect(
        refusal(&[&app, &twice]),
        "files.region",
        "`/app` has two options",
    );
    expect(refusal(&[&nowhere]), "file.io", "nil");
    expect(
        refusal(&["--fs-dir=/dev/null:/null"]),
        "files.tree",
        "neither a folder nor a regular",
    );
    expect(
        refusal(&["--fs-dir=app"]),
        "files.path",
        "does not begin with `/`",
    );
    expect(refusal(&["--host-path=/etc/../x"]), "files.path", "`..`");
    expect(
        refusal(&[&app, "--host-path=/app/a/b"]),
        "files.region",
        "`/app/a/b`",
    );
    let root = place.from("fs-dir", "app/main.py", "/");
    expect(
        refusal(&[&root]),
        "files.tree",
        "main.py is a file, and the root",
    );
    let plain = place.from("plain", "app", "/plain");
    expect(refusal(&[&plain]), "files.tree", "app/link is a link");
    let key = place.from("fs-key", "app/main.py", "");
    expect(
        refusal(&[key.trim_end_matches(':')]),
        "files.key",
        "64 hex digits",
    );
}

#[test]
fn a_file_that_changes_is_noticed() {
    let place = Place::new();
    let plan = plan(&place.everything()).unwrap();
    let image = place.path("image");
    place.put("secret/key.pem", b"another secret key");
    let error = plan.write_to(&image, &terminal()).unwrap_err();
    assert_eq!(error.code(), "files.changed");
    fs::remove_file(place.path("app/main.py")).unwrap();
    symlink("/etc/passwd", place.path("app/main.py")).unwrap();
    let error = plan
        .write_to(&place.path("again"), &terminal())
        .unwrap_err();
    assert_eq!(error.code(), "files.changed");
    assert!(error.to_string().contains("app/main.py"), "{error}");
}

#[test]
fn a_folder_that_becomes_a_link_is_not_followed() {
    let place = Place::new();
    let plan = plan(&place.everything()).unwrap();
    fs::rename(place.path("app/lib"), place.path("moved")).unwrap();
    symlink(place.path("moved"), place.path("app/lib")).unwrap();
    let error = plan
        .write_to(&place.path("image"), &terminal())
        .unwrap_err();
    assert_eq!(error.code(), "files.changed");
    assert!(error.to_string().contains("app/lib/a.so"), "{error}");
}
