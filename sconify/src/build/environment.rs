//! What the programs of a build hear from the caller.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;

/// Variables that say where things are and how to reach a registry. None of them has a part in what
/// is generated, so these and no others reach a clean build.
const HANDED_ON: [&str; 22] = [
    "ALL_PROXY",
    "CARGO_BUILD_JOBS",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PATH",
    "RUSTUP_AUTO_INSTALL",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_HOME",
    "RUSTUP_UPDATE_ROOT",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "USER",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "socks_proxy",
];

/// The same by their beginnings.
const HANDED_ON_PREFIXES: [&str; 4] = [
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
];

/// Leaves a command the variables that have no part in what it generates, and sets those that might
/// to what they are everywhere.
pub(super) fn clean(command: &mut Command) {
    command.env_clear();
    for (name, value) in env::vars_os() {
        if name == "PATH" {
            command.env(name, absolute_only(&value));
        } else if is_handed_on(&name) {
            command.env(name, value);
        }
    }
    command
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("SOURCE_DATE_EPOCH", "0");
}

/// A search path without folders that are others in another working directory: there the compilers
/// would run other tools than [`find_tool`] has found.
fn absolute_only(path: &OsStr) -> OsString {
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    // Fails only for what was not split.
    env::join_paths(folders).unwrap_or_default()
}

fn is_handed_on(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        HANDED_ON.contains(&name)
            || HANDED_ON_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    })
}

/// Leaves a command the user's variables, without those that a cargo above has set.
pub(super) fn of_user(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if is_set_by_cargo(&name) {
            command.env_remove(name);
        }
    }
}

/// Whether cargo sets this variable for the programs, tests and build scripts that it runs.
///
/// They must not reach a cargo below: build scripts such as ring's ask to be run again when one of
/// them changes, so every such build would begin anew. What a user sets to configure cargo
/// (`CARGO_HOME`, `CARGO_TARGET_DIR`, `CARGO_BUILD_…`, `CARGO_NET_…`, …) is handed on.
fn is_set_by_cargo(name: &OsStr) -> bool {
    const NAMES: [&str; 6] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_MAKEFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
    ];
    const PREFIXES: [&str; 5] = [
        "CARGO_BIN_",
        "CARGO_CFG_",
        "CARGO_FEATURE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
    ];
    name.to_str().is_some_and(|name| {
        NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

/// The user's cargo home, where registries are kept.
pub(super) fn cargo_home() -> Result<PathBuf, Error> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let home = set("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    home.and_then(|home| std::path::absolute(home).ok())
        .ok_or(Error::NoCargoHome)
}

/// Where the checkout's cargo puts what it builds, if nobody says otherwise in a file.
pub(super) fn target_folder(checkout: &Path) -> PathBuf {
    let set = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    let folder = set.map_or_else(|| checkout.join("target"), PathBuf::from);
    // Fails only if there is no working directory: then it's relative to nothing anyway.
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The file of a tool: as it is if it's a path, on the search path if it's a name.
pub(super) fn find_tool(tool: &Path) -> Result<PathBuf, Error> {
    let found = if tool.components().count() > 1 {
        tool.is_file().then(|| tool.to_owned())
    } else {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .map(|folder| folder.join(tool))
            .find(|path| path.is_absolute() && is_program(path))
    };
    found.ok_or_else(|| Error::Tool {
        tool: tool.to_owned(),
        source: io::ErrorKind::NotFound.into(),
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_sets_is_told_from_what_users_set() {
        for name in [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_VERSION",
            "CARGO_BIN_EXE_x",
            "OUT_DIR",
        ] {
            assert!(is_set_by_cargo(name.as_ref()), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_NET_OFFLINE",
            "CARGO_TERM_COLOR",
            "CARGO_PROFILE_DEV_DEBUG",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_X_TOKEN",
            "CARGO_INCREMENTAL",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "PATH",
        ] {
            assert!(!is_set_by_cargo(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn nothing_that_changes_code_reaches_a_clean_build() {
        for name in [
            "CC",
            "CFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_HOME",
            "CARGO_INCREMENTAL",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_UNSTABLE_TRIM_PATHS",
            "COMPILER_PATH",
            "CPATH",
            "GCC_EXEC_PREFIX",
            "HOME",
            "LD_LIBRARY_PATH",
            "LD_PRELOAD",
            "LIBRARY_PATH",
            "NUM_JOBS",
            "RUSTC",
            "RUSTC_BOOTSTRAP",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!is_handed_on(name.as_ref()), "{name}");
        }
        for name in [
            "PATH",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_X_TOKEN",
            "https_proxy",
        ] {
            assert!(is_handed_on(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn the_search_path_is_the_same_from_any_folder() {
        let path = OsStr::new("bin:/usr/bin::./x:/bin:");
        assert_eq!(absolute_only(path), "/usr/bin:/bin");
        assert_eq!(absolute_only(OsStr::new("bin")), "");
    }

    #[test]
    fn tools_are_found_on_the_search_path() {
        let found = find_tool(Path::new("sh")).unwrap();
        assert!(found.is_absolute() && found.ends_with("sh"));
        assert_eq!(find_tool(&found).unwrap(), found);
        let error = find_tool(Path::new("no-such-tool")).unwrap_err();
        assert!(error.to_string().contains("no-such-tool"), "{error}");
        find_tool(Path::new("/no/such/tool")).unwrap_err();
    }
}
