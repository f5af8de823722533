//! The comparison of the list with the sources.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place};
use crate::listing::{self, Entry, Listing};
use crate::naming;
use crate::scan::{Annotated, Sources};

/// Reports every way in which the two disagree.
pub(crate) fn check(
    listing: &Listing,
    sources: &Sources,
    crates: &[String],
    problems: &mut Vec<Diagnostic>,
) {
    let mut check = Check {
        sources,
        crates,
        problems,
    };
    check.ids_in_the_sources();
    for entry in &listing.entries {
        check.entry(entry);
    }
    for annotated in &sources.annotated {
        check.annotated(annotated, listing);
    }
}

struct Check<'a> {
    sources: &'a Sources,
    crates: &'a [String],
    problems: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn report(&mut self, place: &Place, problem: String, fix: String) {
        self.problems
            .push(Diagnostic::new(place.clone(), problem, fix));
    }

    fn ids_in_the_sources(&mut self) {
        let mut seen: BTreeMap<&str, &Annotated> = BTreeMap::new();
        for annotated in &self.sources.annotated {
            let Some(id) = &annotated.id else { continue };
            let Some(first) = seen.get(id.as_str()) else {
                seen.insert(id, annotated);
                continue;
            };
            self.report(
                &annotated.place,
                format!(
                    "the id \"{id}\" is annotated twice: first at {}",
                    first.place
                ),
                "give one of the functions an id of its own, here and in the list".to_owned(),
            );
        }
    }

    fn entry(&mut self, entry: &Entry) {
        if let Some(annotated) = self.sources.find(&entry.module, &entry.function) {
            if let Some(id) = &annotated.id
                && *id != entry.id
                && naming::check_id(id).is_ok()
            {
                self.report(
                    &entry.place,
                    format!(
                        "the ids differ: `{}` is listed as \"{}\" but annotated as \"{id}\" at {}",
                        path(&entry.module, &entry.function),
                        entry.id,
                        annotated.place
                    ),
                    "write the same id in both places".to_owned(),
                );
            }
            return;
        }
        if self.is_reported(entry) {
            return;
        }
        let (problem, otherwise) = self.what_is_missing(entry);
        let elsewhere = self
            .sources
            .annotated
            .iter()
            .find(|annotated| annotated.id.as_deref() == Some(&entry.id));
        let fix = match elsewhere {
            Some(Annotated {
                module,
                function,
                place,
                ..
            }) => {
                let line = listing::entry_text(&entry.id, module, function);
                format!("the function with this id is at {place}: write here {line}")
            }
            None => otherwise,
        };
        self.report(&entry.place, problem, fix);
    }

    /// What an entry names that is not there, and the fix.
    fn what_is_missing(&self, entry: &Entry) -> (String, String) {
        let Entry {
            id,
            module,
            function,
            ..
        } = entry;
        let key = (module.clone(), function.clone());
        if let Some(place) = self.sources.functions.get(&key) {
            return (
                format!(
                    "\"{id}\" is listed, but `{}` is not annotated",
                    path(module, function)
                ),
                format!("write `#[workload(\"{id}\")]` before the function at {place}"),
            );
        }
        if let Some(file) = self.sources.modules.get(module) {
            return (
                format!(
                    "\"{id}\" names a function that is missing: `{}`",
                    path(module, function)
                ),
                format!(
                    "write the function in {}, or remove the entry",
                    file.display()
                ),
            );
        }
        let problem = format!("\"{id}\" names a module that is missing: `{module}`");
        (problem, self.where_to_declare(module))
    }

    fn where_to_declare(&self, module: &str) -> String {
        let mut missing = module;
        while let Some((outer, inner)) = missing.rsplit_once("::") {
            if let Some(file) = self.sources.modules.get(outer) {
                let file = file.display();
                return format!("write `pub mod {inner};` in {file}, or correct the entry");
            }
            missing = outer;
        }
        format!(
            "begin it with a crate that holds workloads and that worker/Cargo.toml names: {}",
            self.crates.join(", ")
        )
    }

    /// Whether it is known by now why what an entry names is not found.
    fn is_reported(&self, entry: &Entry) -> bool {
        let unread = |module: &String| {
            entry
                .module
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.sources.hidden.contains(&entry.id) || self.sources.unread.iter().any(unread)
    }

    fn annotated(&mut self, annotated: &Annotated, listing: &Listing) {
        let Annotated {
            module, function, ..
        } = annotated;
        let Some(id) = &annotated.id else { return };
        // An entry with this id, or for this function, is reported with the entry.
        let listed = listing
            .entries
            .iter()
            .any(|entry| entry.module == *module && entry.function == *function);
        if listed || listing.may_name(id) || naming::check_id(id).is_err() {
            return;
        }
        self.report(
            &annotated.place,
            format!(
                "`{}` is annotated as \"{id}\" but not listed",
                path(module, function)
            ),
            format!(
                "add to {}: {}",
                listing::FILE,
                listing::entry_text(id, module, function)
            ),
        );
    }
}

fn path(module: &str, function: &str) -> String {
    format!("{module}::{function}")
}
