//! What can be wrong with the files of an image.

use std::path::PathBuf;

use super::format::{Refusal, Rule};
use super::path::PathFault;
use super::seal::{NoEntropy, NotAKey};
use crate::{Exit, Fault};

/// Why files can't be put into an image, or are not those that were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that an enclave can't have.
    #[error("`{}` is no path in an enclave: {fault}", shown.escape_debug())]
    Path {
        /// The path, as far as it can be shown.
        shown: String,
        /// What is wrong.
        fault: PathFault,
    },
    /// No file is named.
    #[error("no file is named: give --fs-dir, --dir, --plain or --host-path")]
    Nothing,
    /// Two options have the same path.
    #[error("`{path}` has two options: a path is protected in one way")]
    Twice {
        /// The path.
        path: String,
    },
    /// Something in a folder that can't be put into an image.
    #[error("{} {what}", path.display())]
    Tree {
        /// Where it is.
        path: PathBuf,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// A file held something else when it was copied than when it was measured.
    #[error("{} changed while the image was built", path.display())]
    Changed {
        /// Where it is.
        path: PathBuf,
    },
    /// The regions and files that were named make no manifest.
    #[error("the files make no manifest: {0}")]
    Rule(#[from] Rule),
    /// They make one that nobody would read.
    #[error("the manifest of the files has {bytes} bytes, and may have {most}")]
    Length {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: u64,
    },
    /// A file is no manifest.
    #[error("{}: {refusal}", path.display())]
    Manifest {
        /// The image.
        path: PathBuf,
        /// Which rule it breaks, and where.
        refusal: Refusal,
    },
    /// A key file can't be used.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NotAKey,
    },
    /// The key belongs to other files.
    #[error("{} has the key of other files than those of this image", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// There is something to decrypt and no key.
    #[error("`{path}` is encrypted, and no key is given")]
    NoKey {
        /// What is encrypted.
        path: String,
    },
    /// A key can't be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// A path that the manifest does not list.
    #[error("the image's manifest lists no `{}`", path.escape_debug())]
    NotListed {
        /// The path.
        path: String,
    },
    /// The image has other files than its manifest lists.
    #[error("{}: `{name}` {what}", image.display())]
    Integrity {
        /// The image.
        image: PathBuf,
        /// The path in the enclave, or the member of the image.
        name: String,
        /// What is wrong, with a verb.
        what: &'static str,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Path { .. } | Self::NotListed { .. } => "files.path",
            Self::Nothing | Self::Twice { .. } | Self::Rule(_) | Self::Length { .. } => {
                "files.region"
            }
            Self::Tree { .. } => "files.tree",
            Self::Changed { .. } => "files.changed",
            Self::Manifest { .. } => "files.manifest",
            Self::Key { .. } | Self::WrongKey { .. } | Self::NoKey { .. } | Self::NoEntropy(_) => {
                "files.key"
            }
            Self::Integrity { .. } => "files.integrity",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Changed { .. } | Self::Integrity { .. } | Self::NoEntropy(_) => Exit::Failed,
            _ => Exit::Unusable,
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::Path {
                fault: PathFault::Relative,
                ..
            } => "a PATH begins with `/`, also in SOURCE:PATH: it is where the program sees it",
            Self::Rule(Rule::Link(..)) => {
                "a link must lead to a path that an option of the same command names, or under one"
            }
            Self::Key { .. } => "`sconify files key FILE` makes one",
            Self::NoKey { .. } => "give --fs-key FILE",
            Self::NotListed { .. } => "`sconify files list IMAGE` shows what there is",
            Self::Changed { .. } => "build again when nothing writes to it",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

impl Error {
    pub(super) fn path(shown: impl Into<String>) -> impl FnOnce(PathFault) -> Self {
        let shown = shown.into();
        move |fault| Self::Path { shown, fault }
    }
}
