//! What a program must not have in it: ways to load code that was not measured, and names of this
//! machine's folders.
//!
//! A static glibc always brings some of the first. So the symbols that stand for such a way are watched,
//! and those that are there must stand in a list that people have reviewed, each with the reason why it
//! can't be reached: `symbols.toml`, beside the program's `enclave.toml`.
//!
//! ```toml
//! [[allow]]
//! symbols = ["__gconv_find_shlib", "__resolv_conf_*"]
//! reason = "…"
//! ```

use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use crate::elf::RawSymbol;

/// A way to come to code or data that was not measured, and the symbols by which it's told. A `*` at
/// either end stands for anything.
struct Watch {
    way: &'static str,
    symbols: &'static [&'static str],
}

const WATCHED: [Watch; 6] = [
    Watch {
        way: "loads libraries",
        symbols: &[
            "*dlopen*",
            "*dlmopen*",
            "*dlsym*",
            "*dlvsym*",
            "_dl_load*",
            "_dl_map_object*",
            "_dl_open*",
        ],
    },
    Watch {
        way: "resolves names",
        symbols: &[
            "*getaddrinfo*",
            "*gethostby*",
            "*getnameinfo*",
            "*getnetby*",
            "*getprotoby*",
            "*getservby*",
            "*getpw*",
            "*getgrgid*",
            "*getgrnam*",
            "*_nss_*",
            "nss_*",
            "__res_*",
            "res_*",
            "*resolv_*",
        ],
    },
    Watch {
        way: "loads converters of characters",
        symbols: &["*gconv*", "*iconv*"],
    },
    Watch {
        way: "loads locales",
        symbols: &["*setlocale", "*newlocale", "_nl_find_locale*"],
    },
    Watch {
        way: "starts programs",
        symbols: &[
            "*execl",
            "*execle",
            "*execlp",
            "*execv",
            "*execve",
            "*execveat",
            "*execvp",
            "*execvpe",
            "fork",
            "__fork",
            "__libc_fork",
            "vfork",
            "__vfork",
            "*posix_spawn*",
            "system",
            "__libc_system",
            "*popen",
        ],
    },
    Watch {
        way: "is C++",
        symbols: &[
            "__gxx_personality_v0",
            "__cxa_throw",
            "__cxa_begin_catch",
            "__cxa_allocate_exception",
            "_Znw*",
            "_Zna*",
            "_Zdl*",
            "_Zda*",
            "_ZTI*",
            "_ZTV*",
            "_ZSt*",
            "_ZNSt*",
            "_ZNKSt*",
        ],
    },
];

/// The reviewed list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowList {
    /// Its entries.
    #[serde(default)]
    pub allow: Vec<Allowed>,
}

/// Symbols that may be in the program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Names; a `*` at either end stands for anything.
    pub symbols: Vec<String>,
    /// Why nothing comes in this way.
    pub reason: String,
}

/// A symbol that nobody has allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unlisted {
    /// Its name.
    pub symbol: String,
    /// What it's watched for.
    pub way: &'static str,
}

impl fmt::Display for Unlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.symbol, self.way)
    }
}

impl AllowList {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`] if it's no such list, or an entry has no reason; [`crate::Error::Io`].
    pub fn read(path: &Path) -> Result<Self, crate::Error> {
        let text = fs::read_to_string(path).map_err(crate::Error::io("read", path))?;
        let refuse = |what| Error::AllowList {
            path: path.to_owned(),
            what,
        };
        let list: Self =
            toml::from_str(&text).map_err(|error| refuse(error.message().to_owned()))?;
        for allowed in &list.allow {
            if allowed.symbols.is_empty() || allowed.reason.trim().is_empty() {
                let names = allowed.symbols.join(", ");
                let what = format!("an entry lacks symbols or a reason: [{names}]");
                return Err(refuse(what).into());
            }
        }
        Ok(list)
    }

    /// The watched symbols that are in the program and not in this list, sorted.
    #[must_use]
    pub fn unlisted(&self, symbols: &[RawSymbol]) -> Vec<Unlisted> {
        let mut unlisted: Vec<_> = symbols
            .iter()
            .filter(|symbol| symbol.defined && !is_rust(&symbol.name))
            .filter_map(|symbol| {
                let way = way(&symbol.name)?;
                let symbol = plain(&symbol.name).to_owned();
                (!self.allows(&symbol)).then_some(Unlisted { symbol, way })
            })
            .collect();
        unlisted.sort_unstable();
        unlisted.dedup();
        unlisted
    }

    /// Entries that are not needed, because nothing in the program goes by them.
    #[must_use]
    pub fn unused<'list>(&'list self, symbols: &[RawSymbol]) -> Vec<&'list str> {
        let names = self.allow.iter().flat_map(|allowed| &allowed.symbols);
        let is_unused = |pattern: &&String| {
            !symbols
                .iter()
                .any(|symbol| symbol.defined && matches(pattern, plain(&symbol.name)))
        };
        names.filter(is_unused).map(String::as_str).collect()
    }

    fn allows(&self, symbol: &str) -> bool {
        let mut names = self.allow.iter().flat_map(|allowed| &allowed.symbols);
        names.any(|pattern| matches(pattern, symbol))
    }
}

/// What a symbol is watched for.
fn way(symbol: &str) -> Option<&'static str> {
    let watched = |watch: &&Watch| watch.symbols.iter().any(|one| matches(one, plain(symbol)));
    WATCHED.iter().find(watched).map(|watch| watch.way)
}

/// Rust's names end in a hash of 16 digits, or begin with `_R`; the rest is C's or C++'s.
fn is_rust(symbol: &str) -> bool {
    rustc_demangle::try_demangle(symbol).is_ok()
}

/// The name without what compilers append to parts of a function.
fn plain(symbol: &str) -> &str {
    symbol.split('.').next().unwrap_or(symbol)
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

/// The first of `folders` that the bytes name.
pub(super) fn named_folder<'folders>(
    bytes: &[u8],
    folders: &'folders [PathBuf],
) -> Option<&'folders Path> {
    let needles: Vec<_> = folders
        .iter()
        // One letter says nothing.
        .filter(|folder| folder.as_os_str().len() > 2)
        .map(|folder| (folder.as_os_str().as_bytes(), folder.as_path()))
        .collect();
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(|byte| *byte == b'/') {
        rest = &rest[start..];
        if let Some((_, folder)) = needles.iter().find(|(needle, _)| rest.starts_with(needle)) {
            return Some(folder);
        }
        rest = &rest[1..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Vec<RawSymbol> {
        let symbol = |name: &&str| RawSymbol {
            name: (*name).to_owned(),
            address: 1,
            size: 1,
            defined: true,
        };
        names.iter().map(symbol).collect()
    }

    fn list(text: &str) -> AllowList {
        toml::from_str(text).unwrap()
    }

    const LIST: &str = "[[allow]]\nsymbols = ['__libc_dlopen_mode', '__gconv_*']\nreason = 'r'\n";

    #[test]
    fn what_is_watched_must_be_listed() {
        let found = list(LIST).unlisted(&symbols(&[
            "main",
            "__libc_dlopen_mode",
            "__gconv_open.cold",
            "getaddrinfo",
            "_dl_open_worker",
            "execve",
            "_ZNSt6vectorIiE9push_backEi",
            "_ZN3std6thread9lifecycle15spawn_unchecked17ha10a3364ec0fe6c2E",
            "_RNvNtNtCsjrHSEGnQ3l9_3std6thread9spawnhook15run_spawn_hooks",
            "execute_cfa_program",
        ]));
        let found: Vec<_> = found.iter().map(Unlisted::to_string).collect();
        assert_eq!(
            found,
            [
                "_ZNSt6vectorIiE9push_backEi (is C++)",
                "_dl_open_worker (loads libraries)",
                "execve (starts programs)",
                "getaddrinfo (resolves names)",
            ]
        );
    }

    #[test]
    fn entries_that_nothing_goes_by_are_found() {
        let list = list(LIST);
        let symbols = symbols(&["__gconv_open.cold"]);
        assert_eq!(list.unused(&symbols), ["__libc_dlopen_mode"]);
    }

    #[test]
    fn a_list_without_reasons_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("symbols.toml");
        for text in [
            "[[allow]]\nsymbols = ['a']\nreason = ' '\n",
            "[[allow]]\nsymbols = []\nreason = 'r'\n",
            "[[allow]]\nsymbols = ['a']\n",
            "[[allow]]\nsymbols = ['a']\nreason = 'r'\nother = 1\n",
        ] {
            fs::write(&path, text).unwrap();
            AllowList::read(&path).unwrap_err();
        }
        fs::write(&path, LIST).unwrap();
        assert_eq!(AllowList::read(&path).unwrap(), list(LIST));
    }

    #[test]
    fn folders_are_found_in_bytes() {
        let folders = [PathBuf::from("/home/u/.cargo"), PathBuf::from("/")];
        assert_eq!(
            named_folder(b"x /home/u/lib / /src/main.rs", &folders),
            None
        );
        assert_eq!(
            named_folder(b"/home//home/u/.cargo/registry", &folders),
            Some(Path::new("/home/u/.cargo"))
        );
    }
}
