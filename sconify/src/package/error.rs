//! Why an image can't be packaged.

use std::path::PathBuf;

use crate::{Exit, Fault};

/// What stands against a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name that the image shall have.
    #[error("`{}` {what}", text.escape_debug())]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// An option's value.
    #[error("{option}: `{}` {what}", value.escape_debug())]
    Option {
        /// The option, or the variable.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// A member that fits into no tar, or is there already.
    #[error("`{}` {what}", name.escape_debug())]
    Member {
        /// Its name in the package.
        name: String,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// A program that wouldn't start, because a package has no C library.
    #[error("{} {what}", path.display())]
    Program {
        /// Its file.
        path: PathBuf,
        /// What is wrong, with a verb.
        what: &'static str,
    },
    /// The program beside the stream is another one than the stream has.
    #[error("{} is not the program that is measured", program.display())]
    Unmeasured {
        /// Its file.
        program: PathBuf,
    },
    /// A release was asked for, and the signature lets anybody debug the enclave.
    #[error("{}: the signature allows DEBUG, so the image is no release", image.display())]
    Debug {
        /// The image.
        image: PathBuf,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Reference { .. } | Self::Option { .. } => "package.option",
            Self::Member { .. } => "package.member",
            Self::Program { .. } => "package.program",
            Self::Unmeasured { .. } => "image.unverified",
            Self::Debug { .. } => "package.debug",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Debug { .. } | Self::Unmeasured { .. } => Exit::Failed,
            _ => Exit::Unusable,
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::Reference { .. } => "write NAME:TAG, such as sconce/worker:0.1.0-debug",
            Self::Program { .. } => {
                "build it with RUSTFLAGS='-C target-feature=+crt-static' and --target \
                 x86_64-unknown-linux-gnu"
            }
            Self::Debug { .. } => "build one with `sconify build --release --key FILE`",
            Self::Unmeasured { .. } => "`sconify verify` says more; build the image again",
            Self::Option { .. } | Self::Member { .. } => return None,
        };
        Some(advice.to_owned())
    }
}
