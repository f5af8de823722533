//! A log's witnesses, asked all at once before a head is published.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use transparency::log::Hash;
use transparency::note::{self, Checkpoint, Kind, Note, Signature, VerifierKey};

use super::request::{AddCheckpoint, decimal};
use crate::config::Witnesses;
use crate::error::Error;
use crate::fetch::Fetch;

/// Longest answer of a witness: some lines of signatures.
const MAX_ANSWER: usize = 16 << 10;

/// How often one witness is asked about one checkpoint: once, again when it says what it has, and again
/// if somebody else was faster.
const ROUNDS: usize = 3;

/// A log's witnesses.
#[derive(Debug)]
pub struct Panel {
    members: Vec<Arc<Member>>,
    fetch: Fetch,
    wait: Duration,
}

/// What witnesses said of a checkpoint.
#[derive(Clone, Debug)]
pub struct Cosigned {
    /// The checkpoint with the signatures that it had and those of the witnesses.
    pub note: String,
    /// How many witnesses have signed it.
    pub count: usize,
    /// Who has not, and why.
    pub failures: Vec<(String, Failure)>,
}

/// Why a witness has not signed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// There was no answer.
    #[error("{0}")]
    Unreachable(String),
    /// It refuses.
    #[error("it answers {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it says.
        text: String,
    },
    /// It has seen more of the log than there is: the log has been set back, or there are two.
    #[error("it has cosigned {seen} leaves, and there are only {size}")]
    Ahead {
        /// Leaves of the latest checkpoint that it knows.
        seen: u64,
        /// Leaves of the log.
        size: u64,
    },
    /// What it answered is no signature of it.
    #[error("its answer holds no cosignature by its key")]
    Signature,
}

impl Panel {
    /// The witnesses of a configuration.
    ///
    /// # Errors
    ///
    /// A key that is none of a witness, or TLS can't be set up.
    pub fn new(witnesses: &Witnesses) -> Result<Self, Error> {
        let bad = |fault: String| Error::Setting {
            setting: "witnesses",
            fault,
        };
        let fetch = Fetch::new(witnesses.wait, MAX_ANSWER).map_err(|fault| bad(fault.to_string()));
        let mut members: Vec<Arc<Member>> = Vec::new();
        for witness in &witnesses.list {
            let key = VerifierKey::parse(&witness.key).map_err(|fault| bad(fault.to_string()))?;
            if key.kind() != Kind::Cosignature {
                return Err(bad(format!("{} is not a witness's key", key.name())));
            }
            if members.iter().any(|one| one.key.key() == key.key()) {
                let name = key.name();
                return Err(bad(format!(
                    "{name} is there already, and would count twice"
                )));
            }
            members.push(Arc::new(Member {
                url: format!("{}/add-checkpoint", witness.url.trim_end_matches('/')),
                key,
                size: AtomicU64::new(0),
            }));
        }
        Ok(Self {
            members,
            fetch: fetch?,
            wait: witnesses.wait,
        })
    }

    /// Whether there is nobody to ask.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Asks all at once to cosign a checkpoint, and waits no longer than the configuration says.
    ///
    /// `prove` gives the consistency proof from an older size to the checkpoint's.
    ///
    /// # Errors
    ///
    /// [`note::Error`] if `checkpoint` is none. What witnesses fail in is part of the result.
    pub async fn cosign(
        &self,
        checkpoint: &str,
        prove: impl Fn(u64) -> Option<Vec<Hash>> + Send + Sync + 'static,
    ) -> Result<Cosigned, note::Error> {
        let mut note = Note::parse(checkpoint)?;
        let question = Arc::new(Question {
            size: Checkpoint::parse(&note.text)?.size,
            checkpoint: checkpoint.to_owned(),
            note: note.clone(),
            prove: Box::new(prove),
        });
        let mut asked = JoinSet::new();
        for (number, member) in self.members.iter().enumerate() {
            let (member, question) = (Arc::clone(member), Arc::clone(&question));
            let fetch = self.fetch.clone();
            asked.spawn(async move { (number, member.ask(&fetch, &question).await) });
        }
        let mut answers = BTreeMap::new();
        let all = async {
            while let Some(answer) = asked.join_next().await {
                answers.extend(answer);
            }
        };
        // Who is late is not waited for; what came until then counts.
        let _late = tokio::time::timeout(self.wait, all).await;
        let mut failures = Vec::new();
        let before = note.signatures.len();
        for (number, member) in self.members.iter().enumerate() {
            match answers.remove(&number) {
                Some(Ok(signature)) => note.signatures.push(signature),
                Some(Err(failure)) => failures.push((member.key.name().to_owned(), failure)),
                None => {
                    let late = format!("no answer within {:?}", self.wait);
                    failures.push((member.key.name().to_owned(), Failure::Unreachable(late)));
                }
            }
        }
        Ok(Cosigned {
            count: note.signatures.len() - before,
            note: note.to_string(),
            failures,
        })
    }
}

/// One witness.
#[derive(Debug)]
struct Member {
    url: String,
    key: VerifierKey,
    /// Leaves of the latest checkpoint that it has cosigned, as far as is known.
    size: AtomicU64,
}

/// What all are asked.
struct Question {
    size: u64,
    checkpoint: String,
    note: Note,
    prove: Box<dyn Fn(u64) -> Option<Vec<Hash>> + Send + Sync>,
}

impl Member {
    async fn ask(&self, fetch: &Fetch, question: &Question) -> Result<Signature, Failure> {
        let mut old = self.size.load(Ordering::Relaxed);
        let mut refused = Failure::Signature;
        for _ in 0..ROUNDS {
            let ahead = Failure::Ahead {
                seen: old,
                size: question.size,
            };
            if old > question.size {
                // Who said so may have lied: it is asked again next time.
                self.size.store(0, Ordering::Relaxed);
                return Err(ahead);
            }
            let needed = old > 0 && old < question.size;
            let proof = match needed {
                true => (question.prove)(old).ok_or(ahead)?,
                false => Vec::new(),
            };
            let request = AddCheckpoint {
                old,
                proof,
                note: &question.checkpoint,
            };
            let kind = "text/plain; charset=utf-8";
            let answer = fetch.post(&self.url, kind, None, request.to_text()).await;
            let answer = answer.map_err(|fault| Failure::Unreachable(fault.to_string()))?;
            let text = String::from_utf8_lossy(&answer.body);
            match answer.status {
                200 => {
                    let signature = self.own(&text, &question.note)?;
                    self.size.store(question.size, Ordering::Relaxed);
                    return Ok(signature);
                }
                status => refused = Failure::refused(status, &text),
            }
            // Where it has seen another size than was thought, it says which.
            let seen = text.strip_suffix('\n').and_then(decimal);
            match seen.filter(|seen| answer.status == 409 && *seen != old) {
                Some(seen) => {
                    old = seen;
                    self.size.store(seen, Ordering::Relaxed);
                }
                None => break,
            }
        }
        Err(refused)
    }

    /// The signature by this witness's key that holds for the note.
    fn own(&self, lines: &str, note: &Note) -> Result<Signature, Failure> {
        let alone = |signature| Note {
            text: note.text.clone(),
            signatures: vec![signature],
        };
        let signatures = lines.lines().filter_map(|line| Signature::parse(line).ok());
        let mut candidates = signatures.map(alone);
        candidates
            .find(|candidate| candidate.verify(&self.key).is_ok())
            .and_then(|mut candidate| candidate.signatures.pop())
            .ok_or(Failure::Signature)
    }
}

impl Failure {
    fn refused(status: u16, text: &str) -> Self {
        let line = text.lines().next().unwrap_or_default();
        let printable = line.chars().filter(|letter| !letter.is_control());
        Self::Refused {
            status,
            text: printable.take(200).collect(),
        }
    }
}
