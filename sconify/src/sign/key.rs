//! The keys that sign images: RSA-3072 with the public exponent 3 (SDM 3D, table 35-19).

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use sgx::sigstruct::{KEY_SIZE, PublicKey, TO_BE_SIGNED_SIZE};
use zeroize::Zeroizing;

use super::der::{self, PrivateKey};
use super::{Error, KeyFault, generate};

/// Bytes of a key file, at most: one has 2.5 kB.
const LARGEST_FILE: usize = 64 << 10;

/// A key that can sign. Nothing prints it.
pub struct SignerKey {
    pair: RsaKeyPair,
    public: PublicKey,
}

/// What stands in the line that begins a public key.
pub(super) const PUBLIC_KEY: &str = "PUBLIC KEY";

/// Reads the first `PUBLIC KEY` of a file.
///
/// # Errors
///
/// [`Error::Key`]; [`crate::Error::Io`] if the file can't be read.
pub fn read_public_key(path: &Path) -> Result<PublicKey, crate::Error> {
    let text = read(path)?;
    public_key_from_pem(&text).map_err(|fault| of_file(path, fault))
}

/// Reads the first `PUBLIC KEY` of a PEM text.
///
/// # Errors
///
/// All but [`KeyFault::Broken`].
pub fn public_key_from_pem(text: &[u8]) -> Result<PublicKey, KeyFault> {
    let (_, der) = section(text, PUBLIC_KEY, |kind| kind == SectionKind::PublicKey)?;
    let (modulus, exponent) = der::public_key(&der).ok_or(KeyFault::NotRsa)?;
    Ok(PublicKey::from_components(modulus, exponent)?)
}

impl SignerKey {
    /// Makes one that nobody has had before.
    ///
    /// # Errors
    ///
    /// [`Error::Generation`].
    pub fn generate() -> Result<Self, Error> {
        Self::from_der(&generate::generate()?).map_err(|_| Error::Generation)
    }

    /// Reads the first private key of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Key`]; [`crate::Error::Io`] if the file can't be read.
    pub fn read(path: &Path) -> Result<Self, crate::Error> {
        let text = read(path)?;
        Self::from_pem(&text).map_err(|fault| of_file(path, fault))
    }

    /// Reads the first private key of a PEM text: `PRIVATE KEY` (PKCS #8) or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    ///
    /// See [`KeyFault`].
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyFault> {
        let is_private = |kind| {
            use SectionKind::{EcPrivateKey, PrivateKey, RsaPrivateKey};
            matches!(kind, PrivateKey | RsaPrivateKey | EcPrivateKey)
        };
        match section(text, "PRIVATE KEY", is_private)? {
            (SectionKind::RsaPrivateKey, der) => Self::from_der(&der),
            (SectionKind::PrivateKey, der) => {
                let key = PrivateKey::parse_pkcs8(&der).ok_or(KeyFault::NotRsa)?;
                Self::from_der(&key.to_der())
            }
            _ => Err(KeyFault::NotRsa),
        }
    }

    /// As PEM: `PRIVATE KEY`, unencrypted.
    ///
    /// # Errors
    ///
    /// [`KeyFault::Broken`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyFault> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyFault::Broken)?;
        let der = der.as_ref();
        // Grown once, so that nothing is left where a smaller one was.
        let mut text = Zeroizing::new(String::with_capacity(der.len() * 3 / 2 + 128));
        text.push_str("-----BEGIN PRIVATE KEY-----\n");
        // 48 octets are a line of 64 letters.
        for line in der.chunks(48) {
            STANDARD.encode_string(line, &mut text);
            text.push('\n');
        }
        text.push_str("-----END PRIVATE KEY-----\n");
        Ok(text)
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs as SIGSTRUCT wants it: PKCS #1 v1.5 with SHA-256, so that the same bytes have the same
    /// signature always. The result is big-endian.
    ///
    /// # Errors
    ///
    /// [`KeyFault::Broken`].
    pub fn sign(&self, message: &[u8; TO_BE_SIGNED_SIZE]) -> Result<[u8; KEY_SIZE], KeyFault> {
        let mut signature = [0; KEY_SIZE];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| KeyFault::Broken)?;
        Ok(signature)
    }

    /// From RSAPrivateKey.
    fn from_der(der: &[u8]) -> Result<Self, KeyFault> {
        let key = PrivateKey::parse(der).ok_or(KeyFault::Broken)?;
        let public = PublicKey::from_components(key.n, key.e)?;
        // It finds numbers that do not belong together.
        let pair = RsaKeyPair::from_der(der).map_err(|_| KeyFault::Broken)?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.public.mrsigner())
    }
}

fn of_file(path: &Path, fault: KeyFault) -> crate::Error {
    let path = path.to_owned();
    Error::Key { path, fault }.into()
}

/// All of a key file.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, crate::Error> {
    let cannot = |source| crate::Error::io("read", path)(source);
    let file = File::open(path).map_err(cannot)?;
    // Never grown, so that nothing is left where a smaller one was.
    let mut text = Zeroizing::new(Vec::with_capacity(LARGEST_FILE + 1));
    file.take(LARGEST_FILE as u64 + 1)
        .read_to_end(&mut text)
        .map_err(cannot)?;
    if text.len() > LARGEST_FILE {
        return Err(cannot(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

type Section = (SectionKind, Zeroizing<Vec<u8>>);

/// The first section of that kind.
fn section(
    text: &[u8],
    wanted: &'static str,
    is_wanted: impl Fn(SectionKind) -> bool,
) -> Result<Section, KeyFault> {
    let no_key = || {
        let encrypted = text.windows(9).any(|part| part == b"ENCRYPTED");
        if encrypted {
            KeyFault::Encrypted
        } else {
            KeyFault::Missing { wanted }
        }
    };
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|_: pem::Error| no_key())?;
        let der = Zeroizing::new(der);
        if is_wanted(kind) {
            return Ok((kind, der));
        }
    }
    Err(no_key())
}
