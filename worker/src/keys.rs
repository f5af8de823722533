//! A worker's keys, and the quote over them.

mod evidence;

pub use evidence::NoEvidence;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::WorkerId;
use protocol::crypto::KeyError;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::processor::Signup;

/// The private keys of one worker id; all processes of the id have the same.
pub struct WorkerKeys {
    worker_id: WorkerId,
    signing: SigningKey,
    decryption: DecryptionKey,
    directory_key: Vec<u8>,
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
            directory_key: Vec::new(),
            signup,
        })
    }

    /// The same with the public key that signs the worker's entry in key directories (SubjectPublicKeyInfo,
    /// DER), whose private half its vault keeps.
    #[must_use]
    pub fn with_directory_key(mut self, der: Vec<u8>) -> Self {
        self.signup.directory_key = STANDARD.encode(&der);
        self.directory_key = der;
        self
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

    /// The public key that signs the worker's entry in key directories; empty if there is none.
    pub fn directory_key(&self) -> &[u8] {
        &self.directory_key
    }

    /// The public halves, as `ProcessWorkerSignup` answers them.
    pub fn signup(&self) -> &Signup {
        &self.signup
    }
}
