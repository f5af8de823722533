//! Keys out of what a worker is given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::pem;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use provision::{
    DIRECTORY, DIRECTORY_KEY, ENCRYPTION_KEY, Error as Fault, GENERATION, Grant, SIGNING_KEY,
};
use transparency::signature::VerifyingKey;
use transparency::trust::Trust;
use zeroize::Zeroizing;

use super::Error;
use crate::keys::WorkerKeys;

/// The keys of this generation in a grant.
pub(super) fn read(worker: &str, generation: u64, grant: &Grant) -> Result<WorkerKeys, Error> {
    let variable = |name| grant.variable(name).ok_or(Fault::Lacks(name));
    if variable(GENERATION)? != generation.to_string() {
        return Err(Fault::Lacks("keys of the generation that was asked for").into());
    }
    let keys = keys(worker, variable(SIGNING_KEY)?, variable(ENCRYPTION_KEY)?)?;
    let Some(key) = grant.variable(DIRECTORY_KEY) else {
        return Ok(keys);
    };
    let der = STANDARD.decode(key).ok();
    let der = der.filter(|der| VerifyingKey::from_der(der).is_ok());
    let der = der.ok_or(Fault::Lacks("P-256 key in base64 for directories"))?;
    Ok(keys.with_directory_key(der))
}

/// The key directory in a grant, if one is named.
pub(super) fn directory(grant: &Grant) -> Result<Option<Trust>, Error> {
    let named = grant.variable(DIRECTORY);
    let trust = named.map(|text| Trust::from_json(text.as_bytes()));
    Ok(trust.transpose().map_err(|_| USELESS)?)
}

/// What is said of a directory by which nothing can be verified.
pub(super) const USELESS: Fault = Fault::Lacks("trust in a key directory that can be used");

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
