//! A cargo home for the build alone: the user's registries, and of the user's settings only those
//! that say how to reach them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Error, environment};
use crate::output::write_whole;

/// What is shared with the user's cargo home: folders, and files that cargo locks so that two of it do
/// not write to these folders at once.
const FOLDERS: [&str; 2] = ["registry", "git"];
const LOCKS: [&str; 2] = [".package-cache", ".package-cache-mutate"];
const CREDENTIALS: [&str; 2] = ["credentials.toml", "credentials"];

/// Tables of cargo's configuration that say where packages come from. `Cargo.lock` has the checksums
/// of these, and cargo compares them with what it fetches: see [`refuse_folders`].
const TABLES: [&str; 6] = [
    "credential-alias",
    "http",
    "net",
    "registries",
    "registry",
    "source",
];

/// A cargo home without settings that change what is built.
pub(super) struct CargoHome {
    /// Its folder.
    pub(super) path: PathBuf,
    /// The user's, where the packages are.
    pub(super) of_user: PathBuf,
    /// Its settings, as TOML.
    pub(super) settings: String,
}

impl CargoHome {
    /// Makes or renews it at `path`, with what the user's files say for `checkout`.
    pub(super) fn prepare(path: &Path, checkout: &Path) -> Result<Self, crate::Error> {
        let of_user = environment::cargo_home()?;
        refuse_root_settings()?;
        let settings = settings(checkout, &of_user)?;
        let cannot = |source| crate::Error::io("create", path)(source);
        fs::create_dir_all(path).map_err(cannot)?;
        for name in FOLDERS {
            let folder = of_user.join(name);
            fs::create_dir_all(&folder).map_err(crate::Error::io("create", &folder))?;
            link(&folder, &path.join(name)).map_err(cannot)?;
        }
        for name in LOCKS {
            link(&of_user.join(name), &path.join(name)).map_err(cannot)?;
        }
        for name in CREDENTIALS {
            let credentials = of_user.join(name);
            if credentials.is_file() {
                link(&credentials, &path.join(name)).map_err(cannot)?;
            }
        }
        let file = path.join("config.toml");
        if fs::read_to_string(&file).ok().as_deref() != Some(settings.as_str()) {
            write_whole(&file, false, |out| {
                io::Write::write_all(out, settings.as_bytes())
                    .map_err(crate::Error::io("write", &file))
            })?;
        }
        Ok(Self {
            path: path.to_owned(),
            of_user,
            settings,
        })
    }
}

/// Cargo reads the settings of all folders above its working directory, which is `/` here.
fn refuse_root_settings() -> Result<(), Error> {
    let files = ["/.cargo/config.toml", "/.cargo/config"].map(Path::new);
    match files.into_iter().find(|file| file.exists()) {
        Some(path) => Err(Error::Settings {
            path: path.to_owned(),
            what: "it would change every build of this machine; move it to a home folder"
                .to_owned(),
        }),
        None => Ok(()),
    }
}

fn link(target: &Path, name: &Path) -> io::Result<()> {
    if fs::read_link(name).is_ok_and(|found| found == target) {
        return Ok(());
    }
    match fs::remove_file(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => symlink(target, name),
    }
}

/// What cargo would read in the checkout about registries; the nearest file wins.
fn settings(checkout: &Path, home: &Path) -> Result<String, Error> {
    let folders = checkout.ancestors().map(|folder| folder.join(".cargo"));
    let mut merged = Table::new();
    for folder in folders.chain([home.to_owned()]) {
        for name in ["config", "config.toml"] {
            let file = folder.join(name);
            // Only a file that's there and can't be read is a fault.
            let text = match fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(refuse(&file, &error.to_string())),
            };
            let table: Table = text
                .parse()
                .map_err(|error: toml::de::Error| refuse(&file, error.message()))?;
            let from = folder.parent().unwrap_or(Path::new("/"));
            for (name, value) in table {
                if TABLES.contains(&name.as_str()) {
                    if name == "source" {
                        refuse_folders(&file, &value)?;
                    }
                    merge(&mut merged, name, absolute(value, from));
                }
            }
            break;
        }
    }
    // Whoever has not used a package lately may still want it.
    merged.insert(
        "cache".to_owned(),
        Value::Table(Table::from_iter([(
            "auto-clean-frequency".to_owned(),
            Value::String("never".to_owned()),
        )])),
    );
    Ok(merged.to_string())
}

/// Of a folder of unpacked packages cargo believes what the folder itself says of them: others could
/// come in that way, by the names and checksums of `Cargo.lock`. The file may be a neighbour's.
fn refuse_folders(file: &Path, sources: &Value) -> Result<(), Error> {
    let sources = sources.as_table().into_iter().flatten();
    let mut folders = sources.filter(|(_, source)| source.get("directory").is_some());
    match folders.next() {
        None => Ok(()),
        Some((name, _)) => Err(refuse(
            file,
            &format!(
                "source.{name} is a directory, and cargo does not compare what is in one with \
                 Cargo.lock: name a registry, or a local-registry"
            ),
        )),
    }
}

fn refuse(path: &Path, what: &str) -> Error {
    Error::Settings {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

/// Adds what is not there yet.
fn merge(into: &mut Table, name: String, value: Value) {
    match (into.get_mut(&name), value) {
        (None, value) => {
            into.insert(name, value);
        }
        (Some(Value::Table(there)), Value::Table(more)) => {
            for (name, value) in more {
                merge(there, name, value);
            }
        }
        // The nearer file has said so.
        (Some(_), _) => {}
    }
}

/// Paths in cargo's files are relative to the folder that has `.cargo`.
fn absolute(value: Value, from: &Path) -> Value {
    const PATHS: [&str; 2] = ["cainfo", "local-registry"];
    let Value::Table(table) = value else {
        return value;
    };
    let entries = table.into_iter().map(|(name, value)| {
        let value = match value {
            Value::String(path) if PATHS.contains(&name.as_str()) => {
                Value::String(from.join(path).to_string_lossy().into_owned())
            }
            other => absolute(other, from),
        };
        (name, value)
    });
    Value::Table(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: PathBuf, text: &str) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn only_what_says_where_packages_come_from_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let (checkout, home) = (root.path().join("a/checkout"), root.path().join("home"));
        write(
            home.join("config.toml"),
            "[build]\nrustflags = ['-Ctarget-cpu=native']\nrustc-wrapper = 'w'\n\
             [env]\nCC = 'clang'\n[profile.enclave]\nopt-level = 0\n\
             [http]\nproxy = 'far'\ncainfo = 'ca.pem'\n\
             [target.x86_64-unknown-linux-gnu]\nlinker = 'mold'\n",
        );
        write(
            checkout.join(".cargo/config.toml"),
            "[http]\nproxy = 'near'\n[source.crates-io]\nreplace-with = 'v'\n\
             [source.v]\nlocal-registry = 'crates'\n",
        );
        let text = settings(&checkout, &home).unwrap();
        let settings: Table = text.parse().unwrap();
        let names: Vec<_> = settings.keys().collect();
        assert_eq!(names, ["cache", "http", "source"]);
        assert_eq!(settings["http"]["proxy"].as_str(), Some("near"));
        let path = |path: &Path| Some(path.to_str().unwrap().to_owned());
        let found = |value: &Value| value.as_str().map(str::to_owned);
        assert_eq!(
            found(&settings["http"]["cainfo"]),
            path(&root.path().join("ca.pem"))
        );
        assert_eq!(
            found(&settings["source"]["v"]["local-registry"]),
            path(&checkout.join("crates"))
        );
    }

    #[test]
    fn a_neighbour_brings_no_packages_of_his_own() {
        let root = tempfile::tempdir().unwrap();
        let checkout = root.path().join("checkout");
        write(
            root.path().join(".cargo/config.toml"),
            "[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'vendor'\n",
        );
        let error = settings(&checkout, &root.path().join("home")).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("source.v is a directory"), "{error}");
    }

    #[test]
    fn settings_that_are_no_toml_are_named() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        write(home.join("config.toml"), "[http\n");
        let error = settings(root.path(), &home).unwrap_err().to_string();
        assert!(error.contains("home/config.toml"), "{error}");
    }

    #[test]
    fn links_are_renewed() {
        let root = tempfile::tempdir().unwrap();
        let name = root.path().join("link");
        for target in ["/one", "/two", "/two"] {
            link(Path::new(target), &name).unwrap();
            assert_eq!(fs::read_link(&name).unwrap(), Path::new(target));
        }
    }
}
