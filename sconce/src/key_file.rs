//! Keys that requesters sign with: files of 64 hex digits.

use std::path::Path;

use protocol::SystemEntropy;
use protocol::crypto::secp256k1::SigningKey;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::folders;
use crate::terminal::Terminal;

/// The key in `file`.
pub(crate) fn read(file: &Path, terminal: &Terminal) -> Result<SigningKey, Failure> {
    folders::warn_if_shared(file, terminal);
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::unusable(format_args!("{}: {why}", file.display()))
            .advice("a key file holds 64 hex digits; make one with: openssl rand -hex 32")
    };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(&error))?;
    let text = Zeroizing::new(text);
    let bytes = hex::decode(text.trim()).map_err(|_| unusable(&"not hex digits"))?;
    SigningKey::from_bytes(&Zeroizing::new(bytes)).map_err(|error| unusable(&error))
}

/// A key that nobody has had before, and nobody has afterwards.
pub(crate) fn fresh() -> Result<SigningKey, Failure> {
    SigningKey::generate(&SystemEntropy::new()).map_err(Failure::failed)
}
