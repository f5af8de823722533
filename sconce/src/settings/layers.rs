//! The layers of settings, laid over each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value as Json;

use super::fault::Fault;
use super::file::File;
use super::value::{Raw, Value};
use super::{Settings, Visitor};

/// Where settings come from, besides the defaults; later ones go before earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    pub(crate) file: Option<File>,
    /// All variables of the environment.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) flags: Vec<Flag>,
}

/// Something of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// As in `--listener`, or `--set limits.body`.
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) words: Vec<String>,
}

/// What counts in the end.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) settings: Settings,
    /// Without those that are defaults.
    sources: BTreeMap<String, Source>,
    /// Variables that look like settings and are none.
    pub(crate) strays: Vec<String>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source(String);

/// A setting as `sconce config show` has it.
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) value: Json,
    pub(crate) source: String,
    pub(crate) wanted: String,
    pub(crate) about: &'static str,
    pub(crate) variable: String,
    pub(crate) flag: Option<&'static str>,
}

impl Layers {
    /// Lays all over each other; or says everything that's wrong.
    pub(crate) fn lay(mut self) -> Result<Effective, Vec<Fault>> {
        let mut settings = Settings::default();
        let mut laying = Laying {
            section: "",
            layers: &mut self,
            known: BTreeSet::new(),
            sections: BTreeSet::new(),
            sources: BTreeMap::new(),
            faults: Vec::new(),
        };
        settings.visit(&mut laying);
        let strays = laying.unknown();
        let Laying {
            sources,
            mut faults,
            ..
        } = laying;
        if faults.is_empty() {
            faults.extend(settings.contradictions().map(|(keys, what)| {
                // At the one that isn't a default.
                let placed = |key: &&'static str| Some((*key, sources.get(*key)?));
                let place = keys.iter().find_map(placed);
                Fault {
                    place: place.map_or("default".to_owned(), |(_, source)| source.to_string()),
                    key: place
                        .map(|(key, _)| key)
                        .or(keys.first().copied())
                        .map(str::to_owned),
                    what,
                }
            }));
        }
        if !faults.is_empty() {
            // As they stand in the file; behind them those of the environment and of flags.
            let line = |fault: &Fault| self.file.as_ref()?.line_of(&fault.place);
            faults.sort_by_key(|fault| line(fault).unwrap_or(usize::MAX));
            return Err(faults);
        }
        Ok(Effective {
            settings,
            sources,
            strays,
        })
    }
}

impl Effective {
    /// Every setting.
    pub(crate) fn list(&self) -> Vec<Shown> {
        let mut listing = Listing {
            section: "",
            sources: &self.sources,
            list: Vec::new(),
        };
        self.settings.clone().visit(&mut listing);
        listing.list
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The environment's variable for a setting.
fn variable(key: &str) -> String {
    format!("SCONCE_{}", key.replace('.', "_").to_uppercase())
}

struct Laying<'a> {
    section: &'static str,
    layers: &'a mut Layers,
    known: BTreeSet<String>,
    sections: BTreeSet<&'static str>,
    sources: BTreeMap<String, Source>,
    faults: Vec<Fault>,
}

impl Visitor for Laying<'_> {
    fn section(&mut self, name: &'static str, _: &'static str) {
        self.section = name;
        self.sections.insert(name);
    }

    fn setting(
        &mut self,
        name: &'static str,
        _: Option<&'static str>,
        _: &'static str,
        value: &mut dyn Value,
    ) {
        let key = format!("{}.{name}", self.section);
        self.take_from_file(&key, value);
        let variable = variable(&key);
        let word = self.layers.environment.remove(&variable);
        if let Some(word) = word.filter(|word| !word.is_empty()) {
            self.take(&key, variable, None, &Raw::Words(vec![word]), value);
        }
        let flags = std::mem::take(&mut self.layers.flags);
        let (own, others): (Vec<_>, _) = flags.into_iter().partition(|flag| flag.key == key);
        self.layers.flags = others;
        for flag in own {
            self.take(&key, flag.name, None, &Raw::Words(flag.words), value);
        }
        self.known.insert(key);
    }
}

impl Laying<'_> {
    fn take_from_file(&mut self, key: &str, value: &mut dyn Value) {
        let Some(file) = &mut self.layers.file else {
            return;
        };
        if let Some(entry) = file.entries.remove(key) {
            let place = file.place(entry.line);
            self.take(key, place, Some(key.to_owned()), &entry.raw, value);
        }
    }

    fn take(
        &mut self,
        key: &str,
        place: String,
        named: Option<String>,
        raw: &Raw,
        value: &mut dyn Value,
    ) {
        if value.take(raw).is_some() {
            self.sources.insert(key.to_owned(), Source(place));
            return;
        }
        let kind = match raw {
            Raw::Other(kind, _) => format!("the {kind} "),
            _ => String::new(),
        };
        self.faults.push(Fault {
            place,
            key: named,
            what: format!("expected {}; found {kind}{raw}", value.wanted()),
        });
    }

    /// What is left when all settings have been visited belongs to none. Gives those of the
    /// environment, which may have been meant for somebody else.
    fn unknown(&mut self) -> Vec<String> {
        if let Some(file) = &self.layers.file {
            let mut sections = BTreeSet::new();
            for (key, entry) in &file.entries {
                let (section, _) = key.split_once('.').unwrap_or((key, ""));
                let key = if self.sections.contains(section) {
                    key
                } else {
                    section
                };
                if sections.insert(key) {
                    self.faults.push(Fault {
                        place: file.place(entry.line),
                        key: Some(key.to_owned()),
                        what: self.no_such(key),
                    });
                }
            }
        }
        for flag in &self.layers.flags {
            self.faults.push(Fault {
                place: flag.name.clone(),
                key: None,
                what: self.no_such(&flag.key),
            });
        }
        let of_a_section = |name: &&String| {
            let section = |section: &&str| name.starts_with(&variable(&format!("{section}.")));
            self.sections.iter().any(section)
        };
        let strays = self.layers.environment.keys().filter(of_a_section);
        strays
            .filter_map(|name| {
                let near = self.nearest(name, variable)?;
                Some(format!("{name} is no setting, {near} is"))
            })
            .collect()
    }

    fn no_such(&self, key: &str) -> String {
        let all = "`sconce config example` shows all";
        match self.nearest(key, str::to_owned) {
            Some(near) => format!("there is no such setting; is {near} meant? ({all})"),
            None => format!("there is no such setting ({all})"),
        }
    }

    /// The setting whose name looks most like `name`, if any does.
    fn nearest(&self, name: &str, as_name: impl Fn(&str) -> String) -> Option<String> {
        let sections = self.sections.iter().map(|section| (*section).to_owned());
        let known = self.known.iter().cloned().chain(sections);
        known
            .map(|known| as_name(&known))
            .map(|known| (strsim::jaro_winkler(name, &known), known))
            .filter(|(likeness, _)| *likeness > 0.9)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, known)| known)
    }
}

struct Listing<'a> {
    section: &'static str,
    sources: &'a BTreeMap<String, Source>,
    list: Vec<Shown>,
}

impl Visitor for Listing<'_> {
    fn section(&mut self, name: &'static str, _: &'static str) {
        self.section = name;
    }

    fn setting(
        &mut self,
        name: &'static str,
        flag: Option<&'static str>,
        about: &'static str,
        value: &mut dyn Value,
    ) {
        let key = format!("{}.{name}", self.section);
        let source = self.sources.get(&key);
        self.list.push(Shown {
            value: value.shown(),
            source: source.map_or("default".to_owned(), ToString::to_string),
            wanted: value.wanted(),
            about,
            variable: variable(&key),
            flag,
            key,
        });
    }
}
