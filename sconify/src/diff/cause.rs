//! Why two measurements differ, as far as what was found tells it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::traces::name_and_version;
use super::{Change, Comparison, Traces};

/// A likely cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Of what sort it is.
    pub sort: CauseSort,
    /// The cause in words, to go on after "because".
    pub because: String,
}

/// Sorts of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseSort {
    /// `enclave.toml` says something else.
    Parameters,
    /// Files that are measured.
    Files,
    /// Compiler, linker, C library.
    Toolchain,
    /// Packages.
    Dependency,
    /// What the compilers were told.
    Flags,
    /// The checkout's own files.
    Source,
    /// Paths of the build in the program.
    BuildPath,
    /// Times of the build in the program.
    BuildTime,
    /// The program is not the one that the linker wrote.
    Tampering,
    /// Nothing that was found explains it.
    Unknown,
}

/// All that apply, the ones that are sure and reach furthest first; at least one if the measurements
/// differ.
pub(super) fn causes(comparison: &Comparison) -> Vec<Cause> {
    let mut causes = Vec::new();
    if comparison.same_measurement {
        return causes;
    }
    let mut add = |sort, because: String| causes.push(Cause { sort, because });
    if let Some(what) = named(&given(&comparison.parameters)) {
        add(
            CauseSort::Parameters,
            format!("they were made with other parameters: {what}"),
        );
    }
    let file_digest = comparison
        .manifest
        .iter()
        .any(|change| change.what == "files");
    if let Some(what) = named(&comparison.files) {
        add(
            CauseSort::Files,
            format!("other files are measured: {what}"),
        );
    } else if file_digest {
        add(
            CauseSort::Files,
            "their file manifests have other digests".to_owned(),
        );
    }
    if comparison.program_differs {
        of_program(comparison, &mut add);
    }
    if causes.is_empty() {
        causes.push(Cause {
            sort: CauseSort::Unknown,
            because: "of something that no check here knows: see the pages below".to_owned(),
        });
    }
    causes
}

fn of_program(comparison: &Comparison, add: &mut impl FnMut(CauseSort, String)) {
    let provenance = &comparison.provenance;
    let known = provenance.missing.is_empty();
    let mut found = false;
    let mut tell = |sort, because: String| {
        found = true;
        add(sort, because);
    };
    if let Some(what) = named(&provenance.toolchain) {
        tell(
            CauseSort::Toolchain,
            format!("other tools made them: {what}"),
        );
    }
    if let Some(what) = named(&provenance.packages) {
        tell(
            CauseSort::Dependency,
            format!("other packages were compiled in: {what}"),
        );
    }
    if let Some(what) = named(&provenance.flags) {
        tell(
            CauseSort::Flags,
            format!("the compilers were told something else: {what}"),
        );
    }
    if let Some(what) = named(&provenance.sources) {
        tell(CauseSort::Source, format!("the sources differ: {what}"));
    }
    if !known {
        by_traces(comparison, &mut tell);
    }
    if let Some((first, second, count)) =
        moved_paths(&comparison.only_first, &comparison.only_second)
    {
        let more = if count > 1 {
            format!(" ({count} such paths)")
        } else {
            String::new()
        };
        tell(
            CauseSort::BuildPath,
            format!(
                "the programs hold the paths of where they were built: {first} and {second}{more}"
            ),
        );
    }
    if let Some((first, second)) = times(&comparison.only_first, &comparison.only_second) {
        tell(
            CauseSort::BuildTime,
            format!(
                "the programs hold what looks like the time of the build: {first} and {second}"
            ),
        );
    }
    if found {
        return;
    }
    match (known, comparison.same_linked) {
        (true, Some(true)) => add(
            CauseSort::Tampering,
            "one of the programs was changed after it was built: both images say that the linker wrote \
             the very same file"
                .to_owned(),
        ),
        (true, _) => add(
            CauseSort::Unknown,
            "of something unknown: sources, packages, flags and tools are recorded as the same, and \
             nothing that differs looks like a path or a time. Either the build is not reproducible, or \
             one of the programs was changed after it"
                .to_owned()
                + &most(comparison).replacen(", most", ". They differ most", 1),
        ),
        (false, _) => add(
            CauseSort::Unknown,
            format!(
                "the programs differ{}. Why cannot be told: {} (enclave/provenance.json), and nothing that \
                 differs looks like a path, a time, a compiler or a package",
                most(comparison),
                silent(&provenance.missing)
            ),
        ),
    }
}

/// The function that differs most, if functions are known.
fn most(comparison: &Comparison) -> String {
    let Some(symbols) = &comparison.symbols else {
        return String::new();
    };
    let resized = symbols
        .resized
        .iter()
        .map(|one| (one.growth().unsigned_abs(), &one.name));
    let changed = symbols.changed.iter().map(|one| (one.bytes, &one.name));
    let added = symbols.added.iter().chain(&symbols.removed);
    let added = added.map(|one| (one.size, &one.name));
    let most = resized
        .chain(changed)
        .chain(added)
        .max_by_key(|(bytes, _)| *bytes);
    most.map_or_else(String::new, |(_, name)| format!(", most of all in {name}"))
}

fn silent(missing: &[String]) -> String {
    match missing {
        [one] => format!("{one} does not say how it was made"),
        _ => "neither says how it was made".to_owned(),
    }
}

/// What the programs' own texts say, where no provenance does.
fn by_traces(comparison: &Comparison, tell: &mut impl FnMut(CauseSort, String)) {
    let (first, second) = (&comparison.only_first, &comparison.only_second);
    if let Some(what) = both(&first.compilers, &second.compilers) {
        tell(
            CauseSort::Toolchain,
            format!("other compilers made them: {what}"),
        );
    }
    if let Some(what) = named(&packages(first, second)) {
        tell(
            CauseSort::Dependency,
            format!("their texts name other versions of packages: {what}"),
        );
    }
}

/// Packages that both name, with another version. That one alone names a package says little: a text of
/// it may have come or gone with the code that uses it.
fn packages(first: &Traces, second: &Traces) -> Vec<Change> {
    let versions = |traces: &Traces| -> BTreeMap<String, String> {
        let packages = traces.packages.iter();
        let named = packages.filter_map(|package| name_and_version(package));
        named
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .collect()
    };
    let others = versions(second);
    versions(first)
        .into_iter()
        .filter_map(|(name, version)| {
            Some(Change {
                second: Some(others.get(&name)?.clone()),
                first: Some(version),
                what: name,
            })
        })
        .collect()
}

/// Parameters that somebody gave: with them SIZE and SSAFRAMESIZE are computed.
fn given(parameters: &[Change]) -> Vec<Change> {
    let computed = |change: &&Change| matches!(&*change.what, "SIZE" | "SSAFRAMESIZE");
    let given: Vec<_> = parameters
        .iter()
        .filter(|one| !computed(one))
        .cloned()
        .collect();
    if given.is_empty() {
        parameters.to_vec()
    } else {
        given
    }
}

/// The first two, and how many more.
fn named(changes: &[Change]) -> Option<String> {
    const SHOWN: usize = 2;
    let shown: Vec<_> = changes.iter().take(SHOWN).map(short).collect();
    let more = changes.len().saturating_sub(SHOWN);
    (!shown.is_empty()).then(|| match more {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    })
}

/// As in `heap.size 64 instead of 128`; long values (digests, roots) are left out.
fn short(change: &Change) -> String {
    const LONGEST: usize = 48;
    let what = &change.what;
    match (&change.first, &change.second) {
        (Some(_), None) => format!("{what} (only in the first)"),
        (None, Some(_)) => format!("{what} (only in the second)"),
        (Some(first), Some(second)) if first.len().max(second.len()) <= LONGEST => {
            format!("{what} ({first} and {second})")
        }
        _ => what.clone(),
    }
}

fn both(first: &BTreeSet<String>, second: &BTreeSet<String>) -> Option<String> {
    match (first.first(), second.first()) {
        (Some(first), Some(second)) => Some(format!("{first} and {second}")),
        (Some(first), None) => Some(format!("{first} (only in the first)")),
        (None, Some(second)) => Some(format!("{second} (only in the second)")),
        (None, None) => None,
    }
}

/// A path of each that ends alike and begins otherwise, and how many there are.
fn moved_paths<'a>(first: &'a Traces, second: &'a Traces) -> Option<(&'a str, &'a str, usize)> {
    let mut others: BTreeMap<String, &str> = BTreeMap::new();
    for path in &second.paths {
        if let Some((_, tail)) = split(path) {
            others.entry(tail).or_insert(path);
        }
    }
    let mut pairs = first.paths.iter().filter_map(|one| {
        let (begin, tail) = split(one)?;
        let other = *others.get(&tail)?;
        (split(other)?.0 != begin).then_some((one.as_str(), other))
    });
    let (one, other) = pairs.next()?;
    Some((one, other, 1 + pairs.count()))
}

/// A path's begin, and its last two names. Versions of packages and commits of compilers are no places.
fn split(path: &str) -> Option<(String, String)> {
    let mut slashes = path.rmatch_indices('/');
    let (at, _) = slashes.nth(1)?;
    let (begin, tail) = path.split_at(at);
    let neutral = |part: &str| -> String {
        let names = part.split('/').map(|name| {
            let is_commit = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            match name_and_version(name) {
                Some((package, _)) => package,
                None if is_commit => "commit",
                None => name,
            }
        });
        names.collect::<Vec<_>>().join("/")
    };
    Some((neutral(begin), neutral(tail)))
}

/// A time of each that is written alike.
fn times<'a>(first: &'a Traces, second: &'a Traces) -> Option<(&'a str, &'a str)> {
    first.times.iter().find_map(|one| {
        let other = second.times.iter().find(|other| other.len() == one.len())?;
        Some((one.as_str(), other.as_str()))
    })
}
