//! Configuration and attestation: sessions, and who is given their secrets.
//!
//! Nothing here does input or output, and nothing changes the state: every request is *decided* from it, and the
//! [`Decision`] says what the journal is to keep and what is to be answered then.
//!
//! | module | subject |
//! |---|---|
//! | `fit` | what a session may hold |
//! | `access` | who may read and write it |
//! | `write` | creating and updating |
//! | `making`, `certificate` | values that are made here |
//! | `material` | values, and the forms in which they are given |
//! | `import` | values of other sessions |
//! | `nonce` | freshness |
//! | `evidence` | whether a program is the one that a service is for |
//! | `release` | giving a program its secrets |

mod access;
mod certificate;
mod error;
mod evidence;
mod fit;
mod import;
mod limits;
mod making;
mod material;
mod nonce;
mod principal;
mod release;
mod sessions;
mod write;

use std::sync::Arc;
use std::time::Duration;

use attestation::Time;
use protocol::{Entropy, EntropyFailed};
use provision::api::{SessionEntry, SessionWritten};
use provision::audit::{Audited, Outcome};
use provision::text::{Hex, Text};
use provision::{Challenge, Evidence, NONCE_LIFETIME, SessionName, VaultKey};
use session::{Hex32, Service, Session};
use sgx::Digest;

use crate::state::{Decision, Event as StateEvent};

pub use error::Error;
pub use limits::Limits;
pub use principal::Principal;
pub use sessions::{Event, Sessions, Stored};
pub use write::{Draft, Plan};

/// CAS since the program started. Sessions are not in it: they are in the [state](crate::state).
pub struct Cas {
    key: Arc<VaultKey>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    nonces: nonce::Nonces,
    verifier: evidence::Verifier,
}

impl Cas {
    /// CAS that signs its releases with the vault's quoted key.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn new(
        key: Arc<VaultKey>,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> Result<Self, EntropyFailed> {
        Ok(Self {
            nonces: nonce::Nonces::new(&*entropy)?,
            verifier: evidence::Verifier::new(),
            key,
            entropy,
            limits,
        })
    }

    /// The public key of the vault (SubjectPublicKeyInfo, DER), which releases are signed by.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.key.public_der()
    }

    /// So many random bytes.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], EntropyFailed> {
        self.entropy.bytes()
    }

    /// A nonce for one release. `elapsed` is the time since the program started, by a clock that is never
    /// set. Nothing is kept of it.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn challenge(&self, elapsed: Duration) -> Result<Challenge, EntropyFailed> {
        Ok(Challenge {
            nonce: Hex(self.nonces.make(&*self.entropy, elapsed)?),
            lifetime_seconds: NONCE_LIFETIME,
        })
    }

    /// First step of creating or updating a session: reads its text and decides whether it may be written. It
    /// takes no time; [`Cas::make`] may. A refusal is all that there is to commit.
    pub fn plan(
        &self,
        sessions: &Sessions,
        who: Principal,
        name: &SessionName,
        text: &str,
        now: Time,
    ) -> Decision<Result<Plan, Error>> {
        let plan = self.parse(text).and_then(|session| {
            // The KME speaks for itself alone, and not in YAML.
            Plan::new(sessions, &self.limits, name, &session, who)
        });
        refusals(
            plan,
            event_name(sessions.get(name).map(Stored::hash)),
            name,
            who,
            now,
        )
    }

    /// Second step: makes the values that the session lacks. No state is needed, so that nobody else waits.
    pub fn make(&self, plan: Plan, now: Time) -> Decision<Result<Draft, Error>> {
        let (name, who, event) = plan.about();
        let draft = plan.make(&self.limits, &*self.entropy, now);
        refusals(draft, event, &name, who, now)
    }

    /// Third step: decides whether the draft still fits the state. The event has to be applied before another
    /// session is written.
    pub fn write(
        &self,
        sessions: &Sessions,
        draft: Draft,
        now: Time,
    ) -> Decision<Result<SessionWritten, Error>> {
        let (name, who, event) = draft.about();
        match draft.check(sessions, &self.limits) {
            Err(error) => refusals(Err(error), event, &name, who, now),
            Ok((name, who, stored)) => {
                let hash = stored.hash();
                let line = Audited {
                    detail: Some(format!("hash {hash}")),
                    ..line(event, &name, who, now)
                };
                let stored = Box::new(stored);
                Decision {
                    events: vec![StateEvent::Cas(Event::Written { name, stored })],
                    audit: vec![line],
                    reply: Ok(SessionWritten { hash: Hex(hash.0) }),
                }
            }
        }
    }

    /// All three steps for the vault's own key management, whose sessions have no values that take long to
    /// make. Its predecessor is filled in here.
    pub fn write_own(
        &self,
        sessions: &Sessions,
        mut session: Session,
        now: Time,
    ) -> Decision<Result<SessionWritten, Error>> {
        let who = Principal::Kme;
        let name: SessionName = match session.name.parse() {
            Ok(name) => name,
            Err(error) => {
                let error: provision::name::NotAName = error;
                return Decision::only(Err(Error::Form(error.to_string())));
            }
        };
        session.predecessor = sessions.get(&name).map(Stored::hash);
        let checked = session.check();
        let draft = checked
            .map_err(|fault| Error::Form(fault.to_string()))
            .and_then(|()| Plan::new(sessions, &self.limits, &name, &session, who))
            .and_then(|plan| plan.make(&self.limits, &*self.entropy, now));
        match draft {
            Ok(draft) => self.write(sessions, draft, now),
            Err(error) => refusals(
                Err(error),
                event_name(sessions.get(&name).map(Stored::hash)),
                &name,
                who,
                now,
            ),
        }
    }

    /// Holds evidence against a service of a session that need not be written: its measurement, if it is that
    /// of the service's program, and about `report_data`. A refusal has it too, if the evidence is genuine.
    pub(crate) fn appraise(
        &self,
        session: &Session,
        service: &Service,
        evidence: &Evidence,
        report_data: &[u8; 64],
        now: Time,
    ) -> Result<Digest, (Error, Option<Digest>)> {
        let accepted = self
            .verifier
            .appraise(session, service, evidence, report_data, now)?;
        Ok(accepted.measurement)
    }

    /// A session's YAML text, without the values of its secrets, after its hash in a comment.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] and [`Error::Access`].
    pub fn read(
        &self,
        sessions: &Sessions,
        who: Principal,
        name: &SessionName,
    ) -> Result<String, Error> {
        let stored = sessions.get(name);
        let stored = stored.ok_or_else(|| Error::Session(name.to_string()))?;
        access::check(sessions, name, stored, who, access::Wish::Read)?;
        let text = stored.session().to_yaml();
        let text = text.map_err(|fault| Error::Form(fault.to_string()))?;
        Ok(format!("# hash: {}\n{text}", stored.hash()))
    }

    /// Every session that `who` may read.
    #[must_use]
    pub fn list(&self, sessions: &Sessions, who: Principal) -> Vec<SessionEntry> {
        let readable = sessions.iter().filter(|(name, stored)| {
            access::check(sessions, name, stored, who, access::Wish::Read).is_ok()
        });
        let entry = |(name, stored): (&SessionName, &Stored)| SessionEntry {
            session: name.clone(),
            hash: Hex(stored.hash().0),
        };
        readable.map(entry).collect()
    }

    fn parse(&self, text: &str) -> Result<Session, Error> {
        if text.len() > self.limits.text {
            return Err(Error::Form(format!(
                "the session has {} bytes, and at most {} are read",
                text.len(),
                self.limits.text
            )));
        }
        Session::parse(text).map_err(|fault| Error::Form(fault.to_string()))
    }
}

/// What the audit log calls the writing of a session that follows this version.
const fn event_name(base: Option<Hex32>) -> &'static str {
    match base {
        Some(_) => "session.update",
        None => "session.create",
    }
}

/// Nothing but a line of the audit log, if it is a refusal.
fn refusals<T>(
    reply: Result<T, Error>,
    event: &'static str,
    name: &SessionName,
    who: Principal,
    now: Time,
) -> Decision<Result<T, Error>> {
    let audit = match &reply {
        Ok(_) => Vec::new(),
        Err(error) => vec![Audited {
            outcome: Outcome::Refused,
            code: Some(error.code().to_owned()),
            detail: Some(brief(&error.to_string())),
            ..line(event, name, who, now)
        }],
    };
    Decision {
        events: Vec::new(),
        audit,
        reply,
    }
}

fn line(event: &'static str, name: &SessionName, who: Principal, now: Time) -> Audited {
    Audited {
        time: Text(now),
        event: event.to_owned(),
        outcome: Outcome::Done,
        session: Some(name.to_string()),
        service: None,
        code: None,
        detail: None,
        measurement: None,
        who: match who {
            Principal::Key(Hex32(hash)) => Some(Hex(hash)),
            Principal::Anonymous | Principal::Kme => None,
        },
    }
}

/// A text in one line of a bounded length: refusals repeat names that strangers give.
pub(crate) fn brief(text: &str) -> String {
    const MOST: usize = 512;

    text.chars()
        .take(MOST)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
