//! Whether an image is what it says: everything that can be checked with the image alone.

mod checks;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use serde::Serialize;
use sgx::{Mrenclave, Mrsigner};

use crate::inspect::some_of;
use crate::reading::{Beside, Reading};
use crate::terminal::Terminal;
use crate::{Exit, Fault};

/// What the user knows already, and asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// The measurement.
    pub mrenclave: Option<Mrenclave>,
    /// The signer.
    pub mrsigner: Option<Mrsigner>,
    /// That it may be released: no debugger looks in, and the date is a real one.
    pub release: bool,
}

/// What the checks said. It displays itself for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Where the image is.
    pub image: String,
    /// The measurement, computed from the stream, with its kind.
    pub mrenclave: String,
    /// Whether no check failed.
    pub verified: bool,
    /// All checks that were made, in their order.
    pub checks: Vec<Check>,
    /// What none of them proves, in words.
    pub not_proved: Vec<String>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, stable.
    pub name: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// What was found.
    pub found: String,
}

/// Checks failed: the answer of `sconify verify`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image is not what it says: {} failed", .0.join(", "))]
pub struct Unverified(Vec<&'static str>);

impl Fault for Unverified {
    fn code(&self) -> &'static str {
        "image.unverified"
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Reads an image and checks it.
///
/// # Errors
///
/// Those of [`Reading::open`], among them a stream that is not canonical, and of reading members.
pub fn verify(
    path: &Path,
    expected: &Expected,
    terminal: &Terminal,
) -> Result<Verification, crate::Error> {
    verify_reading(&Reading::open(path)?, expected, terminal)
}

/// Checks an image that has been read.
///
/// # Errors
///
/// Those of reading members.
pub fn verify_reading(
    reading: &Reading,
    expected: &Expected,
    terminal: &Terminal,
) -> Result<Verification, crate::Error> {
    let checks = checks::all(reading, expected, terminal)?;
    Ok(Verification {
        image: reading.name.clone(),
        mrenclave: reading.digest().to_string(),
        verified: checks.iter().all(|check| check.passed),
        checks,
        not_proved: not_proved(reading, expected),
    })
}

impl Verification {
    /// The answer.
    ///
    /// # Errors
    ///
    /// [`Unverified`] with the names of the checks that failed.
    pub fn answer(&self) -> Result<(), Unverified> {
        let failed = self.checks.iter().filter(|check| !check.passed);
        let names: Vec<_> = failed.map(|check| check.name).collect();
        if names.is_empty() {
            Ok(())
        } else {
            Err(Unverified(names))
        }
    }
}

fn not_proved(reading: &Reading, expected: &Expected) -> Vec<String> {
    let mut list = vec![
        "that anything is protected: the measurement is a simulated one".to_owned(),
        "that this image runs anywhere: that takes attestation, and nobody was asked".to_owned(),
        "that it was made from sources that you know: build them yourself, and `diff` the two images".to_owned(),
    ];
    if let Some(beside) = &reading.beside {
        let informative = beside.informative();
        if !informative.is_empty() {
            list.push(format!(
                "that {} are as they were made: they are not measured",
                informative.join(", ")
            ));
        }
        let foreign = beside.foreign();
        if !foreign.is_empty() {
            list.push(format!(
                "anything of {}: no part of the enclave",
                some_of(&foreign)
            ));
        }
    }
    if let Some(start) = reading.beside.as_ref().and_then(started_instead) {
        list.push(format!(
            "that a container runs what is measured: it starts {start}"
        ));
    }
    if expected.mrenclave.is_none() {
        list.push("that it is the image that you mean: say which with --expect".to_owned());
    }
    if expected.mrsigner.is_none() && reading.beside.is_some() {
        list.push("that its signer is the one that you trust: say who with --signer".to_owned());
    }
    list
}

/// What a container of the image starts, if that's not the enclave's program.
fn started_instead(beside: &Beside) -> Option<String> {
    let start = &beside.image.package()?.start;
    let program = start.first().map_or("nothing", String::as_str);
    let is_own = program.strip_prefix('/') == Some(&beside.program);
    (!is_own).then(|| program.escape_debug().to_string())
}
