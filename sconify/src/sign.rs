//! SIGSTRUCT: who vouches for an image, and what it may be launched as.
//!
//! The signature of PKCS #1 v1.5 depends on nothing but key and message, so the same key over the same
//! image makes the same file. What could change it from day to day is DATE: here nothing ever asks what
//! day it is.
//!
//! [`body_of`] says what an `enclave.toml` has signed; [`sign`] signs it with a key at hand, and
//! [`complete`] takes a signature that a hardware module made over the body's
//! [`to_be_signed`](sgx::sigstruct::Body::to_be_signed).

mod der;
mod error;
mod generate;
mod key;

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use sgx::sigstruct::{Body, Date, KEY_SIZE, PublicKey, Sigstruct, VerifiedSigstruct};
use sgx::{Mrenclave, flags};

use crate::config::Config;
use crate::output::write_secret;

pub use error::{Error, KeyFault};
pub use key::{SignerKey, public_key_from_pem, read_public_key};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Debuggers may look into the enclave: DEBUG is set.
    Debug,
    /// Nobody may: DEBUG is not set, and the mask covers it.
    Release,
}

/// What is signed of an image that was made with this `enclave.toml`. All masks cover everything, so
/// that it's launched as it says or not at all. MRENCLAVE is the same for both flavours.
#[must_use]
pub fn body_of(config: &Config, mrenclave: Mrenclave, flavour: Flavour, date: Date) -> Body {
    let mut attributes = config.attributes.attributes();
    if flavour == Flavour::Debug {
        attributes.flags |= flags::DEBUG;
    }
    Body {
        attributes,
        miscselect: config.attributes.miscselect(),
        product_id: config.product_id,
        security_version: config.security_version,
        ..Body::strict(mrenclave, date)
    }
}

/// Signs.
///
/// # Errors
///
/// [`Error::Unsound`] if what comes out does not hold: VENDOR is a stranger's, or the key is broken.
pub fn sign(body: &Body, key: &SignerKey) -> Result<VerifiedSigstruct, Error> {
    let signature = key.sign(&body.to_be_signed()).map_err(|_| Error::Unsound {
        einit: "SGX_INVALID_SIGNATURE",
    })?;
    assemble(body, key.public(), &signature)
}

/// Puts a signature that was made elsewhere to what it signs. It's big-endian, as modules and openssl
/// write it.
///
/// # Errors
///
/// [`Error::SignatureLength`]; [`Error::Unsound`] if it's not one of this key over this body.
pub fn complete(
    body: &Body,
    key: &PublicKey,
    signature: &[u8],
) -> Result<VerifiedSigstruct, Error> {
    let signature: &[u8; KEY_SIZE] = signature.try_into().map_err(|_| Error::SignatureLength {
        length: signature.len(),
    })?;
    assemble(body, key, signature)
}

/// Whether it may be released: no enclave that a debugger can look into is launched with it.
///
/// # Errors
///
/// [`Error::Release`] says which rule it breaks.
pub fn check_release(body: &Body) -> Result<(), Error> {
    if body.attributes.is_debug() {
        return Err(Error::Release {
            why: "DEBUG is set in ATTRIBUTES",
        });
    }
    if body.attributes_mask.flags & flags::DEBUG == 0 {
        return Err(Error::Release {
            why: "ATTRIBUTEMASK leaves DEBUG out, so the signature would launch a debug enclave too",
        });
    }
    Ok(())
}

/// The date that was given, or else that of SOURCE_DATE_EPOCH.
///
/// # Errors
///
/// [`Error::NoDate`] if there is neither: today's date would make another signature each day.
/// [`Error::Epoch`] if the variable is no time.
pub fn pinned_date(given: Option<Date>) -> Result<Date, Error> {
    match given {
        Some(date) => Ok(date),
        None => epoch(env::var_os("SOURCE_DATE_EPOCH").as_deref()),
    }
}

/// The key for images that are not released: made once, with mode 0600, and kept in `path`.
///
/// # Errors
///
/// [`Error::Key`], and [`crate::Error::Io`].
pub fn development_key(path: &Path) -> Result<SignerKey, crate::Error> {
    if path.exists() {
        return SignerKey::read(path);
    }
    let key = SignerKey::generate()?;
    let text = key.to_pem().map_err(|_| Error::Generation)?;
    match write_secret(path, text.as_bytes()) {
        // Somebody else was faster.
        Err(crate::Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            SignerKey::read(path)
        }
        outcome => outcome.map(|()| key),
    }
}

fn assemble(
    body: &Body,
    key: &PublicKey,
    signature: &[u8; KEY_SIZE],
) -> Result<VerifiedSigstruct, Error> {
    Sigstruct::assemble(body, key, signature).map_err(|faults| Error::Unsound {
        einit: faults.einit(),
    })
}

fn epoch(seconds: Option<&OsStr>) -> Result<Date, Error> {
    let text = seconds
        .filter(|text| !text.is_empty())
        .ok_or(Error::NoDate)?;
    let digits = text
        .to_str()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = digits.and_then(|text| text.parse().ok());
    seconds
        .and_then(|seconds| Date::from_unix(seconds).ok())
        .ok_or_else(|| Error::Epoch(text.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const CONFIG: &str = "\
name = \"worker\"\nproduct_id = 7\nsecurity_version = 3\n[heap]\nsize = \"1 MiB\"\n[threads]\ncount = 1\n\
stack = \"64 KiB\"\n[attributes]\nfeatures = [\"avx\"]\nkss = true\n";

    fn body(flavour: Flavour) -> Body {
        let config = Config::parse(CONFIG).unwrap();
        body_of(&config, Mrenclave([9; 32]), flavour, Date::EPOCH)
    }

    #[test]
    fn flavours_differ_in_debug_alone() {
        let (debug, release) = (body(Flavour::Debug), body(Flavour::Release));
        assert_eq!(
            debug.attributes.flags ^ release.attributes.flags,
            flags::DEBUG
        );
        assert_eq!(release.attributes.flags, flags::MODE64BIT | flags::KSS);
        assert_eq!(release.attributes.xfrm, 7);
        assert_eq!((release.product_id, release.security_version), (7, 3));
        let as_debug = Body {
            attributes: debug.attributes,
            ..release
        };
        assert_eq!(as_debug, debug);
    }

    #[test]
    fn a_release_shuts_debuggers_out() {
        check_release(&body(Flavour::Release)).unwrap();
        check_release(&body(Flavour::Debug)).unwrap_err();
        let mut open = body(Flavour::Release);
        open.attributes_mask.flags &= !flags::DEBUG;
        check_release(&open).unwrap_err();
    }

    #[test]
    fn a_signature_from_elsewhere_makes_the_same_file() {
        let (key, body) = (SignerKey::generate().unwrap(), body(Flavour::Release));
        let here = sign(&body, &key).unwrap();
        let mut signature = key.sign(&body.to_be_signed()).unwrap();
        let there = complete(&body, key.public(), &signature).unwrap();
        assert_eq!(here, there);
        signature[200] ^= 1;
        let error = complete(&body, key.public(), &signature).unwrap_err();
        assert!(
            error.to_string().contains("SGX_INVALID_SIGNATURE"),
            "{error}"
        );
        let other = SignerKey::generate().unwrap();
        complete(&body, other.public(), &signature).unwrap_err();
        complete(&body, key.public(), &signature[1..]).unwrap_err();
    }

    #[test]
    fn a_date_is_never_guessed() {
        let date = |text: &str| epoch(Some(OsStr::new(text)));
        assert_eq!(date("1709164800").unwrap().to_string(), "2024-02-29");
        assert!(matches!(epoch(None), Err(Error::NoDate)));
        assert!(matches!(date(""), Err(Error::NoDate)));
        for text in [
            "-1",
            "+1",
            " 1",
            "1e9",
            "99999999999999",
            "99999999999999999999",
            "now",
        ] {
            assert!(matches!(date(text), Err(Error::Epoch(_))), "{text}");
        }
    }

    #[test]
    fn the_development_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signer.pem");
        let first = development_key(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let second = development_key(&path).unwrap();
        assert_eq!(first.public(), second.public());
    }
}
