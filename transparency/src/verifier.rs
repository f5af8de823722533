//! Whether a directory's answer is true: everything that a client checks.
//!
//! The order of the checks is that of the protocol: the VRF shows where the user has to stand in the map; the
//! head of the map is the directory's, and this realm's; the proof leads from there to the head; what is
//! committed to opens, or nothing is there; the head is in the log, and as many witnesses and auditors as are
//! demanded have signed; and nothing contradicts what was seen before. Only [`Verifier::verify`] makes a
//! [`Verified`].

mod history;
mod keys;
mod log;
mod map;

use crate::error::Error;
use crate::map::{Hash, Index};
use crate::memory::{LogState, Memory, SeenHead};
use crate::messages::{
    Entry, EntryUpdate, GetEntryResponse, MapHead, Profile, Signatures, SignedMapHead, Timestamp,
};
use crate::trust::{Trust, TrustError};

pub use history::{Change, Coverage, HistoryCheck};
use keys::Keys;

/// Seconds that a directory's clock may be ahead of the verifier's.
const AHEAD: i64 = 300;

/// Verifies what one directory answers.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Keys,
}

/// An answer that was verified. Nothing else makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    user: String,
    index: Index,
    present: Option<Present>,
    head: Head,
    logged: Logged,
    witnesses: usize,
    auditors: usize,
}

/// The entry of a user who has one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present {
    /// The keys, by application.
    pub profile: Profile,
    /// The commitment, and who may replace the entry.
    pub entry: Entry,
    /// The serialised entry, as it stands in the map.
    pub leaf: Vec<u8>,
}

/// How far it is known that the head is in the log that everybody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// Not at all: no key of a log is pinned.
    Unchecked,
    /// The log has promised to have it.
    Promised,
    /// It is in the log of this size and root, which the log has signed.
    Included(LogState),
}

/// What became of a put update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The directory shows the entry that was put.
    Confirmed(Verified),
    /// It still shows what there was: send the same update again later.
    Pending(Verified),
}

/// The verified head of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    epoch: u64,
    root: Hash,
    issue_time: Timestamp,
    signed: SignedMapHead,
}

impl Verifier {
    /// Reads the pinned keys.
    ///
    /// # Errors
    ///
    /// [`TrustError`], with the member that can't be used; also if a policy demands more signatures than
    /// it names keys.
    pub fn new(trust: &Trust) -> Result<Self, TrustError> {
        Ok(Self {
            keys: Keys::read(trust)?,
        })
    }

    /// Verifies the newest answer about a user, and remembers it.
    ///
    /// `now` is the time where a clock can be trusted: then heads of the future are refused, and stale ones
    /// if the pinned policy says what is stale.
    ///
    /// # Errors
    ///
    /// [`Error`]: the first check that fails. The memory is then as it was.
    pub fn verify(
        &self,
        user: &str,
        answer: &GetEntryResponse,
        now: Option<Timestamp>,
        memory: &mut Memory,
    ) -> Result<Verified, Error> {
        let verified = self.check(user, answer)?;
        self.check_memory(&verified, memory)?;
        check_newest(&verified)?;
        if let Some(now) = now {
            self.check_clock(&verified.head, now)?;
        }
        self.remember(&verified, memory);
        Ok(verified)
    }

    /// Verifies the answer to a PUT, or a later one, and says whether it shows what was put.
    ///
    /// # Errors
    ///
    /// As of [`Verifier::verify`].
    pub fn confirm(
        &self,
        user: &str,
        answer: &GetEntryResponse,
        put: &EntryUpdate,
        now: Option<Timestamp>,
        memory: &mut Memory,
    ) -> Result<Confirmation, Error> {
        let verified = self.verify(user, answer, now, memory)?;
        let shown = verified
            .present()
            .is_some_and(|present| present.leaf == put.update.key_value.value);
        Ok(if shown {
            Confirmation::Confirmed(verified)
        } else {
            Confirmation::Pending(verified)
        })
    }

    /// The domain of the directory.
    pub fn realm(&self) -> &str {
        self.keys.map_id.as_str()
    }

    /// Checks 1 to 5: everything that needs no memory and no clock.
    fn check(&self, user: &str, answer: &GetEntryResponse) -> Result<Verified, Error> {
        let index = self.index(user, answer)?;
        let head = self.head(answer)?;
        let proof = answer
            .leaf_proof
            .as_ref()
            .ok_or_else(|| missing("leaf_proof"))?;
        self.inclusion(&index, proof, &head)?;
        let present = map::opened(user, proof, answer.committed.as_ref())?;
        let (logged, witnesses) = self.logged(answer, &head)?;
        let auditors = self.audited(&head)?;
        Ok(Verified {
            user: user.to_owned(),
            index,
            present,
            head,
            logged,
            witnesses,
            auditors,
        })
    }

    /// Check 6: nothing is older than what was seen, or contradicts it.
    fn check_memory(&self, verified: &Verified, memory: &Memory) -> Result<(), Error> {
        self.check_realm(memory)?;
        self.check_seen_root(&verified.head, memory)?;
        let head = &verified.head;
        if let Some(seen) = &memory.head {
            if head.epoch < seen.epoch {
                return Err(Error::EpochOld {
                    what: "epoch",
                    found: head.epoch,
                    seen: seen.epoch,
                });
            }
            if head.epoch == seen.epoch && head.issue_time != seen.issue_time {
                return Err(Error::Equivocation {
                    what: "the head of epoch",
                    number: head.epoch,
                });
            }
            if head.issue_time < seen.issue_time {
                return Err(Error::Time(format!(
                    "epoch {} is older than epoch {}",
                    head.epoch, seen.epoch
                )));
            }
        }
        if let Logged::Included(log) = verified.logged {
            log::check_seen(log, memory)?;
        }
        memory.check_user(&verified.user, head.epoch, verified.leaf())
    }

    fn check_realm(&self, memory: &Memory) -> Result<(), Error> {
        let realm = self.realm();
        if memory.realm.is_empty() || memory.realm == realm {
            return Ok(());
        }
        Err(Error::Memory(format!(
            "it is of {:?}, and {realm:?} is pinned",
            memory.realm
        )))
    }

    /// Whatever was seen of an epoch once, is what there is of it.
    fn check_seen_root(&self, head: &Head, memory: &Memory) -> Result<(), Error> {
        match memory.roots.get(&head.epoch) {
            Some(root) if *root != head.root => Err(Error::Equivocation {
                what: "the head of epoch",
                number: head.epoch,
            }),
            _ => Ok(()),
        }
    }

    fn check_clock(&self, head: &Head, now: Timestamp) -> Result<(), Error> {
        let age = now.seconds.saturating_sub(head.issue_time.seconds);
        if age < -AHEAD {
            return Err(Error::Time(format!(
                "the head is made {} seconds in the future",
                age.unsigned_abs()
            )));
        }
        match self.keys.max_age {
            Some(limit) if age > 0 && age.unsigned_abs() > limit => Err(Error::Stale {
                age: age.unsigned_abs(),
                limit,
            }),
            _ => Ok(()),
        }
    }

    fn remember(&self, verified: &Verified, memory: &mut Memory) {
        let Head {
            epoch,
            root,
            issue_time,
            ref signed,
        } = verified.head;
        let signed = self.kept(signed);
        self.realm().clone_into(&mut memory.realm);
        memory.see_head(SeenHead {
            epoch,
            root,
            issue_time,
            signed,
        });
        if let Logged::Included(log) = verified.logged {
            log::see(log, memory);
        }
        memory.see_user(&verified.user, epoch, verified.leaf());
    }

    /// As much of a head as proves that the directory signed it. Whoever carries an answer can put any number of
    /// other signatures beside that one, and a memory has a bound.
    fn kept(&self, signed: &SignedMapHead) -> SignedMapHead {
        let id = self.keys.map.id().to_string();
        let own = signed.signatures.get_key_value(&id);
        SignedMapHead {
            map_head: signed.map_head.clone(),
            signatures: own
                .map(|(id, signed)| (id.clone(), signed.clone()))
                .into_iter()
                .collect(),
            auditor_signatures: Signatures::new(),
        }
    }
}

/// The head is the last that its own log has: a log that is longer says that there are newer ones.
fn check_newest(verified: &Verified) -> Result<(), Error> {
    let epoch = verified.head.epoch;
    match verified.logged {
        Logged::Included(log) if log.size > epoch.saturating_add(1) => Err(Error::EpochOld {
            what: "epoch",
            found: epoch,
            seen: log.size - 1,
        }),
        _ => Ok(()),
    }
}

impl Verified {
    /// The user that was asked for.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The user's place in the map.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The user's entry; `None` if it has none, which is proven as well.
    pub fn present(&self) -> Option<&Present> {
        self.present.as_ref()
    }

    /// What an application has of the user; `None` if there is no entry, or nothing of it in there.
    pub fn app(&self, app: &str) -> Option<&[u8]> {
        self.present()?.profile.0.get(app).map(Vec::as_slice)
    }

    /// The serialised entry.
    pub fn leaf(&self) -> Option<&[u8]> {
        self.present().map(|present| present.leaf.as_slice())
    }

    /// The epoch of the head that proves it.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// The root of the map in that epoch.
    pub fn root(&self) -> &Hash {
        &self.head.root
    }

    /// When the head was made.
    pub fn issue_time(&self) -> Timestamp {
        self.head.issue_time
    }

    /// The head itself.
    pub fn head(&self) -> &SignedMapHead {
        &self.head.signed
    }

    /// How far it is known that the head is in the log.
    pub fn logged(&self) -> Logged {
        self.logged
    }

    /// How many of the pinned witnesses have signed the log.
    pub fn witnesses(&self) -> usize {
        self.witnesses
    }

    /// How many of the pinned auditors have signed the head.
    pub fn auditors(&self) -> usize {
        self.auditors
    }
}

impl Head {
    fn read(signed: &SignedMapHead, head: &MapHead) -> Result<Self, Error> {
        let root = Hash::try_from(head.root.as_slice()).map_err(|_| Error::Form {
            member: "smh.map_head.root",
            what: format!("a root has 32 bytes, not {}", head.root.len()),
        })?;
        Ok(Self {
            epoch: head.epoch,
            root,
            issue_time: head
                .issue_time
                .ok_or_else(|| missing("smh.map_head.issue_time"))?,
            signed: signed.clone(),
        })
    }
}

/// A member that every answer has.
fn missing(member: &'static str) -> Error {
    Error::Form {
        member,
        what: "missing".to_owned(),
    }
}
