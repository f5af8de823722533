//! Why a program can't be built.

use std::io;
use std::path::PathBuf;

use super::review::Unlisted;
use crate::{Exit, Fault};

/// What can go wrong while a program is built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No folder from here upwards is a checkout of Sconce.
    #[error("no checkout in {} or above it (Cargo.toml with [workspace] beside workloads.json)", from.display())]
    NoCheckout {
        /// Where the search began.
        from: PathBuf,
    },
    /// A tool of the build can't be executed.
    #[error("cannot run {}: {source}", tool.display())]
    Tool {
        /// The tool that was tried.
        tool: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A tool ran and failed.
    #[error("{} failed: {said}", tool.display())]
    ToolFailed {
        /// The tool.
        tool: PathBuf,
        /// The line of its output that says most.
        said: String,
    },
    /// A part of the C library is not installed.
    #[error("the C compiler has no {part}, which static programs are linked with")]
    NoPart {
        /// A file of the C library or compiler.
        part: &'static str,
    },
    /// Nothing says where cargo keeps its registries.
    #[error("neither CARGO_HOME nor HOME is set")]
    NoCargoHome,
    /// A file that configures cargo can't be used.
    #[error("cannot use cargo's settings in {}: {what}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file that cargo wrote has not the form that it should have.
    #[error("cannot understand {}: {what}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The list of reviewed symbols can't be used.
    #[error("cannot use {}: {what}", path.display())]
    AllowList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The program has symbols that are watched and that nobody has reviewed.
    #[error("the program has symbols that {} does not allow: {}", list.display(), listed(unlisted))]
    Symbols {
        /// The file with those that are allowed.
        list: PathBuf,
        /// Those that are not.
        unlisted: Vec<Unlisted>,
    },
    /// A release has no signer.
    #[error("a release needs the key of its signer")]
    NoKey,
    /// The program names a folder of this machine, so it would be another one elsewhere.
    #[error("the program names the folder {}, which is another one on every machine", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
    },
    /// What was written is not what was to be written.
    #[error("the image that was just built does not hold: {0}")]
    Unverified(String),
    /// Cargo ran and failed.
    #[error("building {package} failed: {}", summary(diagnostics))]
    Cargo {
        /// The package.
        package: String,
        /// The end of what cargo printed: many lines.
        diagnostics: String,
    },
    /// Cargo succeeded, but the package has no program of its own.
    #[error("building {package} gave no program; name a package with a [[bin]] target")]
    NoProgram {
        /// The package.
        package: String,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCheckout { .. } => "build.checkout",
            Self::Tool { .. } | Self::ToolFailed { .. } | Self::NoPart { .. } => "build.tool",
            Self::NoCargoHome | Self::Settings { .. } => "build.settings",
            Self::Cargo { .. } | Self::NoProgram { .. } | Self::Foreign { .. } => "build.cargo",
            Self::AllowList { .. } | Self::Symbols { .. } => "build.symbols",
            Self::Folder { .. } => "build.folder",
            Self::NoKey => "build.release",
            Self::Unverified(_) => "build.unverified",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoCheckout { .. }
            | Self::NoCargoHome
            | Self::Settings { .. }
            | Self::AllowList { .. }
            | Self::NoKey => Exit::Unusable,
            _ => Exit::Failed,
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::NoCheckout { .. } => {
                "go to a checkout; `sconce up --image` and `sconify package --from` do without one"
            }
            Self::Tool { .. } => "install Rust from https://rustup.rs, and a C compiler",
            Self::NoPart { .. } => {
                "install the C library for development: libc6-dev on Debian, glibc-static on Fedora"
            }
            Self::Cargo { .. } => "correct what cargo says, or try `cargo build` to see all of it",
            Self::Symbols { .. } => {
                "find out what brings them in; list them with the reason if nothing can reach them"
            }
            Self::NoKey => "give --key FILE; `sconify key new` makes one",
            Self::Unverified(_) => "build again; if it stays, please report it",
            Self::Folder { .. } => {
                "a build script or macro writes it: map it away, or do without it"
            }
            Self::Foreign { .. } => "remove target/sconify and build again",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

/// The first of them, and how many more there are.
fn listed(unlisted: &[Unlisted]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<_> = unlisted
        .iter()
        .take(SHOWN)
        .map(Unlisted::to_string)
        .collect();
    let mut text = shown.join(", ");
    if let Some(more) = unlisted.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text += &format!(", and {more} more");
    }
    text
}

/// The line of a tool's output that says most.
pub(super) fn summary(diagnostics: &str) -> &str {
    let mut lines = diagnostics.lines().map(str::trim);
    lines
        .find(|line| line.starts_with("error"))
        .or_else(|| diagnostics.lines().last())
        .unwrap_or("it says nothing")
}
