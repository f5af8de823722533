//! Why an image can't be read.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Exit, Fault};

/// What is wrong with an image, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb: `read`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It's no image.
    #[error("{} {what}", path.display())]
    Form {
        /// Where it is.
        path: PathBuf,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// A member that has to be there isn't.
    #[error("{} has no member `{}`", path.display(), name.escape_debug())]
    Missing {
        /// Where the image is.
        path: PathBuf,
        /// The member.
        name: String,
    },
    /// A member that no image may have.
    #[error("{}: member `{}` {what}", path.display(), name.escape_debug())]
    Member {
        /// Where the image is.
        path: PathBuf,
        /// The member.
        name: String,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// A tar that can't be read.
    #[error("{}: the tar is damaged at byte {offset}: {what}", path.display())]
    Archive {
        /// Where the image is.
        path: PathBuf,
        /// Where in the tar, or in the layer that is in it.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// An image layout that can't be used.
    #[error("{}: {document}: {what}", path.display())]
    Layout {
        /// Where the image is.
        path: PathBuf,
        /// Which of its documents.
        document: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Bytes that aren't those of their digest.
    #[error("{}: {name} is not what its digest says: {what}", path.display())]
    Digest {
        /// Where the image is.
        path: PathBuf,
        /// The blob.
        name: String,
        /// What differs.
        what: String,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "file.io",
            Self::Form { .. } | Self::Missing { .. } => "image.form",
            Self::Member { .. } => "image.member",
            Self::Archive { .. } => "image.archive",
            Self::Layout { .. } => "image.layout",
            Self::Digest { .. } => "image.digest",
        }
    }

    /// An image that can't be read is an input that can't be used.
    fn exit(&self) -> Exit {
        Exit::Unusable
    }

    fn advice(&self) -> Option<String> {
        let image =
            "an image is a folder made by `sconify build`, an OCI image layout, or a tar of either";
        match self {
            Self::Form { .. } => Some(image.to_owned()),
            Self::Archive { offset: 0, .. } => Some(format!("it may be no tar at all: {image}")),
            _ => None,
        }
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn member(path: &Path, name: &str, what: &'static str) -> Self {
        Self::Member {
            path: path.to_owned(),
            name: name.to_owned(),
            what,
        }
    }
}
