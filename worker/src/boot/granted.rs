//! Keys out of what a worker is given.

use protocol::crypto::pem;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use provision::{ENCRYPTION_KEY, Error as Fault, GENERATION, Grant, SIGNING_KEY};
use zeroize::Zeroizing;

use super::Error;
use crate::keys::WorkerKeys;

/// The keys of this generation in a grant.
pub(super) fn read(worker: &str, generation: u64, grant: &Grant) -> Result<WorkerKeys, Error> {
    let variable = |name| grant.variable(name).ok_or(Fault::Lacks(name));
    if variable(GENERATION)? != generation.to_string() {
        return Err(Fault::Lacks("keys of the generation that was asked for").into());
    }
    keys(worker, variable(SIGNING_KEY)?, variable(ENCRYPTION_KEY)?)
}

/// The keys in two PEM texts.
pub(super) fn keys(worker: &str, signing: &str, encryption: &str) -> Result<WorkerKeys, Error> {
    let signing = SigningKey::from_pem(signing)
        .map_err(|_| Fault::Lacks("secp256k1 key in PEM to sign with"))?;
    let encryption = pem::decode("PRIVATE KEY", encryption)
        .map(Zeroizing::new)
        .and_then(|der| DecryptionKey::from_pkcs8(&der))
        .map_err(|_| Fault::Lacks("RSA key in PKCS#8 PEM to decrypt with"))?;
    Ok(WorkerKeys::new(worker, signing, encryption)?)
}
