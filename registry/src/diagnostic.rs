//! What is wrong, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// One disagreement between `workloads.json` and the sources, or a fault in either.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub problem: String,
    /// What to do; empty where the problem says it already.
    pub fix: String,
}

impl Diagnostic {
    pub(crate) fn new(place: Place, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            place,
            problem: problem.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        if !self.fix.is_empty() {
            write!(f, "\n    fix: {}", self.fix)?;
        }
        Ok(())
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Place {
    /// The file, relative to the checkout's root if it is inside.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    pub(crate) fn new(file: &Path, line: usize) -> Self {
        Self {
            file: file.to_owned(),
            line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Everything that is wrong, in the order of files and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Nothing, if there is nothing to report.
    pub(crate) fn collect(mut all: Vec<Diagnostic>) -> Result<(), Self> {
        all.sort();
        all.dedup();
        if all.is_empty() {
            Ok(())
        } else {
            Err(Self(all))
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are mistakes in workloads.json or in the workloads:\n")?;
        for diagnostic in &self.0 {
            write!(f, "\n{diagnostic}\n")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
