//! The other requests of a vault, and their answers.

use attestation::{Fingerprint, Time};
use protocol::processor::Signup;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sgx::Digest;

use crate::text::{Base64, Hex, Text};
use crate::{Evidence, ServiceName, SessionName};

/// What a vault answers when it refuses, beside a fitting HTTP status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Why.
    pub error: Fault,
}

/// Why a vault refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its code, with a page of that name in `docs/errors`.
    pub code: String,
    /// What is wrong, in a line.
    pub message: String,
    /// What to do next, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Who owns the vault: whoever asked first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER) of the owner's certificate.
    pub owner: Hex<32>,
}

/// A session has been written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionWritten {
    /// Its hash, which the next version names as its predecessor.
    pub hash: Hex<32>,
}

/// A session in the list of those that the asker may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionEntry {
    /// What it is called.
    pub session: SessionName,
    /// The hash of its present version.
    pub hash: Hex<32>,
}

/// A program that a worker's keys are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Program {
    /// MRENCLAVE.
    pub measurement: Text<Digest>,
    /// MRSIGNER.
    pub signer: Text<Digest>,
    /// ISVPRODID.
    pub product: u16,
    /// ISVSVN, the smallest.
    pub svn: u16,
    /// Whether it may be debugged: then its keys are no secret.
    pub debug: bool,
    /// The roots of simulated platforms that it may run on. Empty: it runs on hardware.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub simulated_roots: Vec<Text<Fingerprint>>,
    /// What is tolerated of its platform, in the words of the session language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerate: Vec<String>,
}

/// A worker that there are to be keys for: the members of a [`Program`], and beside them the directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWorker {
    /// The program that the keys are for.
    #[serde(flatten)]
    pub program: Program,
    /// The key directory that the worker's keys are published in: the JSON of a
    /// `transparency::Trust`, at most [`MAX_TRUST`](crate::MAX_TRUST) bytes. None: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Box<RawValue>>,
}

/// A wish for a worker's entry in its key directory, signed by the worker's directory key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEntry {
    /// Where in the directory's map the worker is: 32 bytes.
    pub index: Base64,
    /// The entry that there is, serialized, as the directory proves it (`leaf_data`). None: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Base64>,
    /// Evidence of the generations that are to stand in the entry, each of which lives.
    pub generations: Vec<GenerationEvidence>,
}

/// What proves that a program has the keys of a generation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationEvidence {
    /// The generation.
    pub generation: u64,
    /// A quote over its keys, as the worker signed up with, and its collateral.
    pub evidence: Evidence,
}

/// A worker's entry, signed, for the directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedEntry {
    /// The body of a PUT: an `transparency::messages::EntryUpdate`.
    pub update: Box<RawValue>,
}

/// A wish for new keys of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewGeneration {
    /// The program that they are for. None: that of the newest generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// For how long the keys of earlier generations are still given out.
    pub overlap_seconds: u64,
}

/// A wish for a pool: keys that stay in the vault, of which processors are given those of one order at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPool {
    /// The worker that requesters know it as.
    pub worker: String,
    /// The program that processors have to be.
    pub program: Program,
}

/// A pool, and what is published of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Pool {
    /// The worker that requesters know it as.
    pub worker: String,
    /// That worker's id: 64 hex digits.
    pub worker_id: String,
    /// MRENCLAVE of its processors.
    pub program: Text<Digest>,
    /// Its public keys, with a quote over them, as workers sign up.
    pub signup: Signup,
}

/// Where a worker gets its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSession {
    /// The worker's name.
    pub worker: String,
    /// Its session.
    pub session: SessionName,
    /// The service in it.
    pub service: String,
    /// The generation of the keys.
    pub generation: u64,
}

/// A worker that the vault has keys for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Its name.
    pub worker: String,
    /// Its session.
    pub session: SessionName,
    /// Its living generations, the oldest first.
    pub generations: Vec<Generation>,
}

/// Keys of a worker, and the one program that they are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Counts from 1.
    pub generation: u64,
    /// The service that gives the keys out.
    pub service: String,
    /// MRENCLAVE.
    pub measurement: Text<Digest>,
    /// ISVSVN, the smallest.
    pub svn: u16,
    /// When the keys were made.
    pub made: Text<Time>,
    /// When they are destroyed, if that is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retires: Option<Text<Time>>,
}

impl From<&Program> for NewWorker {
    /// Keys for this program, and the same directory as before.
    fn from(program: &Program) -> Self {
        Self {
            program: program.clone(),
            directory: None,
        }
    }
}

impl WorkerSession {
    /// The service, in full.
    ///
    /// # Errors
    ///
    /// It is no name.
    pub fn service_name(&self) -> Result<ServiceName, crate::name::NotAName> {
        self.session.service(&self.service)
    }
}
