//! What an image was made of and with: for whoever wants to make the same, and for whoever wants to know
//! why it came out differently.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Toolchain;

/// The file's format.
pub const VERSION: u32 = 1;

/// `enclave/provenance.json`. It names no time, no path and no machine, so it is the same wherever
/// the same program is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provenance {
    /// [`VERSION`].
    pub version: u32,
    /// The program itself.
    pub program: Program,
    /// What compiled and linked it.
    pub toolchain: Toolchain,
    /// What the compilers were told, with words for the folders.
    pub flags: Vec<String>,
    /// Everything that was compiled for it, sorted by name and version.
    pub packages: Vec<Package>,
    /// The checkout's own files that have a part in it.
    pub sources: Sources,
}

/// The program that was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Program {
    /// Cargo's name of its package.
    pub package: String,
    /// What it was compiled for.
    pub target: String,
    /// The profile, in the root `Cargo.toml`.
    pub profile: String,
    /// SHA-256, in hex, of the file as the linker wrote it.
    pub sha256: String,
}

/// A package that was compiled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256, in hex, of what the registry keeps of it, from `Cargo.lock`; `None` if it is the
    /// checkout's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The features that it was compiled with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Whether it is linked into the program; if not, it only helped to build it, as macros do.
    pub linked: bool,
}

/// Files of the checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sources {
    /// SHA-256, in hex, over all of them: see [`super::sources`].
    pub sha256: String,
    /// Path from the checkout's root -> SHA-256 in hex.
    pub files: BTreeMap<String, String>,
}

impl Provenance {
    /// The file's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(
            clippy::expect_used,
            reason = "texts, lists and maps of texts serialise"
        )]
        let text = serde_json::to_string_pretty(self).expect("texts serialise");
        text + "\n"
    }

    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or has unknown members, or another version.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        use serde::de::Error as _;
        let provenance: Self = serde_json::from_str(text)?;
        if provenance.version != VERSION {
            return Err(serde_json::Error::custom(format_args!(
                "version {} is not {VERSION}",
                provenance.version
            )));
        }
        Ok(provenance)
    }
}
