//! What an image is: what its measurement covers and what it does not, in words.

mod classes;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use serde::Serialize;
use sgx::{Digest, Kind};

use crate::Error;
use crate::layout::Layout;
use crate::manifest::Parameters;
use crate::reading::{Reading, Workload};

pub use classes::{Class, Measured, Purpose, classes};
pub(crate) use text::{counted, item, some_of};

/// Everything that is told of an image. It displays itself for people.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Where it is.
    pub image: String,
    /// The program's name, as measured.
    pub name: Option<String>,
    /// The measurement, with its kind.
    pub mrenclave: String,
    /// SIZE: bytes of the enclave's address range. Measured.
    pub size: u64,
    /// SSAFRAMESIZE: pages of a frame of saved state. Measured.
    pub ssa_frame_size: u32,
    /// Bytes of the stream.
    pub stream_bytes: u64,
    /// What `enclave.toml` said, as measured.
    pub parameters: Option<Parameters>,
    /// Where threads begin to run, from the enclave's base. Measured.
    pub entry: Option<u64>,
    /// What the pages are for, and what of them is measured.
    pub classes: Vec<Class>,
    /// What no measurement covers, in words.
    pub not_measured: Vec<String>,
    /// What the program runs for requesters, as measured.
    pub workloads: Option<Vec<Workload>>,
    /// The digest of the file manifest, as measured, in hex.
    pub files: Option<String>,
    /// Functions that the program chooses by what CPUID says (IRELATIVE).
    pub chosen_by_cpuid: Option<u64>,
    /// Who signed it.
    pub signature: Option<Signature>,
    /// What can't be read, and other things to know.
    pub notes: Vec<String>,
}

/// A SIGSTRUCT in short. Nothing in it is measured.
#[derive(Debug, Clone, Serialize)]
pub struct Signature {
    /// The signer, with its kind.
    pub mrsigner: String,
    /// DATE.
    pub date: String,
    /// ISVPRODID.
    pub product_id: u16,
    /// ISVSVN.
    pub security_version: u16,
    /// ATTRIBUTES: FLAGS and XFRM.
    pub attributes: [u64; 2],
    /// Whether an enclave that a debugger can look into is launched with it.
    pub allows_debug: bool,
    /// What is wrong with it; nothing, if it holds and is for this enclave.
    pub faults: Vec<String>,
}

/// Reads an image or a stream and tells what it is.
///
/// # Errors
///
/// Those of [`Reading::open`].
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    Ok(Inspection::of(&Reading::open(path)?))
}

impl Inspection {
    /// Of what has been read.
    #[must_use]
    pub fn of(reading: &Reading) -> Self {
        let manifest = reading.manifest.as_ref();
        let mut notes = reading.faults.clone();
        let layout = layout(reading, &mut notes);
        let relocations = reading.program.as_ref().map(|one| one.relocations());
        if let Some(beside) = &reading.beside {
            let faults = beside.faults.iter();
            notes.extend(faults.map(|(member, why)| format!("{member} can't be used: {why}")));
        }
        Self {
            image: reading.name.clone(),
            name: manifest.map(|one| one.name.clone()),
            mrenclave: reading.digest().to_string(),
            size: reading.summary.parameters.size,
            ssa_frame_size: reading.summary.parameters.ssa_frame_size,
            stream_bytes: reading.summary.bytes,
            parameters: manifest.map(|one| one.parameters.clone()),
            entry: manifest.map(|one| one.entry),
            classes: classes(reading, layout.as_ref()),
            not_measured: not_measured(reading),
            workloads: reading.workloads.clone(),
            files: manifest.and_then(|one| one.files.clone()),
            chosen_by_cpuid: relocations.map(|one| one.irelative),
            signature: reading.beside.as_ref().and_then(|beside| {
                beside
                    .sigstruct
                    .as_ref()
                    .map(|sigstruct| Signature::of(sigstruct, reading))
            }),
            notes,
        }
    }
}

impl Signature {
    pub(crate) fn of(sigstruct: &sgx::sigstruct::Sigstruct, reading: &Reading) -> Self {
        let body = sigstruct.body();
        let mut faults = match sigstruct.verify() {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(|fault| fault.to_string()).collect(),
        };
        if body.mrenclave != reading.summary.mrenclave {
            faults.push(format!(
                "it is for {}",
                Digest::Mrenclave(Kind::Sim, body.mrenclave)
            ));
        }
        Self {
            mrsigner: mrsigner(sigstruct).to_string(),
            date: body.date.to_string(),
            product_id: body.product_id,
            security_version: body.security_version,
            attributes: [body.attributes.flags, body.attributes.xfrm],
            allows_debug: body.allows_debug(),
            faults,
        }
    }
}

/// SHA-256 of the modulus, whether the signature holds or not.
pub(crate) fn mrsigner(sigstruct: &sgx::sigstruct::Sigstruct) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, &sigstruct.modulus_le());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    Digest::Mrsigner(Kind::Sim, sgx::Mrsigner(bytes))
}

/// Where the manifest says that everything is.
fn layout(reading: &Reading, notes: &mut Vec<String>) -> Option<Layout> {
    let (manifest, program) = (reading.manifest.as_ref()?, reading.program.as_ref()?);
    match Layout::again(manifest, program) {
        Ok(layout) => {
            if let Some(what) = layout.contradiction(manifest) {
                notes.push(format!("the enclave's manifest says {what}"));
            }
            Some(layout)
        }
        Err(error) => {
            notes.push(format!("the enclave's manifest makes no enclave: {error}"));
            None
        }
    }
}

/// What has a part in what the enclave does and no part in its measurement.
fn not_measured(reading: &Reading) -> Vec<String> {
    let mut list = vec![
        "arguments, environment variables, and everything that comes over a connection".to_owned(),
        "clocks, random numbers of the host, and what CPUID says".to_owned(),
        "ATTRIBUTES (DEBUG too), MISCSELECT, ISVPRODID and ISVSVN: they are signed, and a verifier must look at them".to_owned(),
    ];
    let has_files = reading
        .manifest
        .as_ref()
        .is_some_and(|manifest| manifest.files.is_some());
    list.push(if has_files {
        "files that the file manifest does not list, and those in its regions with mode none"
            .to_owned()
    } else {
        "files: the image has none that are measured".to_owned()
    });
    if let Some(beside) = &reading.beside {
        let informative = beside.informative();
        if !informative.is_empty() {
            list.push(format!(
                "{}: for people and other tools; whoever carries the image can change them",
                informative.join(", ")
            ));
        }
        let foreign = beside.foreign();
        if !foreign.is_empty() {
            list.push(format!("{}: no part of the enclave", some_of(&foreign)));
        }
    }
    list
}
