//! Programs that keys are made for, and what is asked of the platforms that they run on.

use std::collections::BTreeSet;

use ::session::Tolerance;
use attestation::Fingerprint;
use provision::api;
use provision::text::Text;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};
use sgx::{Digest, Kind, Mrenclave, Mrsigner};

/// A program, and what is asked of the platforms that it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "api::Program", into = "api::Program")]
pub struct Program {
    kind: Kind,
    measurement: Mrenclave,
    signer: Mrsigner,
    product: u16,
    svn: u16,
    demands: Demands,
}

/// What is asked of platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demands {
    /// Whether the enclave may be one that a debugger reads.
    pub(super) debug: bool,
    /// The roots of simulated platforms that are taken; none: only Intel's.
    pub(super) simulated_roots: Vec<Fingerprint>,
    /// What else is put up with, by its words and each once; never [`Tolerance::DebugMode`].
    pub(super) tolerate: Vec<Tolerance>,
}

/// Why something is no program that keys can be made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The measurement is of something else.
    #[error("`measurement` is a signer: write it as in sim:mrenclave:3b62fe… with all 64 digits")]
    Measurement,
    /// The signer is none.
    #[error("`signer` is a measurement: write it as in sim:mrsigner:3b62fe… with all 64 digits")]
    Signer,
    /// Measurement and signer are of different kinds of platforms.
    #[error("`measurement` is of the kind {measurement} and `signer` of the kind {signer}")]
    Kinds {
        /// The measurement's.
        measurement: Kind,
        /// The signer's.
        signer: Kind,
    },
    /// Virtual machines have no MRENCLAVE.
    #[error("keys are made for enclaves only, and {0} is none")]
    Kind(Kind),
    /// A simulated program needs the roots of its platforms, and another has none.
    #[error(
        "`simulatedRoots` names one to eight roots for simulated programs, and none for others"
    )]
    Roots,
    /// The session language has no such word, or another member says it.
    #[error("`tolerate` has no word {0:?} (and `debug` says whether a debugger may look in)")]
    Tolerate(String),
}

/// Simulated roots that a program may name.
const MAX_ROOTS: usize = 8;

/// Characters of an unknown word that are repeated.
const MAX_WORD: usize = 40;

impl Program {
    /// MRENCLAVE, with its kind.
    #[must_use]
    pub fn measurement(&self) -> Digest {
        Digest::Mrenclave(self.kind, self.measurement)
    }

    /// MRSIGNER, with its kind.
    #[must_use]
    pub fn signer(&self) -> Digest {
        Digest::Mrsigner(self.kind, self.signer)
    }

    /// ISVPRODID.
    #[must_use]
    pub fn product(&self) -> u16 {
        self.product
    }

    /// ISVSVN: no lower one is given the keys.
    #[must_use]
    pub fn svn(&self) -> u16 {
        self.svn
    }

    /// MRENCLAVE's bytes.
    pub(super) fn mrenclave(&self) -> [u8; 32] {
        self.measurement.0
    }

    /// MRSIGNER's bytes.
    pub(super) fn mrsigner(&self) -> [u8; 32] {
        self.signer.0
    }

    /// What is asked of platforms.
    pub(super) fn demands(&self) -> &Demands {
        &self.demands
    }
}

impl TryFrom<api::Program> for Program {
    type Error = ProgramError;

    fn try_from(asked: api::Program) -> Result<Self, ProgramError> {
        let Digest::Mrenclave(kind, measurement) = asked.measurement.0 else {
            return Err(ProgramError::Measurement);
        };
        let Digest::Mrsigner(of_signer, signer) = asked.signer.0 else {
            return Err(ProgramError::Signer);
        };
        if kind != of_signer {
            return Err(ProgramError::Kinds {
                measurement: kind,
                signer: of_signer,
            });
        }
        if kind == Kind::Tdx {
            return Err(ProgramError::Kind(kind));
        }
        let roots: BTreeSet<_> = asked.simulated_roots.iter().map(|root| root.0).collect();
        if roots.len() > MAX_ROOTS || (kind == Kind::Sim) == roots.is_empty() {
            return Err(ProgramError::Roots);
        }
        let words: BTreeSet<_> = asked.tolerate.iter().collect();
        let tolerate = words.into_iter().map(|word| tolerance(word));
        Ok(Self {
            kind,
            measurement,
            signer,
            product: asked.product,
            svn: asked.svn,
            demands: Demands {
                debug: asked.debug,
                simulated_roots: roots.into_iter().collect(),
                tolerate: tolerate.collect::<Result<_, _>>()?,
            },
        })
    }
}

/// What a word of the session language puts up with.
fn tolerance(word: &str) -> Result<Tolerance, ProgramError> {
    let refusal = || ProgramError::Tolerate(word.escape_default().take(MAX_WORD).collect());
    let read = Tolerance::deserialize(StrDeserializer::<serde::de::value::Error>::new(word));
    let fits = |found: &Tolerance| *found != Tolerance::DebugMode;
    read.ok().filter(fits).ok_or_else(refusal)
}

impl From<Program> for api::Program {
    fn from(program: Program) -> Self {
        let demands = &program.demands;
        let words = demands.tolerate.iter().map(|one| one.word().to_owned());
        Self {
            measurement: Text(program.measurement()),
            signer: Text(program.signer()),
            product: program.product,
            svn: program.svn,
            debug: demands.debug,
            simulated_roots: demands.simulated_roots.iter().copied().map(Text).collect(),
            tolerate: words.collect(),
        }
    }
}
