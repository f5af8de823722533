//! Flags of the compilers that make a program the same from any folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A folder whose name differs from one machine to the next, and what stands in the program instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mapping {
    /// The folder here.
    pub(super) folder: PathBuf,
    /// What it is, for people.
    pub(super) what: &'static str,
    /// Its name in the program.
    pub(super) name: String,
}

/// What the compilers are told.
#[derive(Debug)]
pub(super) struct Flags {
    /// Of two folders the outer one first: the compilers take the last that fits.
    mappings: Vec<Mapping>,
}

/// Flags for rustc beside the mappings.
///
/// Everything is linked in: what is loaded at run time would not be measured. A build id would be a
/// second name for the same program.
const RUST: [&str; 4] = [
    "-C",
    "target-feature=+crt-static",
    "-C",
    "link-arg=-Wl,--build-id=none",
];

impl Flags {
    pub(super) fn new(mut mappings: Vec<Mapping>) -> Self {
        mappings.sort_by_key(|mapping| mapping.folder.components().count());
        mappings.dedup();
        Self { mappings }
    }

    /// For `CARGO_ENCODED_RUSTFLAGS`, which goes before every other source of flags.
    pub(super) fn for_rustc(&self) -> OsString {
        let mut all = OsString::from(RUST.join("\x1f"));
        for Mapping { folder, name, .. } in &self.mappings {
            all.push("\x1f--remap-path-prefix=");
            all.push(folder);
            all.push("=");
            all.push(name);
        }
        all
    }

    /// For `CFLAGS`, with `CC_SHELL_ESCAPED_FLAGS`.
    pub(super) fn for_cc(&self) -> OsString {
        let mut all = OsString::new();
        for Mapping { folder, name, .. } in &self.mappings {
            if !all.is_empty() {
                all.push(" ");
            }
            all.push("'-ffile-prefix-map=");
            all.push(quoted(folder));
            all.push("=");
            all.push(name);
            all.push("'");
        }
        all
    }

    /// All flags, with words for the folders: for people who want to do the same.
    pub(super) fn described(&self) -> Vec<String> {
        let plain = RUST
            .chunks(2)
            .map(|pair| format!("rustc {}", pair.join(" ")));
        let mut all: Vec<_> = plain.collect();
        let mut mapped: Vec<_> = self
            .mappings
            .iter()
            .map(|mapping| (mapping.what, &mapping.name))
            .collect();
        mapped.sort_unstable();
        mapped.dedup();
        for (what, name) in mapped {
            all.push(format!("rustc --remap-path-prefix=<{what}>={name}"));
            all.push(format!("cc -ffile-prefix-map=<{what}>={name}"));
        }
        all
    }

    /// The folders that the program must not name.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.mappings
            .iter()
            .filter(|mapping| !self.mappings.iter().any(|one| is_below(&one.name, mapping)))
            .map(|mapping| mapping.folder.as_path())
    }
}

/// Whether a name in the program lies below a folder by chance, as it does in a checkout at `/src`.
fn is_below(name: &str, mapping: &Mapping) -> bool {
    Path::new(name).starts_with(&mapping.folder)
}

/// A path within single quotes of a shell.
fn quoted(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut text = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'\'' => text.extend_from_slice(br"'\''"),
            byte => text.push(*byte),
        }
    }
    OsString::from_vec(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(folders: &[(&str, &str)]) -> Flags {
        let mapping = |(folder, name): &(&str, &str)| Mapping {
            folder: folder.into(),
            what: "folder",
            name: (*name).to_owned(),
        };
        Flags::new(folders.iter().map(mapping).collect())
    }

    #[test]
    fn an_inner_folder_comes_after_the_outer_one() {
        let flags = flags(&[("/a/b/target", "/target"), ("/a/b", "/src")]);
        let rust = flags.for_rustc().into_string().unwrap();
        let (_, mapped) = rust.split_once("build-id=none").unwrap();
        assert_eq!(
            mapped,
            "\x1f--remap-path-prefix=/a/b=/src\x1f--remap-path-prefix=/a/b/target=/target"
        );
        assert_eq!(
            flags.for_cc(),
            "'-ffile-prefix-map=/a/b=/src' '-ffile-prefix-map=/a/b/target=/target'"
        );
    }

    #[test]
    fn blanks_and_quotes_stay_in_one_flag() {
        assert_eq!(
            flags(&[("/it's a folder", "/src")]).for_cc(),
            r"'-ffile-prefix-map=/it'\''s a folder=/src'"
        );
    }

    #[test]
    fn folders_are_looked_for_unless_the_program_names_them_rightly() {
        let named = |flags: Flags| flags.folders().map(Path::to_owned).collect::<Vec<_>>();
        let home = ("/home/u/.cargo", "/cargo");
        assert_eq!(
            named(flags(&[("/src", "/src"), home])),
            [Path::new("/home/u/.cargo")]
        );
        assert_eq!(named(flags(&[("/a/src", "/src"), home])).len(), 2);
    }
}
