//! Looking up in a directory, with everything verified.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::WorkerId;
use protocol::crypto::sha256;
use protocol::entry::{self, WorkerEntry};
use tokio::sync::Mutex;
use transparency::error::Error as Untrue;
use transparency::memory::Memory;
use transparency::messages::{GetEntryResponse, PublicKey, Timestamp};
use transparency::trust::{Trust, TrustError};
use transparency::verifier::{self, Verified};

use super::Directory;
use super::link::link;
use super::memory::Kept;
use super::refusal::Refusal;

/// A directory that things are looked up in: the way to it, what is pinned of it, and what was seen of it.
///
/// It is not trusted. Each answer is verified, and held against all answers before.
pub struct Lookup {
    directory: Directory,
    verifier: verifier::Verifier,
    memory: Kept,
    patience: Duration,
}

/// What a directory publishes of a worker whose keys were compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The directory's realm.
    pub realm: String,
    /// The generation of the keys.
    pub generation: u64,
    /// The epoch that proves it.
    pub epoch: u64,
    /// The root of the map in that epoch.
    pub root: [u8; 32],
    /// How many witnesses that are pinned have seen the head.
    pub witnesses: usize,
    /// How many auditors that are pinned have signed it.
    pub auditors: usize,
}

/// Keys that somebody shows as those of a worker, and that its quote is about.
pub(crate) struct Shown<'a> {
    pub(crate) worker: &'a WorkerId,
    pub(crate) verification: &'a str,
    pub(crate) encryption: &'a str,
    /// The key (DER) that alone may change the worker's entry.
    pub(crate) directory_key: &'a [u8],
}

/// How long an entry that is on its way is waited for: new keys are published moments after their worker
/// takes orders, and auditors sign moments after a head is published.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions meanwhile.
const BETWEEN: Duration = Duration::from_millis(200);

impl Lookup {
    /// Looks up in `directory`, which has to be the one that is pinned. What is seen is remembered for as
    /// long as this lives.
    ///
    /// # Errors
    ///
    /// A member that is pinned can't be used.
    pub fn new(directory: Directory, trust: &Trust) -> Result<Self, TrustError> {
        Ok(Self {
            directory,
            verifier: verifier::Verifier::new(trust)?,
            memory: Kept::Here(Box::default()),
            patience: PATIENCE,
        })
    }

    /// The same with a file for what was seen, which others may use at the same time. It is made if it isn't
    /// there; its folder has to be.
    #[must_use]
    pub fn remembering(self, file: PathBuf) -> Self {
        Self {
            memory: Kept::File(file, Mutex::new(())),
            ..self
        }
    }

    /// The same with another bound for how long an entry that may be on its way is waited for: 10 s.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The directory.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The directory's realm, as it is pinned.
    #[must_use]
    pub fn realm(&self) -> &str {
        self.verifier.realm()
    }

    /// Does something with the directory and with what was seen of it, while nobody else has that. What is
    /// seen then is remembered, unless it fails.
    ///
    /// # Errors
    ///
    /// The memory can't be used; and whatever is done fails with.
    pub async fn hold<T, E: From<Refusal>>(
        &self,
        act: impl AsyncFnOnce(&Directory, &verifier::Verifier, &mut Memory) -> Result<T, E>,
    ) -> Result<T, E> {
        let unusable = |fault: std::io::Error| Refusal::Memory {
            file: self.file().unwrap_or_default(),
            fault: fault.to_string(),
        };
        let mut held = self.memory.take().await.map_err(unusable)?;
        let done = act(&self.directory, &self.verifier, held.memory()).await?;
        held.keep().map_err(unusable)?;
        Ok(done)
    }

    /// What the directory has of a user, verified and remembered.
    ///
    /// # Errors
    ///
    /// There is no answer; it is not true; or the memory can't be used.
    pub async fn look(&self, user: &str) -> Result<Verified, Refusal> {
        let unusable = |fault: std::io::Error| Refusal::Memory {
            file: self.file().unwrap_or_default(),
            fault: fault.to_string(),
        };
        // Asked while nobody else has it, so that answers are seen in the order in which they are made.
        let mut held = self.memory.take().await.map_err(unusable)?;
        let memory = held.memory();
        let (_, verified) =
            ask(&self.directory, &self.verifier, memory, user, self.patience).await?;
        let verified = verified?;
        link(&self.directory, &self.verifier, memory).await?;
        held.keep().map_err(unusable)?;
        Ok(verified)
    }

    /// Whether the keys that somebody shows are those that the directory has of this worker.
    pub(crate) async fn check(&self, shown: &Shown<'_>) -> Result<Published, Refusal> {
        let begun = Instant::now();
        loop {
            let looked = self.look(shown.worker.as_str()).await;
            let refusal = match looked.and_then(|verified| self.compare(&verified, shown)) {
                Ok(published) => return Ok(published),
                Err(refusal) => refusal,
            };
            if !refusal.may_pass() || begun.elapsed() >= self.patience {
                return Err(refusal);
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    fn compare(&self, verified: &Verified, shown: &Shown<'_>) -> Result<Published, Refusal> {
        let (realm, epoch) = (self.realm().to_owned(), verified.epoch());
        let Some(present) = verified.present() else {
            return Err(Refusal::Missing { realm, epoch });
        };
        let Some(data) = verified.app(entry::APP) else {
            return Err(Refusal::Missing { realm, epoch });
        };
        let worker = WorkerEntry::read(data).map_err(|fault| Refusal::Data {
            fault: fault.to_string(),
        })?;
        if WorkerId::from_name(&worker.name) != *shown.worker {
            return Err(Refusal::Data {
                fault: "it is that of a worker of another name".to_owned(),
            });
        }
        let is_its =
            |key: &PublicKey| matches!(key, PublicKey::P256(der) if der == shown.directory_key);
        let is_same_worker = matches!(&*present.entry.authorized_keys, [key] if is_its(key));
        let same = worker.generations.iter().find(|one| {
            one.verification_key == shown.verification && one.encryption_key == shown.encryption
        });
        match (same, worker.generations.first()) {
            (Some(same), _) if is_same_worker => Ok(Published {
                realm,
                generation: same.generation,
                epoch,
                root: *verified.root(),
                witnesses: verified.witnesses(),
                auditors: verified.auditors(),
            }),
            (_, newest) => {
                // There is one: the form demands it.
                let newest = newest.map(|one| {
                    let generation = one.generation;
                    (generation, &*one.verification_key, &*one.encryption_key)
                });
                let (generation, verification, encryption) = newest.unwrap_or_default();
                Err(Refusal::Keys(Box::new(super::refusal::Differing {
                    realm,
                    epoch,
                    generation,
                    shown: [
                        fingerprint(shown.verification),
                        fingerprint(shown.encryption),
                    ],
                    published: [fingerprint(verification), fingerprint(encryption)],
                    is_same_worker,
                })))
            }
        }
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.memory {
            Kept::Here(_) => None,
            Kept::File(file, _) => Some(file.clone()),
        }
    }
}

/// Asks for a user, and verifies the answer: the answer, and what it shows. While nothing but signatures of
/// auditors is missing, which come a moment after a head, it is asked again for as long as `patience` lasts.
///
/// # Errors
///
/// There is no answer.
pub async fn ask(
    directory: &Directory,
    verifier: &verifier::Verifier,
    memory: &mut Memory,
    user: &str,
    patience: Duration,
) -> Result<(GetEntryResponse, Result<Verified, Untrue>), super::Error> {
    let begun = Instant::now();
    loop {
        let answer = directory.get(user).await?;
        let verified = verifier.verify(user, &answer, Some(now()), memory);
        match verified {
            Err(Untrue::Auditors { .. }) if begun.elapsed() < patience => {
                tokio::time::sleep(BETWEEN).await;
            }
            verified => return Ok((answer, verified)),
        }
    }
}

/// SHA-256 of a key's PEM, as quotes cover it.
fn fingerprint(pem: &str) -> String {
    let digest = sha256(&[pem.as_bytes()]);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: 0,
    }
}
