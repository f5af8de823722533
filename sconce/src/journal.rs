//! The requester's journal: what is needed to open an answer later, one file an order.
//!
//! It's written before the order is sent, so that no crash can lose an answer. It holds session keys
//! and so the right to read answers: its files are their owner's alone. Inputs and answers are not in
//! it.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{Pending, Sealed, Subject, WorkOrderId, WorkerId, WorkloadId};
use protocol::crypto::aes::{Ivs, SessionKey};
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::{RequesterId, requester};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::folders;
use crate::terminal::Terminal;

/// Shortest beginning of an id that names an order.
const SHORTEST: usize = 4;

/// Nobody writes one entry for so long.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// A requester's journal.
pub(crate) struct Journal {
    folder: PathBuf,
}

/// One order.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// The listener that has the order.
    pub(crate) uri: String,
    pub(crate) work_order_id: WorkOrderId,
    /// The worker's name, where the user gave it.
    pub(crate) worker: Option<String>,
    pub(crate) worker_id: WorkerId,
    pub(crate) workload_id: WorkloadId,
    pub(crate) requester_id: RequesterId,
    pub(crate) requester_nonce: String,
    session_key: Secret,
    shared_iv: Option<String>,
    /// The key that was checked before the order was sent: the listener can't exchange it later.
    worker_key: String,
    /// Seconds since 1970.
    pub(crate) submitted: u64,
    /// And the rest in nanoseconds, for the order of a list.
    #[serde(default)]
    submitted_nanos: u32,
    pub(crate) state: State,
    /// With [`State::Failed`]: the reason's code.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Hex; absent in what earlier releases wrote.
    #[serde(default)]
    request_hash: Option<String>,
    /// Where the key is that signed the request.
    #[serde(default)]
    pub(crate) key_file: Option<PathBuf>,
    /// PEM of the key that signed the receipt.
    #[serde(default)]
    pub(crate) receipt_key: Option<String>,
    /// The measurement, with its kind, that the worker's evidence showed before the order was sent;
    /// none if nobody asked for evidence.
    #[serde(default)]
    pub(crate) measurement: Option<String>,
}

/// How far an order is known to be.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// About to be sent; perhaps it never was.
    Sent,
    /// The listener has it.
    Accepted,
    /// The answer has been verified.
    Answered,
    /// It ended with an error, says the listener.
    Failed,
    /// An answer came that isn't the worker's.
    Forged,
}

impl State {
    /// A word for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Forged => "forged",
        }
    }
}

/// Hex text that is wiped when dropped.
struct Secret(Zeroizing<String>);

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

impl Entry {
    /// What is kept of an order that is about to be sent.
    pub(crate) fn new(
        uri: &str,
        worker: Option<&str>,
        sealed: &Sealed,
        key_file: Option<&Path>,
    ) -> Self {
        let pending = &sealed.pending;
        let request = &pending.request;
        let key = Zeroizing::new(hex::encode(request.session_key.expose()));
        let now = now();
        Self {
            uri: uri.to_owned(),
            work_order_id: request.work_order_id.clone(),
            worker: worker.map(str::to_owned),
            worker_id: request.worker_id.clone(),
            workload_id: request.workload_id.clone(),
            requester_id: request.requester_id.clone(),
            requester_nonce: request.requester_nonce.clone(),
            session_key: Secret(key),
            shared_iv: match request.ivs {
                Ivs::Shared(iv) => Some(hex::encode(iv)),
                Ivs::Prefixed => None,
            },
            worker_key: pending.worker_key.pem().to_owned(),
            submitted: now.as_secs(),
            submitted_nanos: now.subsec_nanos(),
            state: State::Sent,
            reason: None,
            request_hash: Some(hex::encode(sealed.request_hash)),
            key_file: key_file.and_then(|file| std::path::absolute(file).ok()),
            receipt_key: None,
            measurement: None,
        }
    }

    /// What verifies and opens the answer; `None` if the entry has been damaged.
    pub(crate) fn pending(&self) -> Option<Pending> {
        let key = Zeroizing::new(hex::decode(self.session_key.0.as_bytes()).ok()?);
        let ivs = match &self.shared_iv {
            Some(iv) => Ivs::Shared(hex::decode(iv).ok()?.try_into().ok()?),
            None => Ivs::Prefixed,
        };
        Some(Pending {
            worker_key: VerifyingKey::from_pem(&self.worker_key).ok()?,
            request: requester::Pending {
                work_order_id: self.work_order_id.clone(),
                worker_id: self.worker_id.clone(),
                workload_id: self.workload_id.clone(),
                requester_id: self.requester_id.clone(),
                requester_nonce: self.requester_nonce.clone(),
                session_key: SessionKey::new(&key)?,
                ivs,
            },
        })
    }

    /// What its receipt is about; `None` if the request hash isn't known.
    pub(crate) fn subject(&self) -> Option<Subject> {
        let hash = hex::decode(self.request_hash.as_ref()?).ok()?;
        Some(Subject {
            work_order_id: self.work_order_id.clone(),
            worker_id: self.worker_id.clone(),
            requester_id: self.requester_id.clone(),
            request_hash: hash.try_into().ok()?,
        })
    }

    /// The key that must have signed the answer.
    pub(crate) fn worker_key(&self) -> Option<VerifyingKey> {
        VerifyingKey::from_pem(&self.worker_key).ok()
    }

    /// Notes how the order went. One that was answered stays so, whatever is claimed later.
    pub(crate) fn settle<T>(&mut self, outcome: &Result<Option<T>, client::Error>) {
        if self.state == State::Answered {
            return;
        }
        let (state, reason) = match outcome {
            Ok(Some(_)) => (State::Answered, None),
            Ok(None) | Err(client::Error::TimedOut { .. }) => (State::Accepted, None),
            Err(client::Error::NotVerified { .. }) => (State::Forged, None),
            Err(client::Error::Rpc(error)) => match error.reason {
                Some(reason) if reason.ends_the_order() => (State::Failed, Some(reason)),
                // It may still be answered.
                _ => return,
            },
            // Nothing is known of the order.
            Err(_) => return,
        };
        self.state = state;
        self.reason = reason.map(|reason| reason.code().to_owned());
    }

    /// Seconds since it was submitted.
    pub(crate) fn age(&self) -> u64 {
        now().as_secs().saturating_sub(self.submitted)
    }
}

/// Since 1970.
fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

impl Journal {
    /// The journal of this user.
    pub(crate) fn open() -> Result<Self, Failure> {
        Ok(Self {
            folder: folders::state()?.join("orders"),
        })
    }

    /// Adds or replaces an entry.
    pub(crate) fn write(&self, entry: &Entry) -> Result<(), Failure> {
        let path = self.path(&entry.work_order_id);
        self.store(&path, entry)
            .map_err(|error| unusable(&path, "written", error))
    }

    /// The order of this very id, if it's here.
    pub(crate) fn get(&self, id: &WorkOrderId) -> Result<Option<Entry>, Failure> {
        let path = self.path(id);
        path.exists().then(|| read(&path)).transpose()
    }

    /// The order whose id begins with `id`.
    pub(crate) fn find(&self, id: &str) -> Result<Entry, Failure> {
        if id.len() < SHORTEST {
            return Err(Failure::unusable(format_args!(
                "{id:?} is too short to name an order: give {SHORTEST} characters or more"
            )));
        }
        let mut found = self.paths()?;
        found.retain(|path| stem(path).starts_with(id));
        match found.as_slice() {
            [path] => read(path),
            [] => Err(
                Failure::failed(format_args!("no order of yours begins with {id}"))
                    .advice("see `sconce order list`"),
            ),
            _ => Err(Failure::unusable(format_args!(
                "{} orders of yours begin with {id}: give more of the id",
                found.len()
            ))),
        }
    }

    /// Every order, the latest first. What is no entry is passed over with a warning.
    pub(crate) fn list(&self, terminal: &Terminal) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        for path in self.paths()? {
            match read(&path) {
                Ok(entry) => entries.push(entry),
                Err(failure) => terminal.warn(failure),
            }
        }
        entries.sort_by_key(|entry: &Entry| Reverse((entry.submitted, entry.submitted_nanos)));
        Ok(entries)
    }

    fn path(&self, id: &WorkOrderId) -> PathBuf {
        // An id is hex text, so it can't lead out of the folder.
        self.folder.join(format!("{id}.json"))
    }

    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| unusable(&self.folder, "read", error))?,
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        Ok(paths)
    }

    fn store(&self, path: &Path, entry: &Entry) -> io::Result<()> {
        folders::make_private(&self.folder)?;
        self.remove_leftovers();
        let text = Zeroizing::new(serde_json::to_vec_pretty(entry)?);
        // Two processes may write one entry.
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        folders::replace(path, &fresh, &text)
    }

    /// Removes what processes left behind that were killed while they wrote: it holds session keys.
    fn remove_leftovers(&self) {
        let is_leftover = |entry: &fs::DirEntry| {
            let written = entry.metadata().and_then(|file| file.modified());
            entry.path().extension().is_some_and(|end| end == "new")
                && written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if is_leftover(&entry)
                && let Err(error) = fs::remove_file(entry.path())
            {
                let file = entry.path();
                tracing::warn!(%error, file = %file.display(), "a file could not be removed");
            }
        }
    }
}

fn read(path: &Path) -> Result<Entry, Failure> {
    let text = fs::read(path).map_err(|error| unusable(path, "read", error))?;
    let text = Zeroizing::new(text);
    serde_json::from_slice(&text).map_err(|_| damaged(path))
}

fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
}

/// The file isn't what this program wrote.
pub(crate) fn damaged(path: &Path) -> Failure {
    Failure::failed(format_args!(
        "{} is not an entry of the journal",
        path.display()
    ))
    .advice("move it away; its answer cannot be opened any more")
}

fn unusable(path: &Path, what: &str, error: io::Error) -> Failure {
    Failure::failed(format_args!("{} cannot be {what}: {error}", path.display()))
        .advice("set XDG_STATE_HOME to a folder of yours")
}
