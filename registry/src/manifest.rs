//! Which crates may hold workloads: the path dependencies of the worker that depend on `workload`.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use toml::{Table, Value};

use crate::Error;

/// The package of the contract crate, whatever a manifest calls it.
const CONTRACT: &str = "sconce-workload";

/// A crate whose sources are scanned.
pub(crate) struct WorkloadCrate {
    /// What the worker calls it, which begins the paths in the list.
    pub(crate) name: String,
    /// Its root source file.
    pub(crate) root_file: PathBuf,
}

/// Finds them; adds every manifest that it reads to `files`.
pub(crate) fn workload_crates(
    root: &Path,
    files: &mut BTreeSet<PathBuf>,
) -> Result<Vec<WorkloadCrate>, Error> {
    let worker = Manifest::read(&root.join("worker"), files)?;
    let mut found = Vec::new();
    for dependency in worker.dependencies(files)? {
        let Some(directory) = dependency.path else {
            continue;
        };
        let manifest = Manifest::read(&directory, files)?;
        let holds_workloads = manifest
            .dependencies(files)?
            .iter()
            .any(|dependency| dependency.package == CONTRACT);
        if holds_workloads {
            found.push(WorkloadCrate {
                name: dependency.key.replace('-', "_"),
                root_file: manifest.root_file(),
            });
        }
    }
    Ok(found)
}

struct Manifest {
    directory: PathBuf,
    table: Table,
}

struct Dependency {
    key: String,
    package: String,
    path: Option<PathBuf>,
}

impl Manifest {
    fn read(directory: &Path, files: &mut BTreeSet<PathBuf>) -> Result<Self, Error> {
        let path = directory.join("Cargo.toml");
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        files.insert(path.clone());
        let table = text
            .parse()
            .map_err(|source| Error::Manifest { path, source })?;
        Ok(Self {
            directory: directory.to_owned(),
            table,
        })
    }

    /// The nearest workspace above, from which this manifest inherits.
    fn workspace(&self, files: &mut BTreeSet<PathBuf>) -> Result<Option<Self>, Error> {
        for directory in self.directory.ancestors() {
            if directory.join("Cargo.toml").is_file() {
                let manifest = Self::read(directory, files)?;
                if manifest.table.contains_key("workspace") {
                    return Ok(Some(manifest));
                }
            }
        }
        Ok(None)
    }

    fn dependencies(&self, files: &mut BTreeSet<PathBuf>) -> Result<Vec<Dependency>, Error> {
        let Some(Value::Table(dependencies)) = self.table.get("dependencies") else {
            return Ok(Vec::new());
        };
        let mut workspace = None;
        let mut all = Vec::new();
        for (key, value) in dependencies {
            let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
            if !inherits {
                all.push(dependency(key, value, &self.directory));
                continue;
            }
            if workspace.is_none() {
                workspace = self.workspace(files)?;
            }
            let inherited = workspace.as_ref().and_then(|workspace| {
                let value = workspace.table["workspace"].get("dependencies")?.get(key)?;
                Some(dependency(key, value, &workspace.directory))
            });
            all.push(inherited.ok_or_else(|| Error::Inherited {
                path: self.directory.join("Cargo.toml"),
                key: key.clone(),
            })?);
        }
        Ok(all)
    }

    fn root_file(&self) -> PathBuf {
        let path = self.table.get("lib").and_then(|lib| lib.get("path"));
        let path = path.and_then(Value::as_str).unwrap_or("src/lib.rs");
        self.directory.join(path)
    }
}

fn dependency(key: &str, value: &Value, base: &Path) -> Dependency {
    let text = |member| value.get(member).and_then(Value::as_str);
    Dependency {
        key: key.to_owned(),
        package: text("package").unwrap_or(key).to_owned(),
        path: text("path").map(|path| without_parents(&base.join(path))),
    }
}

/// The path without its `..`, as messages show it.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        if component != Component::ParentDir || !plain.pop() {
            plain.push(component);
        }
    }
    plain
}
