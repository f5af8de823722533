//! Witnesses: servers that cosign a log's checkpoints, each only once they have seen that it goes on from
//! the one before (C2SP tlog-witness). A log that shows two histories finds no witness for the second.
//!
//! [`Witness`] is such a server's logic, with what it has seen in a file; [`WitnessServer`] answers for it
//! over HTTP; [`Panel`] is what a log asks its witnesses with.

mod error;
mod panel;
mod request;
mod seen;
mod server;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use transparency::log::{Hash, empty_root, verify_consistency};
use transparency::note::{Checkpoint, Kind, Note, SignerKey, VerifierKey};

pub use error::Error;
pub use panel::{Cosigned, Failure, Panel};
pub use request::AddCheckpoint;
pub(crate) use request::decimal;
pub use seen::Seen;
use seen::{SeenFile, replace};
pub use server::WitnessServer;

/// The witness's key within its folder.
const KEY_FILE: &str = "witness.key";

/// What it has seen within its folder.
const SEEN_FILE: &str = "witness.json";

/// A witness: its key, the logs that it watches, and what it has seen of them.
pub struct Witness {
    key: SignerKey,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    seen: Mutex<SeenFile>,
}

impl Witness {
    /// Opens the witness in a folder, or makes a new one called `name` there if the folder has neither a key
    /// nor what a witness saw.
    ///
    /// `logs` are the keys of the logs that it watches; the name of each is the origin of its checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if one of both files is there without the other, can't be used, or is another
    /// witness's: one that doesn't know what it has seen must not sign.
    pub fn open(folder: &Path, name: &str, logs: Vec<VerifierKey>) -> Result<Self, Error> {
        let (key, seen) = (folder.join(KEY_FILE), folder.join(SEEN_FILE));
        let (key, seen) = match (key.exists(), seen.exists()) {
            (true, _) => (read_key(&key, name)?, SeenFile::open(&seen)?),
            (false, false) => begin(folder, &key, &seen, name)?,
            (false, true) => {
                let fault = "there is what a witness saw, but not its key; \
                             restore the key, or begin a new witness in another folder";
                return Err(unusable(&key, fault));
            }
        };
        let mut known = BTreeMap::<_, Vec<_>>::new();
        for log in logs {
            known.entry(log.name().to_owned()).or_default().push(log);
        }
        Ok(Self {
            key,
            logs: known,
            seen: Mutex::new(seen),
        })
    }

    /// The key that verifies its cosignatures, as signed notes write keys.
    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The origins of the logs that it watches.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// The latest checkpoint of a log that it has cosigned.
    pub fn seen(&self, origin: &str) -> Option<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.of(origin).cloned()
    }

    /// Does what the call `add-checkpoint` asks for: checks the checkpoint, remembers it durably, and only
    /// then cosigns it with the time `now` (seconds since 1970). The result is a signature line.
    ///
    /// # Errors
    ///
    /// The first check that fails; nothing is signed or remembered then.
    pub fn add_checkpoint(&self, body: &[u8], now: u64) -> Result<String, Error> {
        let request = AddCheckpoint::parse(body)?;
        let note = Note::parse(request.note).map_err(|_| NO_CHECKPOINT)?;
        let new = Checkpoint::parse(&note.text).map_err(|_| NO_CHECKPOINT)?;
        let origin = || new.origin.clone();
        let Some(keys) = self.logs.get(&new.origin) else {
            return Err(Error::Unknown { origin: origin() });
        };
        if !keys.iter().any(|key| note.verify(key).is_ok()) {
            return Err(Error::Signature { origin: origin() });
        }
        let cosignature = note.cosign(&self.key, now).map_err(|_| NO_CHECKPOINT)?;
        // Held from the check until it's on the disk: otherwise a slower request could set it back.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let root = hex::encode(new.root);
        let latest = seen.of(&new.origin);
        judge(&request, &new, &root, latest)?;
        if latest.is_none_or(|latest| latest.size < new.size) {
            let latest = Seen {
                size: new.size,
                root,
                note: request.note.to_owned(),
            };
            seen.keep(&new.origin, latest)?;
        }
        Ok(format!("{cosignature}\n"))
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness")
            .field("name", &self.key.verifier().name())
            .finish_non_exhaustive()
    }
}

const NO_CHECKPOINT: Error = Error::Form("what follows the empty line is no checkpoint");

/// Whether a checkpoint goes on from the latest that was cosigned.
fn judge(
    request: &AddCheckpoint<'_>,
    new: &Checkpoint,
    root: &str,
    latest: Option<&Seen>,
) -> Result<(), Error> {
    if request.old > new.size {
        return Err(Error::Form("the old size is larger than the checkpoint's"));
    }
    let size = latest.map_or(0, |latest| latest.size);
    if request.old != size {
        return Err(Error::Conflict {
            size,
            old: request.old,
        });
    }
    let no_proof = Error::Proof {
        old: size,
        new: new.size,
    };
    let Some(latest) = latest.filter(|latest| latest.size > 0) else {
        // From nothing there is nothing to prove; and nothing has one root only.
        let nothing = request.proof.is_empty() && (new.size > 0 || new.root == empty_root());
        return nothing.then_some(()).ok_or(no_proof);
    };
    if latest.size == new.size {
        if latest.root != root {
            return Err(Error::Split { size });
        }
        return request.proof.is_empty().then_some(()).ok_or(no_proof);
    }
    let mut old_root: Hash = [0; 32];
    hex::decode_to_slice(&latest.root, &mut old_root)
        .ok()
        .and_then(|()| {
            verify_consistency(size, &old_root, new.size, &new.root, &request.proof).ok()
        })
        .ok_or(no_proof)
}

/// Makes what a witness has seen, and then its key: a folder with a key is complete.
fn begin(
    folder: &Path,
    key: &Path,
    seen: &Path,
    name: &str,
) -> Result<(SignerKey, SeenFile), Error> {
    std::fs::create_dir_all(folder).map_err(|fault| unusable(folder, fault))?;
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut *seed)
        .map_err(|_| unusable(key, "the system gives no randomness"))?;
    let signer = SignerKey::from_seed(name, Kind::Cosignature, &seed)
        .map_err(|fault| unusable(key, fault))?;
    let seen = SeenFile::create(seen)?;
    let text = zeroize::Zeroizing::new(format!("{}\n", *signer.to_text()));
    replace(key, text.as_bytes()).map_err(|fault| unusable(key, fault))?;
    Ok((signer, seen))
}

fn read_key(path: &Path, name: &str) -> Result<SignerKey, Error> {
    let text = std::fs::read_to_string(path).map_err(|fault| unusable(path, fault))?;
    let text = zeroize::Zeroizing::new(text);
    let key = SignerKey::parse(text.trim_end()).map_err(|fault| unusable(path, fault))?;
    if key.verifier().kind() != Kind::Cosignature {
        return Err(unusable(path, "the key is not for cosignatures"));
    }
    if key.verifier().name() != name {
        let own = key.verifier().name();
        return Err(unusable(
            path,
            format!("this witness is called {own}, not {name}"),
        ));
    }
    Ok(key)
}

fn unusable(path: &Path, fault: impl ToString) -> Error {
    Error::State {
        path: path.to_owned(),
        fault: fault.to_string(),
    }
}

#[cfg(test)]
mod tests;
