//! Adding a workload: a function with a test, its module and its entry in the list.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Item, ItemMod};

use crate::listing::{self, Listing};
use crate::{Error, Registry, naming};

/// The crate that new workloads go to.
const CRATE: &str = "workloads";

/// Adds the workload `id` to the checkout at `root` and returns the files that it wrote: the
/// function's, the crate's root and the list. Either all are written or none.
///
/// # Errors
///
/// [`Error::BadId`], [`Error::Reserved`] and [`Error::Taken`] if `id` cannot be used, others if
/// the checkout is not in order or cannot be written.
pub fn new_workload(root: &Path, id: &str) -> Result<Vec<PathBuf>, Error> {
    let name = check_names(id)?;
    let registry = Registry::read(root)?;
    if let Some(workload) = registry
        .workloads()
        .iter()
        .find(|workload| workload.id == id)
    {
        return Err(taken(id, workload.place.to_string()));
    }
    let sources = root.join(CRATE).join("src");
    let module = sources.join(format!("{name}.rs"));
    for file in [&module, &sources.join(&name).join("mod.rs")] {
        if file.exists() {
            return Err(taken(id, file.display().to_string()));
        }
    }
    let (crate_root, crate_text) = read(sources.join("lib.rs"))?;
    let (list, list_text) = read(root.join(listing::FILE))?;
    let with_module = with_module(&crate_text, &name)?
        .ok_or_else(|| taken(id, crate_root.display().to_string()))?;
    let with_entry = with_entry(&list_text, id, &name);
    write_all(&[
        Change::new(module, None, function_text(id, &name)),
        Change::new(crate_root, Some(crate_text), with_module),
        Change::new(list, Some(list_text), with_entry),
    ])
}

fn check_names(id: &str) -> Result<String, Error> {
    naming::check_id(id).map_err(|fault| Error::BadId {
        id: id.to_owned(),
        fault,
    })?;
    let name = naming::function_name(id);
    if naming::is_free(&name) {
        Ok(name)
    } else {
        Err(Error::Reserved {
            id: id.to_owned(),
            name,
        })
    }
}

fn taken(id: &str, at: String) -> Error {
    Error::Taken {
        id: id.to_owned(),
        at,
    }
}

fn read(path: PathBuf) -> Result<(PathBuf, String), Error> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(source) => Err(Error::Read { path, source }),
    }
}

fn function_text(id: &str, name: &str) -> String {
    format!(
        r#"//! The workload `{id}`.

use workload::workload;

/// Answers with the text that it gets.
#[workload("{id}")]
pub fn {name}(text: String) -> String {{
    text
}}

#[cfg(test)]
mod tests {{
    #[test]
    fn answers_with_its_text() {{
        assert_eq!(super::{name}("hello".to_owned()), "hello");
    }}
}}
"#
    )
}

/// The crate's root with one more module, in the order of names; nothing if it has that module.
fn with_module(text: &str, name: &str) -> Result<Option<String>, Error> {
    let parsed = syn::parse_file(text)?;
    let modules: Vec<&ItemMod> = parsed
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(module) => Some(module),
            _ => None,
        })
        .collect();
    if modules.iter().any(|module| module.ident == name) {
        return Ok(None);
    }
    let declared = modules.iter().filter(|module| module.content.is_none());
    let (mut before, mut after) = (None, None);
    for module in declared {
        if module.ident.to_string().as_str() > name {
            before = before.or(Some(module.span().start().line - 1));
        }
        after = Some(module.span().end().line);
    }
    let mut lines: Vec<&str> = text.lines().collect();
    let line = format!("pub mod {name};");
    lines.insert(before.or(after).unwrap_or(lines.len()), &line);
    Ok(Some(lines.join("\n") + "\n"))
}

/// The list with one more entry, in the order of ids; everything else stays as it is written.
fn with_entry(text: &str, id: &str, name: &str) -> String {
    let listing = Listing::parse(text, &mut Vec::new());
    let entry = listing::entry_text(id, &format!("{CRATE}::{name}"), name);
    let previous = listing
        .entries
        .iter()
        .filter(|listed| listed.id.as_str() < id)
        .map(|listed| listed.end)
        .max();
    let (at, added) = match previous {
        Some(end) => (end, format!(",\n  {entry}")),
        None => {
            let start = text.find('{').map_or(0, |brace| brace + 1);
            let end = if listing.entries.is_empty() {
                "\n"
            } else {
                ","
            };
            (start, format!("\n  {entry}{end}"))
        }
    };
    format!("{}{added}{}", &text[..at], &text[at..])
}

/// A file before and after.
struct Change {
    path: PathBuf,
    before: Option<String>,
    after: String,
}

impl Change {
    fn new(path: PathBuf, before: Option<String>, after: String) -> Self {
        Self {
            path,
            before,
            after,
        }
    }

    /// Beside the file, so that renaming it is a single step.
    fn staged(&self) -> PathBuf {
        self.path.with_extension("sconce-new")
    }

    fn stage(&self) -> io::Result<()> {
        fs::write(self.staged(), &self.after)
    }

    fn apply(&self) -> io::Result<()> {
        fs::rename(self.staged(), &self.path)
    }

    /// As well as can be: it is called when a file could not be written.
    fn undo(&self) {
        let _ = match &self.before {
            Some(text) => fs::write(&self.path, text),
            None => fs::remove_file(&self.path),
        };
    }
}

fn write_all(changes: &[Change]) -> Result<Vec<PathBuf>, Error> {
    let failed = |change: &Change, source| {
        for change in changes {
            let _ = fs::remove_file(change.staged());
        }
        Error::Write {
            path: change.path.clone(),
            source,
        }
    };
    for change in changes {
        change.stage().map_err(|source| failed(change, source))?;
    }
    for (done, change) in changes.iter().enumerate() {
        if let Err(source) = change.apply() {
            changes[..done].iter().for_each(Change::undo);
            return Err(failed(change, source));
        }
    }
    Ok(changes.iter().map(|change| change.path.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_kept_in_order() {
        let text = "//! Doc.\n\npub mod b;\n/// D.\npub mod d;\n";
        let with = |name| with_module(text, name).unwrap();
        assert_eq!(
            with("a").unwrap(),
            "//! Doc.\n\npub mod a;\npub mod b;\n/// D.\npub mod d;\n"
        );
        assert_eq!(
            with("c").unwrap(),
            "//! Doc.\n\npub mod b;\npub mod c;\n/// D.\npub mod d;\n"
        );
        assert_eq!(
            with("e").unwrap(),
            "//! Doc.\n\npub mod b;\n/// D.\npub mod d;\npub mod e;\n"
        );
        assert_eq!(with("d"), None);
        assert_eq!(
            with_module("//! Doc.\n", "a").unwrap().unwrap(),
            "//! Doc.\npub mod a;\n"
        );
    }

    #[test]
    fn entries_are_kept_in_order() {
        let entry = |id: &str| listing::entry_text(id, &format!("workloads::{id}"), id);
        let list = |ids: &[&str]| {
            let entries: Vec<_> = ids.iter().map(|id| format!("  {}", entry(id))).collect();
            format!("{{\n{}\n}}\n", entries.join(",\n"))
        };
        for id in ["a", "c", "e"] {
            let mut ids = vec!["b", "d", id];
            ids.sort_unstable();
            assert_eq!(with_entry(&list(&["b", "d"]), id, id), list(&ids));
        }
        assert_eq!(
            with_entry("{}", "a", "a"),
            format!("{{\n  {}\n}}", entry("a"))
        );
    }
}
