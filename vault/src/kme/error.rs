//! What is refused, and what to do then.

use std::fmt;

use sgx::Digest;

use crate::cas;

use super::{MAX_LIVING, MAX_OVERLAP, MAX_WORKERS, Program, ProgramError, WorkerName};

/// Why nothing was made or retired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Whoever asks has shown no certificate.
    #[error("the vault takes this from its owner, and no client certificate was shown")]
    Certificate,
    /// The vault has no owner yet.
    #[error("the vault has no owner yet")]
    Unclaimed,
    /// The vault has another owner.
    #[error("the vault has another owner")]
    Owner,
    /// A worker's name is none.
    #[error("a worker's name has 1 to 64 letters, digits, dashes, underscores and points")]
    Name,
    /// The program is none.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// There is no such worker.
    #[error("the vault has no keys of a worker called {worker}")]
    Unknown {
        /// The name.
        worker: WorkerName,
    },
    /// There are enough workers.
    #[error("the vault has keys of {MAX_WORKERS} workers, which is as many as it takes")]
    Workers,
    /// The keys are another program's.
    #[error("the keys of {worker} are for {held}, not for {asked}")]
    Measurement {
        /// The worker.
        worker: WorkerName,
        /// What its newest generation is for.
        held: Digest,
        /// What was asked for.
        asked: Digest,
    },
    /// The measurement is the same, and something else is not.
    #[error("the keys of {worker} are for this measurement, but for another {member}")]
    Member {
        /// The worker.
        worker: WorkerName,
        /// What differs.
        member: Member,
    },
    /// The program is older than one that there was.
    #[error("{worker} has had SVN {highest}, and {asked} is lower")]
    Svn {
        /// The worker.
        worker: WorkerName,
        /// The highest that there was.
        highest: u16,
        /// What was asked for.
        asked: u16,
    },
    /// SVNs of different signers or products can't be compared.
    #[error("{worker} is {held}, and the new program is {asked}")]
    Line {
        /// The worker.
        worker: WorkerName,
        /// What it is.
        held: Predecessor,
        /// What was asked for.
        asked: Predecessor,
    },
    /// The new program asks for other platforms.
    #[error(
        "the new generation of {worker} asks other things of its platform than those that would stay \
         alive beside it"
    )]
    Demands {
        /// The worker.
        worker: WorkerName,
    },
    /// There are enough generations.
    #[error("{MAX_LIVING} generations of {worker} live, which is as many as there may be")]
    Living {
        /// The worker.
        worker: WorkerName,
    },
    /// The overlap is too long.
    #[error("an overlap lasts at most {} days", MAX_OVERLAP.as_secs() / 86_400)]
    Overlap,
    /// A worker always has keys.
    #[error("generation {number} of {worker} is its newest, which does not retire")]
    Newest {
        /// The worker.
        worker: WorkerName,
        /// The generation.
        number: u64,
    },
    /// The generation does not live.
    #[error("{worker} has no generation {number} that lives")]
    Gone {
        /// The worker.
        worker: WorkerName,
        /// The generation.
        number: u64,
    },
    /// No keys could be made.
    #[error("no keys could be made")]
    NoKeys,
    /// There is another pool.
    #[error("the vault has a pool already, {worker}, for {measurement}")]
    Pool {
        /// The worker that it is known as.
        worker: WorkerName,
        /// What its processors are.
        measurement: Digest,
    },
    /// There is no pool.
    #[error("the vault has no pool")]
    NoPool,
    /// What is to be trusted of a key directory can't be used.
    #[error("`directory`: {what}")]
    Directory {
        /// What is wrong with it.
        what: String,
    },
    /// An entry for a key directory is not signed.
    #[error("no entry is signed: {what}")]
    Entry {
        /// Why.
        what: String,
    },
    /// CAS does not take the session that the keys stand in.
    #[error("the session of the keys is not written: {0}")]
    Session(#[source] cas::Error),
}

/// What differs between two programs of one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Member {
    /// MRSIGNER.
    Signer,
    /// ISVPRODID.
    Product,
    /// ISVSVN.
    Svn,
    /// What is asked of platforms: debugging, simulated roots, what is put up with.
    Platform,
}

/// Who signed a program, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    signer: Digest,
    product: u16,
}

impl Error {
    pub(super) fn entry(what: impl Into<String>) -> Self {
        Self::Entry { what: what.into() }
    }

    /// The stable code: `docs/errors` has a page for each.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Certificate | Self::Unclaimed | Self::Owner => "vault.owner",
            Self::Program(_) | Self::Directory { .. } => "vault.request",
            Self::Name | Self::Unknown { .. } | Self::Workers => "kme.worker",
            Self::Measurement { .. } | Self::Member { .. } => "kme.measurement",
            Self::Svn { .. } | Self::Line { .. } => "kme.svn",
            Self::Demands { .. }
            | Self::Living { .. }
            | Self::Overlap
            | Self::Newest { .. }
            | Self::Gone { .. }
            | Self::NoKeys => "kme.generation",
            Self::Pool { .. } | Self::NoPool => "kme.pool",
            Self::Entry { .. } => "kme.entry",
            Self::Session(error) => error.code(),
        }
    }

    /// The HTTP status that fits.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Certificate | Self::Unclaimed | Self::Owner => 403,
            Self::Program(_) | Self::Name | Self::Overlap | Self::Directory { .. } => 400,
            Self::Unknown { .. } | Self::Gone { .. } | Self::NoPool => 404,
            Self::NoKeys => 503,
            Self::Session(error) => error.status(),
            _ => 409,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Certificate => "show the certificate of the owner's key, which is `operator.key`",
            Self::Unclaimed => "claim it first: POST /v1/owner",
            Self::Owner => {
                "use the `operator.key` of the data folder that this vault was started with"
            }
            Self::Name => "choose another name",
            Self::Program(_) | Self::Directory { .. } => "correct the member that is named",
            Self::Unknown { .. } => "`sconce status` lists the workers; `sconce up` makes keys",
            Self::Workers => "use another vault for more workers",
            Self::Measurement { .. } | Self::Member { .. } => {
                "start the program that the keys are for, or run `sconce upgrade --image NEW`"
            }
            Self::Svn { .. } => "build the new program with this SVN or a higher one",
            Self::Line { .. } => {
                "sign the new program by the same key and with the same product id, or name another \
                 worker"
            }
            Self::Demands { .. } => "upgrade with an overlap of 0, or ask the same",
            Self::Living { .. } => "wait until one of them has retired, or retire one",
            Self::Overlap => "choose a shorter one",
            Self::Newest { .. } => "make a new generation first: `sconce keys rotate`",
            Self::Gone { .. } => "`sconce status` lists those that live",
            Self::NoKeys => "try again; the vault's log says more",
            Self::Pool { .. } => "close it first, which destroys its keys: `sconce pool close`",
            Self::NoPool => "make one: `sconce pool open WORKER`",
            Self::Entry { .. } => {
                "send what the worker's present processes signed up with, and what the directory \
                 proves of it"
            }
            Self::Session(error) => error.advice().unwrap_or("the vault's audit log says more"),
        }
    }
}

impl Member {
    /// What differs besides the measurement, if anything.
    pub(super) fn that_differs(one: &Program, other: &Program) -> Option<Self> {
        let pairs = [
            (one.signer() == other.signer(), Self::Signer),
            (one.product() == other.product(), Self::Product),
            (one.svn() == other.svn(), Self::Svn),
            (one.demands() == other.demands(), Self::Platform),
        ];
        let different = pairs.into_iter().find(|(same, _)| !same);
        different.map(|(_, member)| member)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "signer",
            Self::Product => "product",
            Self::Svn => "SVN",
            Self::Platform => "kind of platform (debug, simulated roots, what is put up with)",
        })
    }
}

impl Predecessor {
    pub(super) fn of(program: &Program) -> Self {
        Self {
            signer: program.signer(),
            product: program.product(),
        }
    }
}

impl fmt::Display for Predecessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "product {} of {}", self.product, self.signer)
    }
}
