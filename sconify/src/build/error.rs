//! Why a program can't be built.

use std::io;
use std::path::PathBuf;

use crate::{Exit, Fault};

/// What can go wrong while a program is built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No folder from here upwards is a checkout of Sconce.
    #[error("no checkout in {} or above it; go to one (Cargo.toml with [workspace] beside workloads.json) or give a built program", from.display())]
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
            Self::Tool { .. } => "build.tool",
            Self::Cargo { .. } | Self::NoProgram { .. } => "build.cargo",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoCheckout { .. } => Exit::Unusable,
            _ => Exit::Failed,
        }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::Tool { .. } => {
                Some("install Rust from https://rustup.rs, and a C compiler".to_owned())
            }
            _ => None,
        }
    }
}

/// The line of cargo's output that says most.
fn summary(diagnostics: &str) -> &str {
    let mut lines = diagnostics.lines().map(str::trim);
    lines
        .find(|line| line.starts_with("error"))
        .or_else(|| diagnostics.lines().last())
        .unwrap_or("cargo said nothing")
}
