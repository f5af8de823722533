//! A worker's keys, and where they come from.

mod development;
mod evidence;

pub use development::DevelopmentKeyFile;
pub use evidence::NoEvidence;

use protocol::crypto::KeyError;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::processor::Signup;
use protocol::{EntropyFailed, WorkerId};

/// The private keys of one worker id; all processes of the id have the same.
pub struct WorkerKeys {
    worker_id: WorkerId,
    signing: SigningKey,
    decryption: DecryptionKey,
    signup: Signup,
}

impl WorkerKeys {
    /// Puts a worker's keys together and signs the encryption key with the signing key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the library can't write the public key.
    pub fn new(
        worker: &str,
        signing: SigningKey,
        decryption: DecryptionKey,
    ) -> Result<Self, KeyError> {
        let encryption_key = decryption.encryption_key()?.pem().to_owned();
        let signature = signing.sign(&sha256(&[encryption_key.as_bytes()]));
        let signup = Signup {
            verifying_key: signing.verifying_key().pem().to_owned(),
            encryption_key,
            encryption_key_signature: hex::encode(&signature),
            ..Signup::default()
        };
        Ok(Self {
            worker_id: WorkerId::from_name(worker),
            signing,
            decryption,
            signup,
        })
    }

    /// The worker that they are for.
    pub fn worker_id(&self) -> &WorkerId {
        &self.worker_id
    }

    /// Signs answers.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Opens session keys.
    pub fn decryption(&self) -> &DecryptionKey {
        &self.decryption
    }

    /// The public halves, as `ProcessWorkerSignup` answers them.
    pub fn signup(&self) -> &Signup {
        &self.signup
    }
}

/// Where a worker gets its keys when it starts.
pub trait KeySource {
    /// The keys; made now if this source makes them.
    fn keys(&self) -> Result<WorkerKeys, KeySourceError>;

    /// What kind of keys these are, in one word that operators and requesters are shown.
    fn kind(&self) -> &'static str;
}

/// Why a worker has no keys. It doesn't know what the file is called: its host opened it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The file could not be read or written.
    #[error("cannot {action} the development key file")]
    File {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file isn't one of ours.
    #[error(
        "the development key file is none of this worker ({0}); move it away and restart to have new keys made"
    )]
    Content(&'static str),
    /// Others could read the file.
    #[error(
        "the development key file can be read by other users; run `chmod 600` on it, or remove it to have new keys made"
    )]
    Permissions,
    /// The cryptographic library refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
}
