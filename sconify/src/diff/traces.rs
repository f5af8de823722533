//! What a build leaves in the strings of a program: paths, times, compilers, versions of packages.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use crate::reading::Pages;

/// The shortest text that is looked at.
const SHORTEST: usize = 8;
/// Longer texts are cut: tables of text may have megabytes.
const LONGEST: usize = 8192;
/// What is kept of one kind at most.
const MOST: usize = 50_000;
/// Bytes read at once.
const BLOCK: usize = 64 << 10;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Texts that tell how and where a program was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Traces {
    /// Absolute paths.
    pub paths: BTreeSet<String>,
    /// Dates and times of day.
    pub times: BTreeSet<String>,
    /// Compilers, with their versions.
    pub compilers: BTreeSet<String>,
    /// Packages of a registry: name and version with a dash between.
    pub packages: BTreeSet<String>,
}

impl Traces {
    /// Those in all pages that aren't zero.
    ///
    /// # Errors
    ///
    /// Those of the temporary file.
    pub fn of(pages: &Pages) -> io::Result<Self> {
        let mut traces = Self::default();
        let mut text = Vec::new();
        let mut block = [0; BLOCK];
        let mut behind = None;
        for run in pages.runs().iter().filter(|run| !run.is_zero()) {
            if behind != Some(run.offset) {
                traces.take(&mut text);
            }
            for at in (run.offset..run.end()).step_by(BLOCK) {
                let length = usize::try_from(run.end() - at).map_or(BLOCK, |rest| rest.min(BLOCK));
                pages.read(at, &mut block[..length])?;
                traces.scan(&block[..length], &mut text);
            }
            behind = Some(run.end());
        }
        traces.take(&mut text);
        Ok(traces)
    }

    /// Those in these bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut traces = Self::default();
        let mut text = Vec::new();
        traces.scan(bytes, &mut text);
        traces.take(&mut text);
        traces
    }

    /// Those that the other has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let rest = |own: &BTreeSet<String>, others: &BTreeSet<String>| {
            own.difference(others).cloned().collect()
        };
        Self {
            paths: rest(&self.paths, &other.paths),
            times: rest(&self.times, &other.times),
            compilers: rest(&self.compilers, &other.compilers),
            packages: rest(&self.packages, &other.packages),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Goes through bytes; `text` has the printable ones that ended the bytes before.
    fn scan(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        for byte in bytes {
            if (b' '..=b'~').contains(byte) {
                text.push(*byte);
                if text.len() == LONGEST {
                    self.take(text);
                }
            } else if !text.is_empty() {
                self.take(text);
            }
        }
    }

    fn take(&mut self, text: &mut Vec<u8>) {
        if text.len() >= SHORTEST
            && let Ok(text) = str::from_utf8(text)
        {
            self.note(text);
        }
        text.clear();
    }

    fn note(&mut self, text: &str) {
        for token in text.split(|letter| !is_of_path(letter)) {
            let Some(start) = token.find('/') else {
                continue;
            };
            let path = whole_path(&token[start..]);
            if let Some(package) = package(path) {
                add(&mut self.packages, package);
            }
            if is_absolute(path) {
                add(&mut self.paths, path);
            }
        }
        for (at, _) in text.match_indices([':', '-']) {
            if let Some(time) = clock(text, at).or_else(|| date(text, at)) {
                add(&mut self.times, time);
            }
        }
        for month in MONTHS {
            for (at, _) in text.match_indices(month) {
                if let Some(time) = c_date(text, at) {
                    add(&mut self.times, time);
                }
            }
        }
        for mark in [
            "rustc version ",
            "GCC: (",
            "clang version ",
            "Linker: ",
            "/rustc/",
        ] {
            for (at, _) in text.match_indices(mark) {
                add(&mut self.compilers, compiler(&text[at..], mark));
            }
        }
    }
}

fn add(to: &mut BTreeSet<String>, text: &str) {
    if to.len() < MOST && !to.contains(text) {
        to.insert(text.to_owned());
    }
}

fn is_of_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '/' | '.' | '_' | '-' | '+' | '@' | '~')
}

/// Rust puts texts one behind the other with nothing between: a path ends behind `.rs`.
fn whole_path(token: &str) -> &str {
    let end = token.find(".rs").map_or(token.len(), |at| at + 3);
    &token[..end]
}

/// At least two names that a folder or a file may have.
fn is_absolute(path: &str) -> bool {
    let mut names = path.split('/').skip(1);
    let name = |name: Option<&str>| {
        name.is_some_and(|name| name.bytes().filter(u8::is_ascii_alphanumeric).count() >= 2)
    };
    path.len() >= SHORTEST && name(names.next()) && name(names.next())
}

/// As in `…/registry/src/index.crates.io-1949cf8c6b5b557f/ring-0.17.14/src/aead.rs`: the first folder
/// behind the registry with a version in its name.
fn package(path: &str) -> Option<&str> {
    let (_, behind) = path.split_once("/registry/")?;
    behind
        .split('/')
        .find(|folder| name_and_version(folder).is_some())
}

/// `ring` and `0.17.14` of `ring-0.17.14`.
pub(super) fn name_and_version(folder: &str) -> Option<(&str, &str)> {
    let first = folder
        .match_indices('-')
        .map(|(at, _)| (&folder[..at], &folder[at + 1..]));
    let mut versions = first.filter(|(name, version)| {
        let mut parts = version.splitn(3, '.');
        let mut is_number = || parts.next().is_some_and(|part| number(part, 0).is_some());
        !name.is_empty() && is_number() && is_number() && parts.next().is_some()
    });
    versions.next()
}

/// `12:34:56` with its first colon at `at`.
fn clock(text: &str, at: usize) -> Option<&str> {
    let clock = text.get(at.checked_sub(2)?..at + 6)?;
    let mut parts = clock.split(':');
    let mut below = |limit| number(parts.next()?, 2).filter(|number| *number < limit);
    (below(24).is_some() && below(60).is_some() && below(61).is_some()).then_some(clock)
}

/// `2026-11-20` with its first dash at `at`.
fn date(text: &str, at: usize) -> Option<&str> {
    let date = text.get(at.checked_sub(4)?..at + 6)?;
    let mut parts = date.split('-');
    let mut within = |digits, from, to| {
        number(parts.next()?, digits).filter(|number| (from..=to).contains(number))
    };
    let is_date =
        within(4, 1980, 2099).is_some() && within(2, 1, 12).is_some() && within(2, 1, 31).is_some();
    is_date.then_some(date)
}

/// `Nov 20 2026` or `Nov  2 2026`, as C's `__DATE__` is, beginning at `at`.
fn c_date(text: &str, at: usize) -> Option<&str> {
    let date = text.get(at..at + 11)?;
    let day = number(date.get(4..6)?.trim_start(), 0)?;
    let year = number(date.get(7..11)?, 4)?;
    let spaced = date.get(3..4)? == " " && date.get(6..7)? == " ";
    (spaced && (1..=31).contains(&day) && (1980..=2099).contains(&year)).then_some(date)
}

/// A number of this many digits; of any if that is 0.
fn number(text: &str, digits: usize) -> Option<u32> {
    let fits = text.bytes().all(|byte| byte.is_ascii_digit());
    (fits && (digits == 0 || text.len() == digits)).then_some(())?;
    text.parse().ok()
}

/// From its mark to the end of what looks like a version.
fn compiler<'a>(text: &'a str, mark: &str) -> &'a str {
    let end = match mark {
        "/rustc/" => text[mark.len()..]
            .find(|letter: char| !letter.is_ascii_hexdigit())
            .map_or(text.len(), |at| at + mark.len()),
        _ => text.len().min(100),
    };
    text[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Traces {
        Traces::of_bytes(text.as_bytes())
    }

    #[test]
    fn paths_are_found_where_texts_touch() {
        let traces = of(
            "\0called `Option::unwrap()`/home/ann/sconce/worker/src/serve.rscannot\0 \
             and /build/a_b/x.c or http://a.b/c, 1/2, /x and src/lib.rs\0",
        );
        let paths: Vec<_> = traces.paths.iter().map(String::as_str).collect();
        assert_eq!(
            paths,
            ["/build/a_b/x.c", "/home/ann/sconce/worker/src/serve.rs"]
        );
        assert_eq!(traces.times, BTreeSet::new());
    }

    #[test]
    fn packages_and_compilers_are_found() {
        let traces = of(
            "/cargo/registry/src/index.crates.io-1949cf8c6b5b557f/ring-0.17.14/src/aead.rs\n\
             /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/fmt/mod.rs\n\
             GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0rustc version 1.95.0 (59807616e 2026-04-14)\0",
        );
        assert_eq!(Vec::from_iter(traces.packages), ["ring-0.17.14"]);
        assert_eq!(
            Vec::from_iter(traces.compilers),
            [
                "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860",
                "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0",
                "rustc version 1.95.0 (59807616e 2026-04-14)",
            ]
        );
    }

    #[test]
    fn packages_are_found_wherever_the_registry_is() {
        let traces =
            of("/cargo/registry/aws-lc-sys-0.47.0/aws-lc/crypto/err/err.c /x/registry/src/a/b.rs");
        assert_eq!(Vec::from_iter(traces.packages), ["aws-lc-sys-0.47.0"]);
        assert_eq!(
            name_and_version("a-b-1.2.3-rc.1+c"),
            Some(("a-b", "1.2.3-rc.1+c"))
        );
        for other in [
            "src",
            "index.crates.io-1949cf8c6b5b557f",
            "a-1.2",
            "-1.2.3",
            "a-1.x.3",
        ] {
            assert_eq!(name_and_version(other), None);
        }
    }

    #[test]
    fn times_are_found_and_other_numbers_are_not() {
        let traces = of("built 2026-11-20T13:36:02Z, Nov  2 2026, Nov 20 2026 09:00:00");
        assert_eq!(
            Vec::from_iter(traces.times),
            [
                "09:00:00",
                "13:36:02",
                "2026-11-20",
                "Nov  2 2026",
                "Nov 20 2026"
            ]
        );
        let traces = of("1234-56-78 99:12:34 0001-02-03 a:b:c:d May be 12 Mar 40 2026 12:34");
        assert_eq!(traces.times, BTreeSet::new());
    }

    #[test]
    fn what_both_have_is_left_out() {
        let first = of("/home/ann/code/a.c /usr/lib/x.so");
        let second = of("/home/bob/code/a.c /usr/lib/x.so");
        assert_eq!(
            Vec::from_iter(first.without(&second).paths),
            ["/home/ann/code/a.c"]
        );
        assert!(first.without(&first).is_empty());
    }

    #[test]
    fn texts_are_found_across_pages() {
        use sgx::{PAGE_SIZE, Permissions, SecInfo};

        use crate::reading::PAGE;

        let mut bytes = [0; 2 * PAGE_SIZE];
        bytes[PAGE_SIZE - 9..][..18].copy_from_slice(b"/home/ann/a/b/c.rs");
        let mut pages = Pages::default();
        for (number, bytes) in bytes.chunks(PAGE_SIZE).enumerate() {
            let page = sgx::sgxs::Page {
                offset: number as u64 * PAGE,
                info: SecInfo::reg(Permissions::R),
                measured: sgx::sgxs::Chunks::ALL,
                loaded: sgx::sgxs::Chunks::NONE,
                content: Box::new(bytes.try_into().unwrap()),
            };
            pages.push(&page).unwrap();
        }
        let traces = Traces::of(&pages).unwrap();
        assert_eq!(Vec::from_iter(traces.paths), ["/home/ann/a/b/c.rs"]);
    }
}
