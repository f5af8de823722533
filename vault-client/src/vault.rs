//! What a vault is asked.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use attestation::Time;
use provision::api::{
    Failure, NewEntry, NewGeneration, NewPool, NewWorker, Owner, Pool, SessionEntry,
    SessionWritten, SignedEntry, Worker, WorkerSession,
};
use provision::audit::AuditLine;
use provision::{Challenge, Realm, SessionName, VaultEvidence, path};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::http::{Answer, Method};
use crate::{Error, Identity, Trust, tls};

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// A vault, and the connection to it. When that is lost, as it is when the vault starts again, the next request
/// makes another, and verifies the vault again.
pub struct Vault {
    address: String,
    trust: Trust,
    config: Arc<ClientConfig>,
    connection: Option<Connection>,
    realm: Option<Realm>,
}

impl Vault {
    /// Connects to the vault at `HOST:PORT`, as `identity` if it shall know who asks, and verifies it.
    ///
    /// # Errors
    ///
    /// [`Error`] if it isn't there, or isn't good.
    pub fn connect(
        address: &str,
        trust: &Trust,
        identity: Option<&Identity>,
    ) -> Result<Self, Error> {
        let config = tls::config(identity).map_err(|source| Error::Tls {
            address: address.to_owned(),
            source,
        })?;
        let mut vault = Self {
            address: address.to_owned(),
            trust: trust.clone(),
            config,
            connection: None,
            realm: None,
        };
        vault.connection = Some(vault.open()?);
        Ok(vault)
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its realm, if its evidence was verified.
    #[must_use]
    pub fn realm(&self) -> Option<&Realm> {
        self.realm.as_ref()
    }

    /// Asks for anything, and gives the answer whatever it says.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub fn call(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, Error> {
        let usable = self.connection.take().filter(Connection::is_usable);
        let mut connection = match usable {
            Some(connection) => connection,
            None => self.open()?,
        };
        let answer = connection.call(method, path, content_type, body)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// What it says of itself, unverified. Whether it is good, connecting has found out.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn evidence(&mut self) -> Result<VaultEvidence, Error> {
        self.get(path::EVIDENCE)
    }

    /// A nonce, for one release.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn challenge(&mut self) -> Result<Challenge, Error> {
        self.send(Method::Post, path::CHALLENGE, &Empty {})
    }

    /// Passes on the JSON text of a [`provision::ReleaseRequest`], and gives the answer's, whatever it
    /// says.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub fn release(&mut self, request: &[u8]) -> Result<Answer, Error> {
        self.call(Method::Post, path::RELEASE, JSON, request)
    }

    /// Creates a session from its YAML text, or replaces the version that the text names as predecessor.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn put_session(
        &mut self,
        session: &SessionName,
        yaml: &str,
    ) -> Result<SessionWritten, Error> {
        let path = format!("{}/{session}", path::SESSIONS);
        let answer = self.call(Method::Put, &path, YAML, yaml.as_bytes())?;
        self.read(&answer)
    }

    /// The YAML text of a session, without secret values.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn session(&mut self, session: &SessionName) -> Result<String, Error> {
        let path = format!("{}/{session}", path::SESSIONS);
        let answer = self.call(Method::Get, &path, JSON, b"")?;
        self.text(&answer)
    }

    /// The sessions that this client may read.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn sessions(&mut self) -> Result<Vec<SessionEntry>, Error> {
        self.get(path::SESSIONS)
    }

    /// At most so many lines of the audit log, from this number on. None: there are no more.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn audit(&mut self, from: u64, limit: u32) -> Result<Vec<AuditLine>, Error> {
        let path = format!("{}?from={from}&limit={limit}", path::AUDIT);
        let answer = self.call(Method::Get, &path, JSON, b"")?;
        let text = self.text(&answer)?;
        text.lines()
            .map(|line| self.parse(line.as_bytes()))
            .collect()
    }

    /// Makes this client the vault's owner, if it has none; says who is. Asking again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error`]: among others, somebody else is.
    pub fn claim(&mut self) -> Result<Owner, Error> {
        self.send(Method::Post, path::OWNER, &Empty {})
    }

    /// Has keys made for a worker, unless it has keys for this program already, and tells its key directory
    /// to it, if one is named.
    ///
    /// # Errors
    ///
    /// [`Error`]: among others, its keys are for another program (`kme.measurement`).
    pub fn ensure_worker(
        &mut self,
        worker: &str,
        wish: impl Into<NewWorker>,
    ) -> Result<WorkerSession, Error> {
        let path = format!("{}/{worker}", path::WORKERS);
        self.send(Method::Put, &path, &wish.into())
    }

    /// Has a worker's entry for its key directory made and signed.
    ///
    /// # Errors
    ///
    /// [`Error`]: among others, a generation does not live, or its evidence is for other keys
    /// (`kme.generation`, `kme.entry`).
    pub fn sign_entry(&mut self, worker: &str, wish: &NewEntry) -> Result<SignedEntry, Error> {
        let path = format!("{}/{worker}/entry", path::WORKERS);
        self.send(Method::Post, &path, wish)
    }

    /// Has new keys made for a worker.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn new_generation(
        &mut self,
        worker: &str,
        wish: &NewGeneration,
    ) -> Result<WorkerSession, Error> {
        let path = format!("{}/{worker}/generations", path::WORKERS);
        self.send(Method::Post, &path, wish)
    }

    /// The workers that it has keys for.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn workers(&mut self) -> Result<Vec<Worker>, Error> {
        self.get(path::WORKERS)
    }

    /// Has keys of a worker destroyed now.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn retire(&mut self, worker: &str, generation: u64) -> Result<(), Error> {
        let path = format!("{}/{worker}/generations/{generation}", path::WORKERS);
        let answer = self.call(Method::Delete, &path, JSON, b"")?;
        self.text(&answer).map(drop)
    }

    /// Has keys made for a pool, unless there is this very pool already.
    ///
    /// # Errors
    ///
    /// [`Error`]: among others, there is another (`kme.pool`).
    pub fn ensure_pool(&mut self, wish: &NewPool) -> Result<(), Error> {
        // Made of texts and numbers: writing it can't fail.
        let body = serde_json::to_vec(wish).unwrap_or_default();
        let answer = self.call(Method::Put, path::POOL, JSON, &body)?;
        self.text(&answer).map(drop)
    }

    /// The pool, and what is published of it.
    ///
    /// # Errors
    ///
    /// [`Error`]: among others, there is none (`kme.pool`).
    pub fn pool(&mut self) -> Result<Pool, Error> {
        self.get(path::POOL)
    }

    /// Has the pool's keys destroyed.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn close_pool(&mut self) -> Result<(), Error> {
        let answer = self.call(Method::Delete, path::POOL, JSON, b"")?;
        self.text(&answer).map(drop)
    }

    fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Error> {
        let answer = self.call(Method::Get, path, JSON, b"")?;
        self.read(&answer)
    }

    fn send<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        // Made of texts and numbers: writing it can't fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let answer = self.call(method, path, JSON, &body)?;
        self.read(&answer)
    }

    /// A connection to a vault that is good.
    fn open(&mut self) -> Result<Connection, Error> {
        let mut connection = Connection::open(&self.address, &self.config)?;
        let (policy, anchor, wanted) = match &self.trust {
            Trust::Unverified => return Ok(connection),
            Trust::Attested {
                policy,
                anchor,
                realm,
            } => (policy, anchor, realm),
        };
        let address = || self.address.clone();
        let answer = connection.call(Method::Get, path::EVIDENCE, JSON, b"")?;
        let evidence: VaultEvidence = self.read(&answer)?;
        let verified = evidence
            .verify_by(policy, anchor, now())
            .map_err(|source| Error::Evidence {
                address: address(),
                source: Box::new(source),
            })?;
        if verified.key_der() != connection.key_der() {
            return Err(Error::Key { address: address() });
        }
        // Also when it was not named: it stays the same vault.
        if let Some(wanted) = wanted.as_ref().or(self.realm.as_ref())
            && wanted != verified.realm()
        {
            return Err(Error::Realm {
                address: address(),
                found: verified.realm().clone(),
                wanted: wanted.clone(),
            });
        }
        self.realm = Some(verified.realm().clone());
        Ok(connection)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        self.refused(answer)?;
        self.parse(&answer.body)
    }

    fn text(&self, answer: &Answer) -> Result<String, Error> {
        self.refused(answer)?;
        String::from_utf8(answer.body.to_vec()).map_err(|_| self.form("it is no UTF-8"))
    }

    fn refused(&self, answer: &Answer) -> Result<(), Error> {
        let status = answer.status;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let failure: Failure = self.parse(&answer.body)?;
        Err(Error::Refused {
            status,
            fault: failure.error,
        })
    }

    fn parse<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(text).map_err(|error| self.form(&error.to_string()))
    }

    fn form(&self, what: &str) -> Error {
        Error::Answer {
            address: self.address.clone(),
            what: what.to_owned(),
        }
    }
}

/// `{}`.
#[derive(Serialize)]
struct Empty {}

fn now() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Time::from_unix(now.map_or(0, |now| now.as_secs()))
}
