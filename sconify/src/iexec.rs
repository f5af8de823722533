//! `iexec.json`: the file in which iExec's command line keeps what an app is, before it goes on chain.
//!
//! Its member `app.mrenclave` tells with which enclave an app runs: in 2019 a text, `key|tag|mrenclave`
//! (the bare measurement where nothing is encrypted), since 2021 an object. [`Document`] puts either
//! into a file and changes no other byte of it.

mod document;

use std::path::PathBuf;

use serde::Serialize;

use crate::{Exit, Fault};

pub use document::{Current, Document};

/// Whose enclave an app runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "UPPERCASE")]
pub enum Framework {
    /// SCONE.
    Scone,
    /// Gramine.
    Gramine,
}

/// `app.mrenclave` as an object. What iExec's tools take of Gramine has the first two members and the
/// last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Object {
    /// Whose enclave it is.
    pub framework: Framework,
    /// The framework's version, as iExec names it: `v5`.
    pub version: String,
    /// What runs in the enclave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// Bytes of the enclave's heap.
    #[serde(rename = "heapSize", skip_serializing_if = "Option::is_none")]
    pub heap_size: Option<u64>,
    /// The measurement: 64 hex digits.
    pub fingerprint: String,
}

/// Why nothing is filled in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no `iexec.json`.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// The options don't say enough, or contradict each other.
    #[error("{0}")]
    Options(&'static str),
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "iexec.file",
            Self::Options(_) => "iexec.options",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Unusable
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::File { .. } => Some("`iexec init` and `iexec app init` make the file".to_owned()),
            Self::Options(_) => None,
        }
    }
}
