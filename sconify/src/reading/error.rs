//! Why a stream can't be read.

use std::io;
use std::path::PathBuf;

use crate::{Exit, Fault};

/// What is wrong with a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program alone.
    #[error("{} is a program, not an image: nothing in it is measured", .0.display())]
    Program(PathBuf),
    /// It breaks a rule.
    #[error("{name}: {source}")]
    Stream {
        /// Which stream.
        name: String,
        /// Which rule, and where.
        source: sgx::sgxs::Error,
    },
    /// It can't be read to its end.
    #[error("cannot read {name}: {source}")]
    Read {
        /// Which stream.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The temporary file for pages.
    #[error("cannot keep pages in a temporary file: {0}")]
    Scratch(#[source] io::Error),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Program(_) => "image.form",
            Self::Stream { source, .. } => source.code(),
            Self::Read { .. } | Self::Scratch(_) => "file.io",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Program(_) | Self::Stream { .. } | Self::Read { .. } => Exit::Unusable,
            Self::Scratch(_) => Exit::Failed,
        }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Program(_) => {
                Some("name the image's folder, or a stream (FILE.sgxs); `sconify measure --program` makes one".to_owned())
            }
            Self::Scratch(_) => Some("TMPDIR says where it is made".to_owned()),
            Self::Stream { .. } | Self::Read { .. } => None,
        }
    }
}
