//! What is to be built, how far it is, and what came out.

use std::fmt;
use std::path::{Path, PathBuf};

use sgx::sigstruct::{Date, VerifiedSigstruct};
use sgx::{Digest, Kind};

use super::cargo::Progress;
use super::{Provenance, environment};
use crate::files;
use crate::reading::Reading;
use crate::sign::Flavour;

/// What is to be built.
pub struct Plan {
    /// The checkout's root.
    pub checkout: PathBuf,
    /// The package of the enclave program. Its folder has the package's name without `sconce-`.
    pub package: String,
    /// What the enclave is made with, unless it's `enclave.toml` in the package's folder.
    pub config: Option<PathBuf>,
    /// What it's signed for.
    pub flavour: Flavour,
    /// The signer's key; a development key is made unless it's a release.
    pub key: Option<PathBuf>,
    /// The signature's date. A release without takes that of `SOURCE_DATE_EPOCH` or else of the commit; what
    /// is not released has none.
    pub date: Option<Date>,
    /// Files to bring, with their manifest.
    pub files: Option<files::Plan>,
    /// Where the image is put, unless it's [`image_folder`].
    pub out: Option<PathBuf>,
}

impl Plan {
    /// A worker to be tried out, signed for debugging by the development key.
    #[must_use]
    pub fn new(checkout: PathBuf) -> Self {
        Self {
            checkout,
            package: WORKER.to_owned(),
            config: None,
            flavour: Flavour::Debug,
            key: None,
            date: None,
            files: None,
            out: None,
        }
    }

    /// The folder with the program's sources, parameters and reviewed lists.
    #[must_use]
    pub fn package_folder(&self) -> PathBuf {
        let name = self.package.strip_prefix("sconce-");
        self.checkout.join(name.unwrap_or(&self.package))
    }
}

/// The package of the worker program.
pub const WORKER: &str = "sconce-worker";

/// An image that has been built.
#[derive(Debug)]
pub struct Image {
    /// Its folder.
    pub folder: PathBuf,
    /// The name of its program.
    pub name: String,
    /// It, read back and verified.
    pub reading: Reading,
    /// Whose signature it has, over what.
    pub signature: VerifiedSigstruct,
    /// What it was made of.
    pub provenance: Provenance,
    /// Whether it was there already, the same.
    pub unchanged: bool,
}

impl Image {
    /// The measurement, with the kind of digest.
    #[must_use]
    pub fn measurement(&self) -> Digest {
        self.reading.digest()
    }

    /// The signer, with the kind of digest.
    #[must_use]
    pub fn signer(&self) -> Digest {
        Digest::Mrsigner(Kind::Sim, self.signature.mrsigner())
    }

    /// The program's file, which runs as an ordinary process too.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// How far a build is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Step<'a> {
    /// Another build of this checkout is at it; this one waits.
    Waiting,
    /// A stage begins.
    Begins(Stage),
    /// Cargo says something, within [`Stage::Compile`].
    Cargo(Progress<'a>),
}

/// A stage of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// Cargo compiles the program.
    Compile,
    /// Symbols and folder names in the program are compared with what may be there.
    Review,
    /// The enclave is laid out, its stream written and measured.
    Measure,
    /// The measurement is signed.
    Sign,
    /// Files are copied.
    Files,
    /// What belongs beside it is written: symbols, provenance, inputs for Gramine and SCONE.
    Describe,
    /// The image is read back and verified.
    Verify,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compile => "compiling the program",
            Self::Review => "checking its symbols and strings",
            Self::Measure => "measuring",
            Self::Sign => "signing",
            Self::Describe => "writing symbols, provenance, and inputs for Gramine and SCONE",
            Self::Files => "copying files",
            Self::Verify => "verifying the image",
        })
    }
}

/// Where a checkout's images are built: `target/sconify`, or `sconify` in `CARGO_TARGET_DIR`.
#[must_use]
pub fn place(checkout: &Path) -> PathBuf {
    environment::target_folder(checkout).join("sconify")
}

/// Where the image of a program is put.
#[must_use]
pub fn image_folder(checkout: &Path, name: &str) -> PathBuf {
    place(checkout).join(name)
}
