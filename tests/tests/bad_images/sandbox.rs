//! A folder for one case, with everything in it that is good: each case spoils one thing.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sconce_tests::keys;
use sconce_tests::platform::sconce_program;
use serde_json::Value;
use tempfile::TempDir;

use crate::elf;

/// The parameters of the good image.
pub(crate) const CONFIG: &str = "\
name = \"worker\"\nproduct_id = 1\nsecurity_version = 1\n\n[heap]\nsize = \"1 MiB\"\n\n[threads]\n\
count = 1\nstack = \"64 KiB\"\n";

/// Something in a folder.
pub(crate) enum Entry {
    File(Vec<u8>),
    /// Readable by its owner alone.
    Secret(Vec<u8>),
    Folder,
    Link(&'static str),
    Pipe,
    /// What is there, with a change.
    Changed(fn(&mut Vec<u8>)),
    /// The file with this name is not there.
    Absent,
}

/// What is good, made once:
///
/// | | |
/// |---|---|
/// | `program`, `enclave.toml` | a static-pie program and its parameters |
/// | `good.sgxs`, `good.sig` | their stream, and its signature |
/// | `key.pem`, `public.pem` | the key that signed |
/// | `tree/`, `heavy/` | files |
/// | `image/`, `debug/` | an image of that; the same signed for debugging |
/// | `filed/`, `large/` | images with `tree/`, with `heavy/` as `/data` |
/// | `other/` | an image of another program |
/// | `package.tar`, `layout/` | `image/` packaged |
pub(crate) struct Fixtures {
    folder: TempDir,
    bin: TempDir,
}

impl Fixtures {
    pub(crate) fn make() -> Self {
        let fixtures = Self {
            folder: tempfile::tempdir().unwrap(),
            bin: tempfile::tempdir().unwrap(),
        };
        // A copy that others may execute, and that no build replaces meanwhile.
        fs::set_permissions(fixtures.bin.path(), Permissions::from_mode(0o755)).unwrap();
        // Another process writes it: what another test starts meanwhile would inherit our open file,
        // and nobody could execute it.
        let copied = Command::new("cp")
            .args([sconce_program(), &fixtures.program()])
            .status();
        assert!(copied.unwrap().success());
        let path = fixtures.path();
        fs::write(path.join("program"), elf::good()).unwrap();
        fs::write(path.join("changed"), elf::with(0x1004, [0x90])).unwrap();
        fs::write(path.join("enclave.toml"), CONFIG).unwrap();
        fs::create_dir_all(path.join("tree/sub")).unwrap();
        fs::write(path.join("tree/a.txt"), "hello").unwrap();
        fs::write(path.join("tree/sub/b"), "x").unwrap();
        fs::create_dir_all(path.join("heavy")).unwrap();
        fs::write(path.join("heavy/m"), vec![7; 200 << 10]).unwrap();
        fixtures.run("key new key.pem");
        let key = fs::read_to_string(path.join("key.pem")).unwrap();
        fs::write(path.join("public.pem"), keys::public_half(&key)).unwrap();
        fixtures.image("image", "program", None, "");
        fixtures.image("debug", "program", None, "--debug");
        fixtures.image("other", "changed", None, "");
        fixtures.image("filed", "program", Some("tree"), "");
        fixtures.image("large", "program", Some("heavy"), "");
        fs::remove_file(path.join("changed")).unwrap();
        for (file, copy) in [("worker.sgxs", "good.sgxs"), ("worker.sig", "good.sig")] {
            fs::copy(path.join("image/enclave").join(file), path.join(copy)).unwrap();
        }
        fixtures.run("package --from image --to sconce/worker:1 -o package.tar");
        fixtures.run("package --from image --to sconce/worker:1 --layout layout");
        fixtures
    }

    /// `sconce`.
    pub(crate) fn program(&self) -> PathBuf {
        self.bin.path().join("sconce")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command that must succeed; what it says.
    fn run(&self, line: &str) -> String {
        let output = Command::new(self.program())
            .arg("sconify")
            .args(line.split_whitespace())
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "sconify {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes an image of its parts.
    fn image(&self, name: &str, program: &str, files: Option<&str>, flavour: &str) {
        let path = self.path();
        let enclave = path.join(name).join("enclave");
        fs::create_dir_all(&enclave).unwrap();
        fs::copy(path.join("enclave.toml"), enclave.join("enclave.toml")).unwrap();
        let mut digest = String::new();
        if let Some(files) = files {
            let brought = path.join(name).join("files/data");
            fs::create_dir_all(&brought).unwrap();
            copy(&path.join(files), &brought);
            let out = format!("{name}/enclave/manifest.bin");
            let line = format!("--json files manifest --fs-dir {files}:/data --out {out}");
            let report: Value = serde_json::from_str(&self.run(&line)).unwrap();
            digest = format!("--files {}", report["digest"].as_str().unwrap());
        }
        let (stream, signature) = ("enclave/worker.sgxs", "enclave/worker.sig");
        self.run(&format!(
            "measure --program {program} --config enclave.toml {digest} --out {name}/{stream} \
                 --rebuilt {name}/worker"
        ));
        self.run(&format!(
            "sign --key key.pem --date 2024-02-29 --config enclave.toml {flavour} \
                 {name}/{stream} -o {name}/{signature}"
        ));
    }
}

/// A copy of what is good.
pub(crate) struct Sandbox {
    folder: TempDir,
    mounted: bool,
}

impl Sandbox {
    /// In memory where that's possible: hundreds of these come and go, and nothing of them has to last.
    pub(crate) fn new(fixtures: &Fixtures) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        // Others may look, so that a case can be run as somebody else.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        copy(fixtures.path(), folder.path());
        Self {
            folder,
            mounted: false,
        }
    }

    /// On a file system of its own; `None` where nobody may mount one.
    pub(crate) fn on_own_disk(fixtures: &Fixtures) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| {
            copy(fixtures.path(), folder.path());
            Self {
                folder,
                mounted: true,
            }
        })
    }

    /// Leaves no more room on its disk than so many KiB.
    pub(crate) fn fill(&self, room: u32) {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        let ballast = disk.f_bavail * disk.f_frsize - u64::from(room) * 1024;
        fs::write(self.path().join("ballast"), vec![0; ballast as usize]).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn put(&self, name: &OsStr, entry: &Entry) {
        let path = self.path().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).unwrap();
        }
        match entry {
            Entry::File(bytes) => fs::write(&path, bytes).unwrap(),
            Entry::Secret(bytes) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            }
            Entry::Folder => fs::create_dir_all(&path).unwrap(),
            Entry::Link(to) => symlink(to, &path).unwrap(),
            Entry::Pipe => {
                let mode = rustix::fs::Mode::from(0o600);
                let fifo = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
            }
            Entry::Changed(change) => {
                let mut bytes = fs::read(&path).unwrap();
                change(&mut bytes);
                fs::write(&path, bytes).unwrap();
            }
            Entry::Absent if path.is_dir() => fs::remove_dir_all(&path).unwrap(),
            Entry::Absent => fs::remove_file(&path).unwrap(),
        }
    }

    /// Everything in it: paths, modes, contents.
    pub(crate) fn contents(&self) -> BTreeSet<(PathBuf, u32, Vec<u8>)> {
        let mut found = BTreeSet::new();
        list(self.path(), &mut found);
        found
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.mounted {
            let _left = Command::new("umount").arg(self.folder.path()).output();
        }
    }
}

fn list(folder: &Path, found: &mut BTreeSet<(PathBuf, u32, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let content = if metadata.is_file() {
            fs::read(&path).unwrap()
        } else if metadata.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .as_os_str()
                .as_bytes()
                .to_vec()
        } else {
            Vec::new()
        };
        if metadata.is_dir() {
            list(&path, found);
        }
        found.insert((path, metadata.permissions().mode(), content));
    }
}

/// Copies a tree of files and folders; modes stay.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
