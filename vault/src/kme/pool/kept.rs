//! What the journal keeps of a pool.

use ::session::Sensitive;
use protocol::WorkerId;
use protocol::crypto::rsa::{DecryptionKey, EncryptionKey};
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::{KeyError, pem, sha256};
use serde::{Deserialize, Serialize};

use crate::kme::{Keys, Program, WorkerName};

/// Processors that a pool remembers: the one that joined first makes room.
const MAX_MEMBERS: usize = 1024;

/// A pool: its keys, its program, its processors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// The worker that requesters know it as.
    pub worker: WorkerName,
    /// The program that processors have to be.
    pub program: Program,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    secrets: Secrets,
    /// In the order in which they joined.
    members: Vec<Joined>,
}

/// The private keys of a pool, in PEM (PKCS#8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::kme) struct Secrets {
    signing: Sensitive,
    encryption: Sensitive,
}

/// A processor that has joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::kme) struct Joined {
    /// SHA-256 of its public key (SubjectPublicKeyInfo, DER).
    key: [u8; 32],
    /// The unique key that its orders' keys are signed with, in PEM (PKCS#8).
    unique: Sensitive,
}

/// The keys of a pool, read.
pub(super) struct PoolKeys {
    pub(super) signing: SigningKey,
    pub(super) decryption: DecryptionKey,
}

impl Pool {
    pub(in crate::kme) fn new(
        worker: WorkerName,
        program: Program,
        made: u64,
        secrets: Secrets,
    ) -> Self {
        Self {
            worker,
            program,
            made,
            secrets,
            members: Vec::new(),
        }
    }

    /// The id that requesters know the pool by.
    #[must_use]
    pub fn worker_id(&self) -> WorkerId {
        WorkerId::from_name(self.worker.as_str())
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The unique key of the processor with this public key, if it has joined.
    pub(super) fn unique(&self, key: &EncryptionKey) -> Option<SigningKey> {
        let key = fingerprint(key)?;
        let member = self.members.iter().rev().find(|one| one.key == key)?;
        SigningKey::from_pem(member.unique.expose()).ok()
    }

    /// A processor joins.
    pub(in crate::kme) fn joined(&mut self, member: Joined) {
        self.members.retain(|one| one.key != member.key);
        let surplus = (self.members.len() + 1).saturating_sub(MAX_MEMBERS);
        self.members.drain(..surplus);
        self.members.push(member);
    }
}

impl Secrets {
    pub(super) fn of(keys: &Keys) -> Self {
        Self {
            signing: keys.signing.as_str().to_owned().into(),
            encryption: keys.encryption.as_str().to_owned().into(),
        }
    }

    /// Reads them.
    pub(super) fn keys(&self) -> Result<PoolKeys, KeyError> {
        let der = pem::decode("PRIVATE KEY", self.encryption.expose())?;
        let der = zeroize::Zeroizing::new(der);
        Ok(PoolKeys {
            signing: SigningKey::from_pem(self.signing.expose())?,
            decryption: DecryptionKey::from_pkcs8(&der)?,
        })
    }
}

impl Joined {
    pub(super) fn new(key: &EncryptionKey, unique: &SigningKey) -> Option<Self> {
        Some(Self {
            key: fingerprint(key)?,
            unique: unique.expose_pkcs8_pem().as_str().to_owned().into(),
        })
    }

    /// Its public key, as the audit log names it.
    pub(in crate::kme) fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

/// The same for every way to write the key's PEM.
fn fingerprint(key: &EncryptionKey) -> Option<[u8; 32]> {
    let der = pem::decode("PUBLIC KEY", key.pem()).ok()?;
    Some(sha256(&[&der]))
}
