//! A comparison for people.

use std::fmt::{self, Display, Formatter};

use super::{
    CauseSort, Change, Comparison, PageKind, Pages, SymbolDifferences, Traces, Unnamed, Way,
};
use crate::inspect::{Purpose, counted};
use crate::reading::Workload;

/// What is shown of one list; the JSON has all.
const SHOWN: usize = 20;

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.verdict(f)?;
        changes("Parameters", &self.parameters, f)?;
        changes("Enclave's manifest", &self.manifest, f)?;
        changes("Workloads", &self.workloads, f)?;
        changes("Files, as their manifests list them", &self.files, f)?;
        self.pages(f)?;
        if let Some(symbols) = &self.symbols {
            self.symbols(symbols, f)?;
        }
        self.unnamed(f)?;
        self.provenance(f)?;
        self.traces(f)?;
        changes("Signature (signed, not measured)", &self.signature, f)?;
        changes("Members of the images (not measured)", &self.members, f)
    }
}

impl Comparison {
    fn verdict(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.identical {
            writeln!(f, "Nothing differs.")?;
        } else if self.same_measurement {
            writeln!(
                f,
                "The measurements are the same. What differs is not measured."
            )?;
        } else {
            writeln!(f, "The measurements differ.")?;
        }
        for (number, cause) in self.causes.iter().enumerate() {
            let word = match (number, cause.sort) {
                (0, CauseSort::Unknown) => "Because",
                (0, _) => "Likely because",
                _ => "Also because",
            };
            writeln!(f, "{word} {}.", cause.because)?;
        }
        writeln!(f)?;
        for (side, (image, digest)) in ["first ", "second"]
            .iter()
            .zip(self.images.iter().zip(&self.mrenclave))
        {
            writeln!(f, "  {side}  {digest}  {image}")?;
        }
        Ok(())
    }

    fn pages(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.pages.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nPages that differ")?;
        shown(&by_purpose(&self.pages), f, |pages, f| {
            writeln!(f, "  {}", page_line(pages))
        })
    }

    fn symbols(&self, symbols: &SymbolDifferences, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nFunctions and variables")?;
        if !symbols.resized.is_empty() {
            writeln!(f, "  {} another size:", has(symbols.resized.len()))?;
            shown(&symbols.resized, f, |one, f| {
                writeln!(
                    f,
                    "    {:+6}  {}{}  ({} -> {} bytes, at 0x{:x})",
                    one.growth(),
                    one.name,
                    self.workload(&one.name),
                    one.first.1,
                    one.second.1,
                    one.first.0,
                )
            })?;
        }
        if !symbols.changed.is_empty() {
            writeln!(
                f,
                "  {} the same size and other bytes:",
                has(symbols.changed.len())
            )?;
            shown(&symbols.changed, f, |one, f| {
                let bytes = match one.bytes {
                    0 => "some bytes".to_owned(),
                    bytes => counted(bytes, "byte"),
                };
                writeln!(
                    f,
                    "    {}{}  ({bytes}, from 0x{:x} on)",
                    one.name,
                    self.workload(&one.name),
                    one.first + one.at,
                )
            })?;
        }
        for (list, side) in [(&symbols.removed, "first"), (&symbols.added, "second")] {
            if !list.is_empty() {
                writeln!(f, "  {} only in the {side}:", is(list.len()))?;
                shown(list, f, |one, f| {
                    let workload = self.workload(&one.name);
                    writeln!(
                        f,
                        "    {}{workload}  ({} bytes, at 0x{:x})",
                        one.name, one.size, one.offset
                    )
                })?;
            }
        }
        writeln!(
            f,
            "  {} merely moved, {} where they were and only refer to what moved, {} the same",
            symbols.moved, symbols.adjusted, symbols.same,
        )
    }

    /// Which workload a function is, for those who read its name.
    fn workload(&self, name: &str) -> String {
        let one = self
            .known_workloads
            .iter()
            .find(|one| is_function_of(name, one));
        one.map_or_else(String::new, |one| format!(" [workload {}]", one.id))
    }

    fn unnamed(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.unnamed.is_empty() {
            return Ok(());
        }
        let title = if self.symbols.is_some() {
            "Bytes of the program that no symbol holds"
        } else {
            "Bytes of the program (no symbols: `enclave/symbols` is missing)"
        };
        writeln!(f, "\n{title}")?;
        for unnamed in &self.unnamed {
            writeln!(f, "  {}", unnamed_line(unnamed))?;
            shown(&unnamed.pieces, f, |piece, f| {
                let side = |text: &str| {
                    if text.is_empty() || text == "\"\"" {
                        "nothing".to_owned()
                    } else {
                        text.to_owned()
                    }
                };
                writeln!(
                    f,
                    "    0x{:x}: {} -> {}",
                    piece.first_offset,
                    side(&piece.first),
                    side(&piece.second),
                )
            })?;
        }
        Ok(())
    }

    fn provenance(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let provenance = &self.provenance;
        if provenance.missing.len() == 1 {
            let missing = provenance.missing.join(" and ");
            writeln!(f, "\nProvenance: {missing} does not say how it was made")?;
        }
        changes("Tools", &provenance.toolchain, f)?;
        changes("What the compilers were told", &provenance.flags, f)?;
        changes("Packages", &provenance.packages, f)?;
        changes("Sources", &provenance.sources, f)
    }

    fn traces(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (traces, side) in [(&self.only_first, "first"), (&self.only_second, "second")] {
            if traces.is_empty() {
                continue;
            }
            writeln!(f, "\nTexts that only the {side} program holds")?;
            let Traces {
                paths,
                times,
                compilers,
                packages,
            } = traces;
            for (what, list) in [
                ("path", paths),
                ("time", times),
                ("compiler", compilers),
                ("package", packages),
            ] {
                let list: Vec<_> = list.iter().collect();
                shown(&list, f, |text, f| writeln!(f, "  {what:8}  {text}"))?;
            }
        }
        Ok(())
    }
}

/// `sconce_workloads::hello::hello`, and what the attribute made beside it, for
/// `workloads::hello` and `hello`.
fn is_function_of(name: &str, workload: &Workload) -> bool {
    let module = workload
        .module
        .split_once("::")
        .map_or("", |(_, rest)| rest);
    let function = &workload.function;
    let tail = if module.is_empty() {
        format!("::{function}")
    } else {
        format!("::{module}::{function}")
    };
    let made = tail.replace(
        &format!("::{function}"),
        &format!("::__workload_{function}::"),
    );
    name.ends_with(&tail) || name.contains(&format!("{tail}::")) || name.contains(&made)
}

/// Pages of the program stand where they differ; all others are in one line for each purpose and way,
/// where the first is.
fn by_purpose(pages: &[Pages]) -> Vec<Pages> {
    let mut rows: Vec<Pages> = Vec::new();
    for one in pages {
        let alone = matches!(one.purpose, Purpose::Program | Purpose::Unknown);
        let same = |row: &&mut Pages| {
            !alone && row.purpose == one.purpose && row.difference.way == one.difference.way
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.difference.pages += one.difference.pages,
            None => rows.push(one.clone()),
        }
    }
    rows
}

fn page_line(pages: &Pages) -> String {
    let difference = &pages.difference;
    let way = match difference.way {
        Way::OnlyFirst => "only in the first".to_owned(),
        Way::OnlySecond => "only in the second".to_owned(),
        Way::Kind { first, second } => kinds(first, second),
        Way::Measured { first, second } => {
            format!("measured: {first} chunks of 16, and {second}")
        }
        Way::Content => "bytes".to_owned(),
        Way::UnmeasuredContent => "bytes that are not measured".to_owned(),
    };
    let symbols = match &pages.symbols[..] {
        [] => String::new(),
        [only] => format!(": {only}"),
        [first, ..] => format!(": {first}, …"),
    };
    format!(
        "0x{:<10x} {:>11}  {:20} {way}{symbols}",
        difference.offset,
        counted(difference.pages, "page"),
        pages.purpose.words(),
    )
}

fn kinds(first: PageKind, second: PageKind) -> String {
    format!("permissions {first} -> {second}")
}

fn unnamed_line(unnamed: &Unnamed) -> String {
    let sizes = if unnamed.first == unnamed.second {
        format!("{} bytes", unnamed.first)
    } else {
        format!("{} -> {} bytes", unnamed.first, unnamed.second)
    };
    match unnamed.differing {
        None => format!(
            "{}: {sizes}, other ones; they are derived from the rest",
            unnamed.sort
        ),
        Some(0) => format!(
            "{}: {sizes}; only addresses differ, of things that moved",
            unnamed.sort
        ),
        Some(differing) => {
            format!(
                "{}: {sizes}; {differing} differ otherwise than by addresses of what moved",
                unnamed.sort
            )
        }
    }
}

fn changes(title: &str, changes: &[Change], f: &mut Formatter<'_>) -> fmt::Result {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let width = changes
        .iter()
        .map(|one| one.what.chars().count())
        .max()
        .unwrap_or(0)
        .min(32);
    shown(changes, f, |one, f| {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let (first, second) = (side(&one.first), side(&one.second));
        if first.len() + second.len() > 80 {
            let indent = " ".repeat(width + 2);
            writeln!(f, "  {:width$}  {first}\n{indent}  -> {second}", one.what)
        } else {
            writeln!(f, "  {:width$}  {first} -> {second}", one.what)
        }
    })
}

fn shown<T>(
    list: &[T],
    f: &mut Formatter<'_>,
    line: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for one in list.iter().take(SHOWN) {
        line(one, f)?;
    }
    match list.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "    and {more} more: `--json` lists all"),
    }
}

fn has(count: usize) -> String {
    format!("{count} {}", if count == 1 { "has" } else { "have" })
}

fn is(count: usize) -> String {
    format!("{count} {}", if count == 1 { "is" } else { "are" })
}
