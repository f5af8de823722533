//! The checkout's own files that have a part in a program.
//!
//! Cargo knows them: beside each program it leaves a file of dependencies in the form of `make`, with
//! every file of the workspace that the compiler or a build script has read. To these come the manifests
//! of the packages, `Cargo.lock` and `rust-toolchain.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::provenance::Sources;
use super::{Error, sha256};

/// Files at the root that decide what is built, where they are there.
const ROOT: [&str; 3] = ["Cargo.lock", "Cargo.toml", "rust-toolchain.toml"];

impl Sources {
    /// The digest of files: that of what `sha256sum` prints for them, sorted by path, so that
    /// anybody can compute it.
    #[must_use]
    pub fn new(files: BTreeMap<String, String>) -> Self {
        let mut lines = String::new();
        for (path, digest) in &files {
            // Writing to a string can't fail.
            let _infallible = writeln!(lines, "{digest}  {path}");
        }
        Self {
            sha256: sha256(lines.as_bytes()),
            files,
        }
    }

    /// Those of a program that cargo built in `checkout`; what lies in `built` was made on the way.
    pub(super) fn of(
        checkout: &Path,
        built: &Path,
        program: &Path,
        manifests: impl Iterator<Item = PathBuf>,
    ) -> Result<Self, crate::Error> {
        let rules = dependency_file(program);
        let text = fs::read_to_string(&rules).map_err(crate::Error::io("read", &rules))?;
        let dependencies = dependencies(&text).ok_or_else(|| Error::Foreign {
            path: rules,
            what: "it has no rule".to_owned(),
        })?;
        let root = ROOT.iter().map(|name| checkout.join(name));
        let paths: BTreeSet<_> = dependencies
            .into_iter()
            .chain(manifests)
            .chain(root.filter(|path| path.is_file()))
            .map(|path| lexical(&path))
            .filter(|path| !path.starts_with(built))
            .collect();
        let mut files = BTreeMap::new();
        for path in paths {
            let Ok(name) = path.strip_prefix(checkout) else {
                continue;
            };
            let bytes = fs::read(&path).map_err(crate::Error::io("read", &path))?;
            files.insert(name.to_string_lossy().into_owned(), sha256(&bytes));
        }
        Ok(Self::new(files))
    }
}

fn dependency_file(program: &Path) -> PathBuf {
    program.with_extension("d")
}

/// What stands behind the colon of the only rule; a backslash takes a blank into a name.
fn dependencies(rule: &str) -> Option<Vec<PathBuf>> {
    let (_, names) = rule.lines().next()?.split_once(": ")?;
    let mut paths = vec![String::new()];
    let mut letters = names.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&' ') => {
                paths.last_mut()?.extend(letters.next());
            }
            ' ' => paths.push(String::new()),
            letter => paths.last_mut()?.push(letter),
        }
    }
    let paths = paths.into_iter().filter(|path| !path.is_empty());
    Some(paths.map(PathBuf::from).collect())
}

/// A path without `.` and `..`, as `build = "../build.rs"` brings them.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_with_its_blanks() {
        let rule = "/a\\ b/out: /a\\ b/src/lib.rs /a\\ b/worker/../build.rs\n\nmore:\n";
        assert_eq!(
            dependencies(rule).unwrap(),
            [
                Path::new("/a b/src/lib.rs"),
                Path::new("/a b/worker/../build.rs")
            ]
        );
        assert_eq!(dependencies("no rule"), None);
        assert_eq!(dependencies(""), None);
    }

    #[test]
    fn the_digest_is_that_of_what_sha256sum_prints() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        fs::create_dir(root.path().join("target")).unwrap();
        write("Cargo.toml", "a");
        write("b.rs", "b");
        write("target/made.rs", "made");
        let root = root.path();
        let (r, target) = (root.display(), root.join("target"));
        write(
            "target/program.d",
            &format!("{r}/target/program: {r}/x/../b.rs {r}/target/made.rs /elsewhere/c.rs\n"),
        );
        let sources = Sources::of(root, &target, &target.join("program"), [].into_iter()).unwrap();
        let names: Vec<_> = sources.files.keys().collect();
        assert_eq!(names, ["Cargo.toml", "b.rs"]);
        let lines = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  Cargo.toml\n\
                     3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.rs\n";
        assert_eq!(sources.sha256, sha256(lines.as_bytes()));
    }
}
