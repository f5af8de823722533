//! The worker's own entry in its key directory, which the host carries here again and again.
//!
//! The directory can't be trusted, and the host neither. What they show is believed if it is proved by the keys
//! that the vault has named; then it has to be this worker's. If it is somebody else's, requesters are given keys
//! that are not those of this program, and the program ends: to go on as if nothing had happened would help whoever
//! did it.
//!
//! | shown | then |
//! |---|---|
//! | what proves nothing | it is passed over, and told once: a host can always show nothing |
//! | no entry, and there never was one | the program goes on: none has been published yet |
//! | no entry, and there was one; or an entry that had been replaced | it ends |
//! | an entry that others may replace than the vault | it ends |
//! | other keys under the generation's number | it ends |
//! | an entry without the generation, which had it | it ends: the generation was retired, or somebody means harm |
//!
//! What was seen is remembered as long as the program runs. What happened before it started, requesters and the
//! worker's owner notice, who remember longer.

use std::sync::{Mutex, PoisonError};

use protocol::entry::{APP, WorkerEntry};
use transparency::error::Error as Fault;
use transparency::memory::Memory;
use transparency::messages::{Entry, PublicKey};
use transparency::trust::{Trust, TrustError};
use transparency::verifier::{Present, Verifier};

use crate::keys::WorkerKeys;

/// Longest answer that is looked at, in bytes: an entry's data and its proofs have a tenth of that.
const MAX_ANSWER: usize = 1024 * 1024;

/// Looks at what the directory shows of this worker.
pub struct Watch {
    own: Own,
    state: Mutex<State>,
}

/// What stands in the entry if it is this worker's.
struct Own {
    user: String,
    name: String,
    directory_key: Vec<u8>,
    generation: u64,
    verification_key: String,
    encryption_key: String,
}

struct State {
    verifier: Verifier,
    memory: Memory,
    /// Whether the generation has stood in the entry.
    listed: bool,
    /// Whether it has been told that what is shown proves nothing.
    told: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing: it is this worker's entry, or there is none yet.
    Good,
    /// Nothing, since it proves nothing. The first time it says why.
    Unproved(Option<String>),
    /// The program has to end, for this reason.
    Foreign(String),
}

impl Finding {
    /// The code of what ends the program, with a page of that name in `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Foreign(_) => Some("directory.foreign"),
            Self::Good | Self::Unproved(_) => None,
        }
    }
}

impl Watch {
    /// For the worker called `name`, whose keys these are, and a directory.
    ///
    /// # Errors
    ///
    /// [`TrustError`]: nothing could be verified by what was named.
    pub fn new(name: &str, keys: &WorkerKeys, trust: &Trust) -> Result<Self, TrustError> {
        let signup = keys.signup();
        let own = Own {
            user: keys.worker_id().as_str().to_owned(),
            name: name.to_owned(),
            directory_key: keys.directory_key().to_vec(),
            generation: signup.generation,
            verification_key: signup.verifying_key.clone(),
            encryption_key: signup.encryption_key.clone(),
        };
        let state = State {
            verifier: Verifier::new(trust)?,
            memory: Memory::default(),
            listed: false,
            told: false,
        };
        Ok(Self {
            own,
            state: Mutex::new(state),
        })
    }

    /// Looks at an answer of the directory about this worker, as JSON.
    pub fn look(&self, answer: &[u8]) -> Finding {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.look(&self.own, answer) {
            Ok(()) => {
                state.told = false;
                Finding::Good
            }
            Err(Why::Unproved(why)) => {
                let first = !std::mem::replace(&mut state.told, true);
                Finding::Unproved(first.then_some(why))
            }
            Err(Why::Foreign(why)) => Finding::Foreign(why),
        }
    }
}

enum Why {
    Unproved(String),
    Foreign(String),
}

impl State {
    fn look(&mut self, own: &Own, answer: &[u8]) -> Result<(), Why> {
        if answer.len() > MAX_ANSWER {
            return Err(Why::Unproved(format!("it has {} bytes", answer.len())));
        }
        let answer = transparency::json::read(answer);
        let answer = answer.map_err(|fault| Why::Unproved(shown(&fault)))?;
        // There is no clock here but the host's, which says what the host likes.
        let verified = self
            .verifier
            .verify(&own.user, &answer, None, &mut self.memory)
            .map_err(|fault| Why::of(&fault))?;
        match verified.present() {
            None => Ok(()),
            Some(present) => {
                self.listed = own.check(present, self.listed)?;
                Ok(())
            }
        }
    }
}

impl Own {
    /// Whether the generation stands in an entry that was proved; if it has stood in one, it has to.
    fn check(&self, present: &Present, listed: bool) -> Result<bool, Why> {
        let foreign = |why: &str| Why::Foreign(why.to_owned());
        if !self.alone_may_replace(&present.entry) {
            return Err(foreign("others may replace it than this worker's vault"));
        }
        let data = present.profile.0.get(APP);
        let data = data.ok_or_else(|| foreign("it has no keys of a worker in it"))?;
        let entry = WorkerEntry::read(data).map_err(|fault| Why::Foreign(shown(&fault)))?;
        if entry.name != self.name {
            return Err(foreign("it has the name of another worker in it"));
        }
        let number = self.generation;
        let Some(shown) = entry.generation(number) else {
            return match listed {
                false => Ok(false),
                true => Err(Why::Foreign(format!(
                    "generation {number}, which is this program's, does not stand in it any more: \
                     it was retired, or somebody means harm"
                ))),
            };
        };
        let same = shown.verification_key == self.verification_key
            && shown.encryption_key == self.encryption_key;
        if !same {
            return Err(Why::Foreign(format!(
                "it has other keys under generation {number} than this program"
            )));
        }
        Ok(true)
    }

    fn alone_may_replace(&self, entry: &Entry) -> bool {
        match &entry.authorized_keys[..] {
            [PublicKey::P256(der)] => *der == self.directory_key,
            _ => false,
        }
    }
}

impl Why {
    /// An entry that is gone or was put back is proved to be so; all else proves nothing.
    fn of(fault: &Fault) -> Self {
        let shown = shown(fault);
        match fault {
            Fault::Vanished { .. } | Fault::Rollback { .. } | Fault::ForeignChange { .. } => {
                Self::Foreign(shown)
            }
            _ => Self::Unproved(format!("{}: {shown}", fault.code())),
        }
    }
}

/// A fault in one line of a bounded length: it may quote what was shown.
fn shown(fault: &impl std::fmt::Display) -> String {
    let text: String = fault.to_string().chars().take(300).collect();
    text.escape_debug().to_string()
}
