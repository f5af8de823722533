//! Why the registry has no table, or no new workload.

use std::io;
use std::path::PathBuf;

use crate::Diagnostics;

/// Why the registry has no table, or no new workload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list and the sources do not agree.
    #[error(transparent)]
    Disagreement(#[from] Diagnostics),

    /// A file is not there or cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A file cannot be written.
    #[error("cannot write {}; nothing was changed", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A manifest is not TOML.
    #[error("cannot read the manifest {}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },

    /// A manifest inherits a dependency that its workspace does not have.
    #[error("{} inherits `{key}`, which its workspace does not have; add it to [workspace.dependencies]", path.display())]
    Inherited {
        /// The manifest.
        path: PathBuf,
        /// The dependency.
        key: String,
    },

    /// A source that is written or changed is not Rust.
    #[error("a source that was to be written is not Rust; is it being edited?")]
    NotRust(#[from] syn::Error),

    /// A new workload's id is no id.
    #[error("`{id}` cannot be a workload's id: it {fault}; an id is like `my-workload`")]
    BadId {
        /// The id.
        id: String,
        /// What is wrong with it.
        fault: &'static str,
    },

    /// A new workload's id gives its function a name that a function or module cannot have.
    #[error(
        "`{id}` cannot be a workload's id: `{name}` has a meaning of its own in Rust; choose another, such as `my-{id}`"
    )]
    Reserved {
        /// The id.
        id: String,
        /// The name that follows from it.
        name: String,
    },

    /// A new workload's id or module exists.
    #[error("`{id}` exists: see {at}; choose another id")]
    Taken {
        /// The id.
        id: String,
        /// Where it exists.
        at: String,
    },
}
