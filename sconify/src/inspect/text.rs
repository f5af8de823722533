//! An inspection for people.

use std::fmt::{self, Display, Formatter};

use super::{Class, Inspection, Measured, Purpose, Signature};
use crate::config::{Feature, Size};
use crate::reading::PAGE;

impl Display for Inspection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "image        {}", self.image)?;
        writeln!(f, "measurement  {}", self.mrenclave)?;
        writeln!(
            f,
            "             simulated: only Sconce's simulated platform checks it, and nothing is protected by it"
        )?;
        if let Some(signature) = &self.signature {
            signature.fmt(f)?;
        }
        self.parameters(f)?;
        self.classes(f)?;
        writeln!(f, "\nNot measured")?;
        for what in &self.not_measured {
            item(what, f)?;
        }
        self.workloads(f)?;
        self.notes(f)
    }
}

impl Inspection {
    fn parameters(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nMeasured parameters")?;
        writeln!(
            f,
            "  address range  {} (SIZE 0x{:x})",
            Size(self.size),
            self.size
        )?;
        writeln!(
            f,
            "  SSAFRAMESIZE   {}",
            counted(self.ssa_frame_size.into(), "page")
        )?;
        let Some(parameters) = &self.parameters else {
            return Ok(());
        };
        let heap = if parameters.heap.measured {
            "its zeros are measured"
        } else {
            "what it holds at first is not measured"
        };
        writeln!(f, "  heap           {}; {heap}", Size(parameters.heap.size))?;
        writeln!(
            f,
            "  threads        {}, each with a stack of {} and {} of saved state",
            parameters.threads.count,
            Size(parameters.threads.stack),
            counted(parameters.ssa.frames.into(), "frame"),
        )?;
        if let Some(entry) = self.entry {
            writeln!(f, "  entry          0x{entry:x}")?;
        }
        writeln!(
            f,
            "  asked for      product {}, security version {}, {}",
            parameters.product_id,
            parameters.security_version,
            features(&parameters.attributes),
        )?;
        if let Some(digest) = &self.files {
            writeln!(f, "  files          file manifest sha256:{digest}")?;
        }
        Ok(())
    }

    fn classes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (measured, title) in [
            (
                Measured::Bytes,
                "Measured: place, permissions and every byte",
            ),
            (
                Measured::SomeBytes,
                "Measured: place, permissions and some of the bytes",
            ),
            (
                Measured::Place,
                "Measured: place and permissions. The host chooses what these pages hold at first",
            ),
        ] {
            let classes: Vec<_> = self
                .classes
                .iter()
                .filter(|class| class.measured == measured)
                .collect();
            if classes.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}")?;
            for class in classes {
                row(class, f)?;
            }
        }
        Ok(())
    }

    fn workloads(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(workloads) = &self.workloads else {
            return Ok(());
        };
        writeln!(
            f,
            "\nWorkloads, from the measured pages: {}",
            workloads.len()
        )?;
        let width = workloads.iter().map(|one| one.id.len()).max().unwrap_or(0);
        for workload in workloads {
            writeln!(f, "  {:width$}  {}", workload.id, workload.signature())?;
        }
        Ok(())
    }

    fn notes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let chosen = self.chosen_by_cpuid.filter(|count| *count > 0);
        let debug = self.signature.as_ref().is_some_and(|one| one.allows_debug);
        if chosen.is_none() && !debug && self.notes.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nTo know")?;
        if let Some(count) = chosen {
            let chosen = counted_verb(count, "function is chosen", "functions are chosen");
            let text = format!(
                "{chosen} by what CPUID says when the program starts (IRELATIVE): inside an enclave \
                 the host says that. All that can be chosen is measured; which of it runs is not"
            );
            item(&text, f)?;
        }
        if debug {
            let text = "the signature lets a debugger look into the enclave: a verifier should refuse \
                        DEBUG";
            item(text, f)?;
        }
        for note in &self.notes {
            item(note, f)?;
        }
        Ok(())
    }
}

impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "signer       {}", self.mrsigner)?;
        let debug = if self.allows_debug {
            "DEBUG allowed"
        } else {
            "no DEBUG"
        };
        writeln!(
            f,
            "             dated {}, product {}, security version {}, FLAGS 0x{:x}, XFRM 0x{:x}, {debug}",
            self.date,
            self.product_id,
            self.security_version,
            self.attributes[0],
            self.attributes[1],
        )?;
        if !self.faults.is_empty() {
            writeln!(
                f,
                "             it does not hold: {}",
                self.faults.join(", ")
            )?;
        }
        Ok(())
    }
}

fn row(class: &Class, f: &mut Formatter<'_>) -> fmt::Result {
    let times = match class.purpose {
        Purpose::Tls | Purpose::Tcs | Purpose::Stack | Purpose::Ssa => {
            format!(" of {}", counted(class.count, "thread"))
        }
        _ => String::new(),
    };
    writeln!(
        f,
        "  0x{:<10x} {}  {:>8}  {:>9}  {}{times}",
        class.offset,
        class.permissions,
        class.pages,
        Size(class.pages * PAGE).to_string(),
        class.purpose.words(),
    )
}

/// A line of a list, with more of them below it if it's long.
pub(crate) fn item(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    const WIDTH: usize = 92;
    let mut width = 0;
    f.write_str("  -")?;
    for word in text.split(' ') {
        let length = word.chars().count() + 1;
        if width > 0 && width + length > WIDTH {
            f.write_str("\n   ")?;
            width = 0;
        }
        write!(f, " {word}")?;
        width += length;
    }
    f.write_str("\n")
}

fn features(attributes: &crate::config::AttributesConfig) -> String {
    let mut words = vec!["x87".to_owned(), "sse".to_owned()];
    words.extend(attributes.features.iter().map(|one| {
        match one {
            Feature::Avx => "avx",
            Feature::Avx512 => "avx512",
            Feature::Amx => "amx",
        }
        .to_owned()
    }));
    if attributes.exinfo {
        words.push("exinfo".to_owned());
    }
    if attributes.kss {
        words.push("kss".to_owned());
    }
    words.join(" ")
}

/// The first names of a list that may be long.
pub(crate) fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// As in `1 page` and `3 pages`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn counted_verb(count: u64, one: &str, several: &str) -> String {
    let words = if count == 1 { one } else { several };
    format!("{count} {words}")
}
