//! What happens to keys: kept in the journal, and told in the audit log.

use ::session::Tolerance;
use attestation::Time;
use protocol::crypto::sha256;
use provision::audit::{Audited, Outcome};
use provision::text::{Hex, Text};
use serde::{Deserialize, Serialize};

use super::{Client, DirectoryKey, Program, WorkerName, pool, service_name};

/// Something that has happened. Those of pools hold secrets, which are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in seconds since 1970.
    pub(super) time: u64,
    /// What.
    pub(super) what: What,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum What {
    /// The vault has an owner.
    Claimed {
        /// Whom.
        owner: Client,
    },
    /// A generation was made, with the next number.
    Born {
        /// The worker.
        worker: WorkerName,
        /// Its number.
        generation: u64,
        /// What it is for.
        program: Program,
        /// For how many seconds the ones before it live on.
        overlap: u64,
    },
    /// A generation's keys are destroyed.
    Retired {
        /// The worker.
        worker: WorkerName,
        /// Its number.
        generation: u64,
    },
    /// A worker has a key that its entries in a key directory are signed with.
    DirectoryKey {
        /// The worker.
        worker: WorkerName,
        /// The key.
        key: DirectoryKey,
    },
    /// A worker's keys are published in this directory.
    Directory {
        /// The worker.
        worker: WorkerName,
        /// What is trusted of it, in JSON.
        trust: String,
    },
    /// There is a pool.
    Pool {
        /// The worker that requesters know it as.
        worker: WorkerName,
        /// What its processors have to be.
        program: Box<Program>,
        /// Its private keys.
        secrets: pool::Secrets,
    },
    /// A processor has joined the pool.
    Joined {
        /// Which.
        member: pool::Joined,
    },
    /// The pool's keys are destroyed.
    Closed {
        /// The worker that it was known as.
        worker: WorkerName,
    },
}

/// What the audit log calls the making of a pool.
pub(super) const POOL: &str = "pool.make";
/// What it calls the joining of a processor.
pub(super) const JOIN: &str = "pool.join";
/// What it calls the end of a pool.
pub(super) const CLOSE: &str = "pool.close";

impl Event {
    /// The line of the audit log that says so.
    pub(super) fn audited(&self, who: Option<&Client>) -> Audited {
        let line = Audited {
            time: Text(Time::from_unix(self.time)),
            event: String::new(),
            outcome: Outcome::Done,
            session: None,
            service: None,
            code: None,
            detail: None,
            measurement: None,
            who: who.copied().map(Hex),
        };
        match &self.what {
            What::Claimed { .. } => Audited {
                event: "owner.claim".to_owned(),
                ..line
            },
            What::Born {
                worker,
                generation,
                program,
                overlap,
            } => Audited {
                event: "worker.generation".to_owned(),
                session: Some(worker.session().to_string()),
                service: Some(service_name(*generation)),
                detail: Some(format!(
                    "keys made for {}; earlier generations live {overlap} s more",
                    described(program),
                )),
                ..line
            },
            What::Retired { worker, generation } => Audited {
                event: "worker.retire".to_owned(),
                session: Some(worker.session().to_string()),
                service: Some(service_name(*generation)),
                detail: Some("its keys are destroyed".to_owned()),
                ..line
            },
            What::DirectoryKey { worker, key } => Audited {
                event: "worker.directory-key".to_owned(),
                session: Some(worker.session().to_string()),
                detail: Some(format!(
                    "entries in key directories are signed by the key {}",
                    hex::encode(sha256(&[key.public_der()])),
                )),
                ..line
            },
            What::Directory { worker, trust } => Audited {
                event: "worker.directory".to_owned(),
                session: Some(worker.session().to_string()),
                detail: Some(format!(
                    "a key directory is told to it; SHA-256 of what is trusted of that: {}",
                    hex::encode(sha256(&[trust.as_bytes()])),
                )),
                ..line
            },
            What::Pool {
                worker, program, ..
            } => Audited {
                event: POOL.to_owned(),
                session: Some(worker.session().to_string()),
                detail: Some(format!(
                    "keys made for processors that are {}",
                    described(program)
                )),
                ..line
            },
            What::Joined { member } => Audited {
                event: JOIN.to_owned(),
                detail: Some(format!("processor {}", hex::encode(member.key()))),
                ..line
            },
            What::Closed { worker } => Audited {
                event: CLOSE.to_owned(),
                session: Some(worker.session().to_string()),
                detail: Some("its keys are destroyed".to_owned()),
                ..line
            },
        }
    }
}

/// A program, and what its owner lets pass: whoever reads the log is to know where else its keys may be.
fn described(program: &Program) -> String {
    let mut text = format!(
        "{}, product {} of {}, SVN {} and above",
        program.measurement(),
        program.product(),
        program.signer(),
        program.svn(),
    );
    let demands = program.demands();
    let debug = demands.debug.then_some(Tolerance::DebugMode);
    for tolerated in debug.iter().chain(&demands.tolerate) {
        text += ", with ";
        text += tolerated.word();
    }
    text
}
