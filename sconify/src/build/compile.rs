//! Compiling an enclave program so that everybody's is the same.
//!
//! | what differs from one machine to the next | why it does not show |
//! |---|---|
//! | environment, working directory, settings of cargo | none reaches the compilers but what an allow-list names |
//! | folders of checkout, packages, built files | the compilers write other names for them |
//! | number of jobs, time, time zone, language | the compilers do not depend on the first, and are told the rest |
//! | compilers, linker, C library | they do show: the [provenance](super::provenance) names them |

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection as _};
use serde::Deserialize;

use super::cargo::{self, Artifact, Built, MESSAGES, Progress, package_name, package_version};
use super::flags::{Flags, Mapping};
use super::home::CargoHome;
use super::provenance::{Package, Program, Provenance, Sources, VERSION};
use super::toolchain::{TARGET, Toolchain, Tools};
use super::{Error, environment, registries, sha256};
use crate::output::write_whole;

/// The profile of enclave programs, in the root `Cargo.toml`.
pub const PROFILE: &str = "enclave";

/// A program, and what it was made of.
pub(super) struct Compiled {
    /// The file's bytes, as the linker wrote it.
    pub(super) bytes: Vec<u8>,
    pub(super) provenance: Provenance,
    /// Folders of this machine that it must not name.
    pub(super) folders: Vec<PathBuf>,
}

/// Compiles the program of `package` in `checkout`; everything that is written lies in `place`.
pub(super) fn compile(
    checkout: &Path,
    package: &str,
    place: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Compiled, crate::Error> {
    let real = |path: &Path| path.canonicalize().map_err(crate::Error::io("read", path));
    let (checkout, place) = (&real(checkout)?, &real(place)?);
    let tools = Tools::find(checkout)?;
    let home = CargoHome::prepare(&place.join("cargo-home"), checkout)?;
    let target = place.join("build");
    let cargo = || clean_cargo(&tools, &home);
    let memory = place.join("registries.json");
    let registries = registries::folders(cargo(), checkout, &home.settings, &memory, progress)?;
    let flags = Flags::new(mappings(checkout, &target, &tools, &home, registries)?);
    forget_other_tools(&target, &place.join("build.tools"), &tools.said)?;
    let mut command = cargo();
    tell(&mut command, checkout, package, &target, &flags);
    let built = cargo::run(&mut command, package, progress)?;
    let bytes = fs::read(&built.program).map_err(crate::Error::io("read", &built.program))?;
    let mut toolchain = tools.said;
    toolchain.linker = linker(&bytes);
    let provenance = Provenance {
        version: VERSION,
        program: Program {
            package: package.to_owned(),
            target: TARGET.to_owned(),
            profile: PROFILE.to_owned(),
            sha256: sha256(&bytes),
        },
        toolchain,
        flags: flags.described(),
        packages: packages(checkout, &built)?,
        sources: sources(checkout, &target, &built)?,
    };
    Ok(Compiled {
        bytes,
        provenance,
        folders: flags.folders().map(Path::to_owned).collect(),
    })
}

/// Removes what was built with other tools. Cargo does not notice when the C compiler or the C
/// library changes: it would keep what the old ones made, and the provenance would name the new ones.
fn forget_other_tools(target: &Path, memory: &Path, tools: &Toolchain) -> Result<(), crate::Error> {
    // Texts always serialise.
    let said = serde_json::to_string(tools).unwrap_or_default();
    if fs::read_to_string(memory).is_ok_and(|memory| memory == said) {
        return Ok(());
    }
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(crate::Error::io("remove", target)(error));
        }
        _ => {}
    }
    write_whole(memory, false, |out| {
        out.write_all(said.as_bytes())
            .map_err(crate::Error::io("write", memory))
    })
}

/// Tells a clean cargo what to build and how.
fn tell(cargo: &mut Command, checkout: &Path, package: &str, target: &Path, flags: &Flags) {
    cargo
        .args(["build", "--locked", "--package", package])
        .args(["--profile", PROFILE, "--target", TARGET])
        .arg("--target-dir")
        .arg(target)
        .arg("--manifest-path")
        .arg(checkout.join("Cargo.toml"))
        .arg(MESSAGES)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.for_rustc())
        .env("CC_SHELL_ESCAPED_FLAGS", "1")
        .env("CFLAGS", flags.for_cc())
        .env("CXXFLAGS", flags.for_cc());
}

/// A cargo that hears nothing but where its packages are. Its working directory has no settings.
fn clean_cargo(tools: &Tools, home: &CargoHome) -> Command {
    let mut command = Command::new(&tools.cargo);
    environment::clean(&mut command);
    command
        .env("CARGO_HOME", &home.path)
        .env("HOME", &home.path)
        .env("RUSTC", &tools.rustc)
        .env("CARGO_TERM_COLOR", "never")
        .current_dir("/");
    command
}

/// Every folder that the compilers might name.
fn mappings(
    checkout: &Path,
    target: &Path,
    tools: &Tools,
    home: &CargoHome,
    registries: Vec<PathBuf>,
) -> Result<Vec<Mapping>, crate::Error> {
    let mapping = |folder: &Path, what, name: &str| Mapping {
        folder: folder.to_owned(),
        what,
        name: name.to_owned(),
    };
    let real = home
        .of_user
        .canonicalize()
        .map_err(crate::Error::io("read", &home.of_user))?;
    let mut all = vec![
        mapping(checkout, "checkout", "/src"),
        mapping(target, "built files", "/target"),
        mapping(&home.path, "cargo home", "/cargo"),
        mapping(&home.of_user, "cargo home", "/cargo"),
        mapping(&real, "cargo home", "/cargo"),
    ];
    for folder in registries {
        // Build scripts may have followed the links.
        for folder in [folder.canonicalize().unwrap_or(folder.clone()), folder] {
            all.push(mapping(&folder, "packages", "/cargo/registry"));
        }
    }
    // Where the sources of the standard library are installed the compiler names them instead of
    // what stands in their place elsewhere.
    if let Some(commit) = &tools.commit {
        let library = tools.sysroot.join("lib/rustlib/src/rust");
        let name = format!("/rustc/{commit}");
        all.push(mapping(&library, "sources of the standard library", &name));
    }
    Ok(all)
}

/// What the linker has left of itself in a section that is not loaded.
fn linker(program: &[u8]) -> String {
    let comment = || {
        let file = ElfFile64::<LittleEndian>::parse(program).ok()?;
        let section = file.section_by_name(".comment")?;
        let text = String::from_utf8_lossy(section.data().ok()?).into_owned();
        let line = text
            .split('\0')
            .find_map(|line| line.strip_prefix("Linker: "))?;
        Some(line.to_owned())
    };
    comment().unwrap_or_else(|| "not named".to_owned())
}

fn sources(checkout: &Path, target: &Path, built: &Built) -> Result<Sources, crate::Error> {
    let manifests = built
        .artifacts
        .iter()
        .filter(|artifact| artifact.package_id.starts_with("path+"))
        .map(|artifact| artifact.manifest_path.clone());
    Sources::of(checkout, target, &built.program, manifests)
}

/// Everything that was compiled, with the checksums of `Cargo.lock`.
fn packages(checkout: &Path, built: &Built) -> Result<Vec<Package>, crate::Error> {
    let path = checkout.join("Cargo.lock");
    let text = fs::read_to_string(&path).map_err(crate::Error::io("read", &path))?;
    let checksums = checksums(&text).map_err(|what| Error::Foreign { path, what })?;
    let mut packages = BTreeMap::new();
    for artifact in &built.artifacts {
        let (name, version) = (
            package_name(&artifact.package_id).to_owned(),
            package_version(&artifact.package_id).to_owned(),
        );
        let key = (name.clone(), version.clone());
        let checksum = checksums.get(&key).cloned();
        let package = packages.entry(key).or_insert(Package {
            name,
            version,
            checksum,
            features: Vec::new(),
            linked: false,
        });
        package.linked |= is_linked(artifact);
        package.features.extend(artifact.features.iter().cloned());
        package.features.sort_unstable();
        package.features.dedup();
    }
    Ok(packages.into_values().collect())
}

/// Whether it was compiled for the program and not for what runs during the build.
fn is_linked(artifact: &Artifact) -> bool {
    artifact
        .filenames
        .iter()
        .any(|file| file.components().any(|part| part.as_os_str() == TARGET))
}

/// Name and version -> checksum.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>, String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(lock).map_err(|error| error.message().to_owned())?;
    let packages = lock.package.into_iter();
    Ok(packages
        .filter_map(|locked| Some(((locked.name, locked.version), locked.checksum?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_lock_file() {
        let lock = "version = 4\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n\
                    [[package]]\nname = \"ring\"\nversion = \"0.17.14\"\nsource = \"registry+x\"\n\
                    checksum = \"aa\"\ndependencies = [\"cc\"]\n";
        let checksums = checksums(lock).unwrap();
        assert_eq!(checksums.len(), 1);
        assert_eq!(checksums[&("ring".to_owned(), "0.17.14".to_owned())], "aa");
        assert!(super::checksums("[package").is_err());
    }

    #[test]
    fn what_other_tools_have_built_is_not_kept() {
        let place = tempfile::tempdir().unwrap();
        let (target, memory) = (place.path().join("build"), place.path().join("tools"));
        let built = target.join("libring.a");
        let tools = |libc: &str| Toolchain {
            rustc: String::new(),
            llvm: String::new(),
            linker: String::new(),
            c_compiler: String::new(),
            assembler: String::new(),
            libc: String::new(),
            parts: BTreeMap::from([("libc.a".to_owned(), libc.to_owned())]),
        };
        let is_kept = |libc: &str| {
            fs::create_dir_all(&target).unwrap();
            fs::write(&built, "built").unwrap();
            forget_other_tools(&target, &memory, &tools(libc)).unwrap();
            built.is_file()
        };
        assert!(!is_kept("one"), "nobody knows of which tools it is");
        assert!(is_kept("one"));
        assert!(!is_kept("other"));
        assert!(is_kept("other"));
    }

    #[test]
    fn the_linker_names_itself_in_the_program() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_ne!(linker(&own), "");
        assert_eq!(linker(b"no program"), "not named");
    }
}
