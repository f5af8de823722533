//! The sources of a crate: which modules and functions there are, and which are annotated.

mod files;
mod hidden;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Item, ItemFn, ItemMod, Meta, Visibility};

use self::files::Folders;
use self::hidden::Hidden;
use crate::declaration::{Declaration, id_of, is_workload};
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::WorkloadCrate;

/// What the sources hold. Modules go by their path, such as `workloads::fibonacci`.
#[derive(Default)]
pub(crate) struct Sources {
    /// With the files that hold them.
    pub(crate) modules: BTreeMap<String, PathBuf>,
    /// Modules whose file cannot be read, which has been reported.
    pub(crate) unread: BTreeSet<String>,
    /// Functions by module and name.
    pub(crate) functions: BTreeMap<(String, String), Place>,
    pub(crate) annotated: Vec<Annotated>,
    /// Ids of annotations where none may be, which has been reported.
    pub(crate) hidden: BTreeSet<String>,
}

impl Sources {
    pub(crate) fn find(&self, module: &str, function: &str) -> Option<&Annotated> {
        self.annotated
            .iter()
            .find(|annotated| annotated.module == module && annotated.function == function)
    }
}

/// An annotated function at the top level of a module.
pub(crate) struct Annotated {
    pub(crate) module: String,
    pub(crate) function: String,
    pub(crate) place: Place,
    /// Absent if the attribute has none that can be read.
    pub(crate) id: Option<String>,
    /// Absent if something is wrong with it; then that has been reported.
    pub(crate) declaration: Option<Declaration>,
}

/// Reads a crate's sources into `sources`; adds each file that it reads to `files`.
pub(crate) fn scan(
    found: &WorkloadCrate,
    root: &Path,
    sources: &mut Sources,
    files: &mut BTreeSet<PathBuf>,
    problems: &mut Vec<Diagnostic>,
) {
    let mut scanner = Scanner {
        root,
        sources,
        files,
        problems,
        open: Vec::new(),
    };
    let folders = Folders::of_root(&found.root_file);
    let module = Module {
        path: found.name.clone(),
        folders,
        fault: None,
    };
    let place = Place::new(&scanner.shown(&found.root_file), 1);
    scanner.file(&found.root_file, module, place);
}

struct Scanner<'a> {
    root: &'a Path,
    sources: &'a mut Sources,
    files: &'a mut BTreeSet<PathBuf>,
    problems: &'a mut Vec<Diagnostic>,
    /// The files around the current one, so that a circle of `#[path]` ends.
    open: Vec<PathBuf>,
}

/// A module on the way down.
#[derive(Clone)]
struct Module {
    path: String,
    folders: Folders,
    /// Why nothing in it can be a workload.
    fault: Option<Fault>,
}

#[derive(Clone)]
struct Fault {
    problem: String,
    fix: String,
}

impl Scanner<'_> {
    fn shown(&self, file: &Path) -> PathBuf {
        file.strip_prefix(self.root).unwrap_or(file).to_owned()
    }

    fn hidden(&mut self, file: &Path) -> Hidden<'_> {
        Hidden {
            file: file.to_owned(),
            problems: self.problems,
            ids: &mut self.sources.hidden,
        }
    }

    fn report(&mut self, place: Place, problem: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Diagnostic::new(place, problem, fix));
    }

    /// Scans a file as a module; `declared` is where the module is declared.
    fn file(&mut self, file: &Path, mut module: Module, declared: Place) {
        if self.open.iter().any(|open| open == file) {
            return;
        }
        let shown = self.shown(file);
        self.sources
            .modules
            .insert(module.path.clone(), shown.clone());
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("cannot read {}: {error}", shown.display());
                self.sources.unread.insert(module.path);
                return self.report(declared, problem, "create the file, or remove the module");
            }
        };
        self.files.insert(file.to_owned());
        let parsed = match syn::parse_file(&text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let place = Place::new(&shown, error.span().start().line);
                let problem = format!("the file cannot be read as Rust: {error}");
                self.sources.unread.insert(module.path);
                return self.report(place, problem, "correct it: rustc says more");
            }
        };
        module.fault = module.fault.or_else(|| conditional(&parsed.attrs));
        self.open.push(file.to_owned());
        self.items(&parsed.items, &module, &shown);
        self.open.pop();
    }

    fn items(&mut self, items: &[Item], module: &Module, file: &Path) {
        for item in items {
            match item {
                Item::Fn(function) => self.function(function, module, file),
                Item::Mod(inner) => self.module(inner, module, file),
                other => self.hidden(file).visit_item(other),
            }
        }
    }

    fn function(&mut self, function: &ItemFn, module: &Module, file: &Path) {
        let name = function.sig.ident.to_string();
        let place = Place::new(file, function.sig.ident.span().start().line);
        let key = (module.path.clone(), name.clone());
        self.sources.functions.insert(key, place.clone());
        self.hidden(file).visit_within(function);
        let annotations = function
            .attrs
            .iter()
            .filter(|attribute| is_workload(attribute.path()));
        for (number, annotation) in annotations.enumerate() {
            let place = Place::new(file, annotation.span().start().line);
            if number > 0 {
                let problem = format!("`{name}` is annotated more than once");
                self.report(
                    place,
                    problem,
                    "keep one annotation: a function is one workload",
                );
                continue;
            }
            let id = id_of(annotation).map(|id| id.value());
            let declaration = self.declaration(annotation, function, &place);
            let fault = module
                .fault
                .clone()
                .or_else(|| conditional(&function.attrs))
                .or_else(|| private(&function.vis, "function", "fn", &name));
            if let Some(Fault { problem, fix }) = &fault {
                self.report(
                    place.clone(),
                    format!("`{name}` is annotated, but {problem}"),
                    fix,
                );
            }
            self.sources.annotated.push(Annotated {
                module: module.path.clone(),
                function: name.clone(),
                place,
                id,
                declaration: declaration.filter(|_| fault.is_none()),
            });
        }
    }

    fn declaration(
        &mut self,
        annotation: &Attribute,
        function: &ItemFn,
        place: &Place,
    ) -> Option<Declaration> {
        let options = match &annotation.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => proc_macro2::TokenStream::new(),
        };
        let errors = match Declaration::new(options, function) {
            Ok(declaration) => return Some(declaration),
            Err(errors) => errors,
        };
        for error in errors {
            let line = match error.span().start().line {
                // An error at the end of the attribute's arguments has no line of its own.
                0 | 1 => place.line,
                line => line,
            };
            self.report(
                Place::new(&place.file, line),
                format!("`{}` cannot be a workload: {error}", function.sig.ident),
                "",
            );
        }
        None
    }

    fn module(&mut self, inner: &ItemMod, outer: &Module, file: &Path) {
        let name = inner.ident.to_string();
        let place = Place::new(file, inner.ident.span().start().line);
        let path = format!("{}::{name}", outer.path);
        let fault = outer
            .fault
            .clone()
            .or_else(|| conditional(&inner.attrs))
            .or_else(|| private(&inner.vis, "module", "mod", &path));
        let explicit = files::explicit_path(&inner.attrs);
        if let Some((_, items)) = &inner.content {
            let folders = outer.folders.of_inline(&name, explicit.as_deref());
            self.sources.modules.insert(path.clone(), file.to_owned());
            let module = Module {
                path,
                folders,
                fault,
            };
            return self.items(items, &module, file);
        }
        match outer.folders.find(&name, explicit.as_deref()) {
            Ok((found, folders)) => self.file(
                &found,
                Module {
                    path,
                    folders,
                    fault,
                },
                place,
            ),
            // A module that is compiled only sometimes may be missing, as for another system.
            Err(_) if conditional(&inner.attrs).is_some() => {}
            Err(expected) => {
                self.sources.unread.insert(path.clone());
                let expected = self.shown(&expected);
                self.report(
                    place,
                    format!("the module `{path}` has no file"),
                    format!("create {}, or remove the module", expected.display()),
                );
            }
        }
    }
}

fn conditional(attributes: &[Attribute]) -> Option<Fault> {
    let condition = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg"))?;
    let line = condition
        .span()
        .source_text()
        .unwrap_or("#[cfg]".to_owned());
    Some(Fault {
        problem: format!("it is compiled only sometimes: {line}"),
        fix: "remove the condition: what is in the table is measured, and must not depend on how \
              it was built"
            .to_owned(),
    })
}

fn private(visibility: &Visibility, what: &str, keyword: &str, name: &str) -> Option<Fault> {
    if matches!(visibility, Visibility::Public(_)) {
        return None;
    }
    let last = name.rsplit("::").next().unwrap_or(name);
    Some(Fault {
        problem: format!("the {what} `{name}` is private"),
        fix: format!("write `pub {keyword} {last}`, so that the worker's table can refer to it"),
    })
}
