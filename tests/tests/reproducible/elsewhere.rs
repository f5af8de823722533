//! A copy of the checkout where everything is different.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sconce_tests::platform::sconce_program;
use sconce_tests::skipped::skipped;
use tempfile::TempDir;

/// Somebody else's machine, as far as that can be had on this one.
pub(crate) struct Elsewhere {
    root: TempDir,
    checkout: PathBuf,
    cargo_home: PathBuf,
    seeded: bool,
}

impl Elsewhere {
    /// With the sources of `checkout`, and the packages that cargo has fetched here, if it has.
    pub(crate) fn new(checkout: &Path) -> Self {
        let root = tempfile::Builder::new()
            .prefix("somewhere else, it's ")
            .tempdir()
            .unwrap();
        let copy = root.path().join("a/deeper folder/source");
        for file in sources(checkout) {
            let to = copy.join(&file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(checkout.join(&file), to).unwrap();
        }
        let cargo_home = root.path().join("cargo");
        fs::create_dir_all(root.path().join("home/.cargo")).unwrap();
        let seeded = seed(&cargo_home);
        let elsewhere = Self {
            root,
            checkout: copy,
            cargo_home,
            seeded,
        };
        elsewhere.lay_traps();
        elsewhere
    }

    /// Settings that would change the program if they reached the build.
    fn lay_traps(&self) {
        let write = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            self.cargo_home.join("config.toml"),
            "[build]\nrustflags = ['-Ctarget-cpu=native']\n[profile.enclave]\nopt-level = 1\n",
        );
        write(
            self.checkout.parent().unwrap().join(".cargo/config.toml"),
            "[env]\nCFLAGS = { value = '-O0', force = true }\n[build]\nrustc-wrapper = 'false'\n",
        );
    }

    /// Builds the image and returns its folder.
    pub(crate) fn build(&self, key: &Path) -> PathBuf {
        let mut command = match has_own_host_name() {
            true => {
                let mut command = Command::new("unshare");
                command.args([
                    "--uts",
                    "sh",
                    "-c",
                    "hostname elsewhere; umask 077; exec \"$@\"",
                ]);
                command
            }
            false => {
                skipped("another host name", "unshare --uts is not to be had");
                let mut command = Command::new("sh");
                command.args(["-c", "umask 077; exec \"$@\""]);
                command
            }
        };
        command
            .arg("sh")
            .arg(sconce_program())
            .args(["sconify", "--quiet", "build", "--key"])
            .arg(key)
            .env_clear()
            .envs(self.environment())
            .current_dir(self.checkout.join("worker/src"))
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.checkout.join("target/sconify/worker")
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut all: Vec<(OsString, OsString)> = Vec::new();
        let mut set = |name: &str, value: OsString| all.push((name.into(), value));
        // What it takes to run cargo at all, and to reach a registry.
        for (name, value) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            let keep = [
                "PATH",
                "RUSTUP_AUTO_INSTALL",
                "SSL_CERT_FILE",
                "SSL_CERT_DIR",
            ];
            if keep.contains(&text.as_str()) || text.ends_with("_PROXY") {
                set(&name.to_string_lossy(), value);
            }
        }
        if let Some(rustup) = rustup_home() {
            set("RUSTUP_HOME", rustup.into());
        }
        set("HOME", self.root.path().join("home").into());
        set("CARGO_HOME", self.cargo_home.clone().into());
        if self.seeded {
            set("CARGO_NET_OFFLINE", "true".into());
        }
        set("CARGO_BUILD_JOBS", "1".into());
        set("TZ", "Asia/Kathmandu".into());
        set("LANG", "tr_TR.UTF-8".into());
        set("RUSTFLAGS", "-Ctarget-cpu=native".into());
        set("CFLAGS", "-O0 -DNDEBUG=2".into());
        set("CARGO_PROFILE_ENCLAVE_OPT_LEVEL", "1".into());
        set("RUSTC_WRAPPER", "false".into());
        all
    }
}

/// Whether a process can have a host name of its own, so that this machine keeps its.
fn has_own_host_name() -> bool {
    Command::new("unshare")
        .args(["--uts", "hostname", "elsewhere"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Where rustup keeps its toolchains, if there is a rustup.
fn rustup_home() -> Option<PathBuf> {
    let set = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let usual = || std::env::home_dir().map(|home| home.join(".rustup"));
    set.or_else(usual).filter(|folder| folder.is_dir())
}

/// Gives a cargo home the packages that are here already, so that nothing has to be fetched.
fn seed(cargo_home: &Path) -> bool {
    let ours = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let Some(registry) = ours.map(|home| home.join("registry")) else {
        return false;
    };
    let parts = ["index", "cache"];
    if !parts.iter().all(|part| registry.join(part).is_dir()) {
        return false;
    }
    for part in parts {
        let to = cargo_home.join("registry").join(part);
        sconce_tests::image::copy(&registry.join(part), &to);
    }
    true
}

/// What a stranger gets of the checkout: the files that git knows, and new ones that it doesn't ignore.
/// Without git, everything but hidden and built files.
fn sources(checkout: &Path) -> Vec<PathBuf> {
    let known = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(checkout)
        .output()
        .ok()
        .filter(|output| output.status.success());
    let Some(known) = known else {
        let mut found = Vec::new();
        walk(checkout, Path::new(""), &mut found);
        return found;
    };
    let names = String::from_utf8(known.stdout).unwrap();
    names
        .split_terminator('\0')
        .map(PathBuf::from)
        // One that was removed and not committed.
        .filter(|name| checkout.join(name).is_file())
        .collect()
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let name = entry.unwrap().file_name();
        let path = folder.join(&name);
        if name == "target" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        } else if root.join(&path).is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path);
        }
    }
}
