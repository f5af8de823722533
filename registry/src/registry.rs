//! The table of workloads as data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::listing::{self, Listing};
use crate::manifest;
use crate::scan::{self, Annotated, Sources};
use crate::{Capabilities, Error, check};

/// Every workload of a checkout: listed, annotated, and alike in both.
#[derive(Debug)]
pub struct Registry {
    workloads: Vec<Workload>,
    files: BTreeSet<PathBuf>,
}

/// One workload of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Workload {
    /// The id by which requesters name it.
    pub id: String,
    /// The module's path, which begins with what the worker calls the crate.
    pub module: String,
    /// The function's name.
    pub function: String,
    /// The function's doc text, lines separated by `\n`.
    pub doc: String,
    /// The function's parameters in order, without the context.
    pub inputs: Vec<Input>,
    /// How long one call may take.
    pub time_limit: Duration,
    /// What it says that it needs.
    pub capabilities: Capabilities,
    /// Where its annotation is.
    pub place: Place,
}

/// One parameter of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// The parameter's name.
    pub name: String,
    /// Its Rust type as it is written.
    pub kind: String,
}

/// The workloads of the checkout at `root`, sorted by id, without compiling anything.
///
/// # Errors
///
/// As [`Registry::read`].
pub fn list(root: &Path) -> Result<Vec<Workload>, Error> {
    Registry::read(root).map(|registry| registry.workloads)
}

impl Registry {
    /// Reads and compares the list and the sources of the checkout at `root`.
    ///
    /// # Errors
    ///
    /// [`Error::Disagreement`] with everything on which they disagree; other variants if a file
    /// cannot be read at all.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let path = root.join(listing::FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        let mut files = BTreeSet::from([path]);
        let mut problems: Vec<Diagnostic> = Vec::new();
        let listing = Listing::parse(&text, &mut problems);
        let crates = manifest::workload_crates(root, &mut files)?;
        let mut sources = Sources::default();
        for found in &crates {
            scan::scan(found, root, &mut sources, &mut files, &mut problems);
        }
        let names: Vec<_> = crates.into_iter().map(|found| found.name).collect();
        check::check(&listing, &sources, &names, &mut problems);
        Diagnostics::collect(problems)?;
        // Only what the list names, whatever else the sources hold.
        let mut workloads: Vec<_> = listing
            .entries
            .iter()
            .filter_map(|entry| sources.find(&entry.module, &entry.function))
            .filter_map(Workload::new)
            .collect();
        workloads.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Self { workloads, files })
    }

    /// The workloads, sorted by id.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// Every file on which the table depends: the list, the manifests and the sources.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }
}

impl Workload {
    fn new(annotated: &Annotated) -> Option<Self> {
        let declaration = annotated.declaration.as_ref()?;
        let inputs = declaration.inputs.iter().map(|input| Input {
            name: input.name.clone(),
            kind: input.kind_text(),
        });
        Some(Self {
            inputs: inputs.collect(),
            id: declaration.options.id.clone(),
            module: annotated.module.clone(),
            function: annotated.function.clone(),
            doc: declaration.doc.clone(),
            time_limit: declaration.options.time_limit,
            capabilities: declaration.options.capabilities,
            place: annotated.place.clone(),
        })
    }
}
