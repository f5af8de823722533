//! Where the files of modules are (Rust reference, "Module source filenames").

use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Where the modules that a module declares have their files.
#[derive(Clone)]
pub(crate) struct Folders {
    /// Of `mod name;`.
    children: PathBuf,
    /// Of `#[path = "…"] mod name;`.
    explicit: PathBuf,
}

impl Folders {
    /// Those of a crate's root file, a `mod.rs`, or a file that `#[path]` names.
    pub(crate) fn of_root(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            children: folder.clone(),
            explicit: folder,
        }
    }

    /// Those of a file that bears its module's name.
    fn of_named(file: &Path) -> Self {
        Self {
            children: file.with_extension(""),
            explicit: file.parent().unwrap_or(Path::new("")).to_owned(),
        }
    }

    /// Those of `mod name { … }`.
    pub(crate) fn of_inline(&self, name: &str, explicit: Option<&str>) -> Self {
        let folder = match explicit {
            Some(path) => self.explicit.join(path),
            None => self.children.join(plain(name)),
        };
        Self {
            children: folder.clone(),
            explicit: folder,
        }
    }

    /// The file of `mod name;` and its own folders, or the file that is missing.
    pub(crate) fn find(
        &self,
        name: &str,
        explicit: Option<&str>,
    ) -> Result<(PathBuf, Self), PathBuf> {
        let there = |file: PathBuf| if file.is_file() { Ok(file) } else { Err(file) };
        if let Some(path) = explicit {
            return there(self.explicit.join(path)).map(|file| {
                let folders = Self::of_root(&file);
                (file, folders)
            });
        }
        let named = self.children.join(format!("{}.rs", plain(name)));
        let Err(named) = there(named.clone()) else {
            let folders = Self::of_named(&named);
            return Ok((named, folders));
        };
        match there(self.children.join(plain(name)).join("mod.rs")) {
            Ok(file) => {
                let folders = Self::of_root(&file);
                Ok((file, folders))
            }
            Err(_) => Err(named),
        }
    }
}

/// The value of `#[path = "…"]`.
pub(crate) fn explicit_path(attributes: &[Attribute]) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(path),
                    ..
                }) => Some(path.value()),
                _ => None,
            },
            _ => None,
        })
}

fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
