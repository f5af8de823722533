//! Asking for secrets, and giving them.
//!
//! Both sides make an X25519 key for one release. The key that encrypts is HKDF-SHA256 of what they
//! agree on, with the digest of the *transcript* as salt; so is the associated data of AES-256-GCM. The vault
//! signs transcript and ciphertext by the key that its evidence is about. The transcript is, each behind
//! its length as four big-endian bytes: service, nonce, the program's X25519 key, the vault's, and the
//! vault's public key. A release that was made for another service, nonce, program or vault is
//! therefore refused twice: it is not signed, and it does not open.

use protocol::crypto::sha256;
use protocol::{EntropyFailed, report_data};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::key::{VaultKey, verifies};
use crate::name::NotAName;
use crate::text::{Base64, Hex, read};
use crate::{Error, Evidence, Grant, MAX_ANSWER, MAX_RELEASE_REQUEST, ServiceName, SessionName};

/// A nonce of the vault, for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Challenge {
    /// 32 bytes that only this vault can have made.
    pub nonce: Hex<32>,
    /// Seconds for which it may be used, once.
    pub lifetime_seconds: u64,
}

/// A request for the secrets of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The session.
    pub session: SessionName,
    /// The service in it.
    pub service: String,
    /// The vault's nonce.
    pub nonce: Hex<32>,
    /// The program's X25519 key.
    pub key: Hex<32>,
    /// A quote over [`report_data`](Self::report_data).
    pub evidence: Evidence,
}

/// The secrets of a service, encrypted for one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The vault's X25519 key.
    pub key: Hex<32>,
    /// The encrypted [`Grant`].
    pub sealed: Base64,
    /// The vault's signature (ECDSA on P-256 with SHA-256, DER).
    pub signature: Base64,
}

/// A program's end of one release, with the private X25519 key that exists for it alone.
pub struct Attempt {
    service: ServiceName,
    private: EphemeralPrivateKey,
    public: [u8; 32],
    nonce: [u8; 32],
}

impl Attempt {
    /// An attempt to get the secrets of `service`, under this nonce. It makes its key; the library
    /// draws the randomness itself.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn new(service: ServiceName, nonce: [u8; 32]) -> Result<Self, EntropyFailed> {
        let (private, public) = ephemeral()?;
        Ok(Self {
            service,
            private,
            public,
            nonce,
        })
    }

    /// What has to be quoted.
    #[must_use]
    pub fn report_data(&self) -> [u8; 64] {
        report_data::provision(&self.nonce, &self.service.to_string(), &self.public)
    }

    /// The request, with a quote over [`report_data`](Self::report_data).
    #[must_use]
    pub fn request(&self, evidence: Evidence) -> ReleaseRequest {
        ReleaseRequest {
            session: self.service.session().clone(),
            service: self.service.service().to_owned(),
            nonce: Hex(self.nonce),
            key: Hex(self.public),
            evidence,
        }
    }

    /// Opens what the vault with this public key (SubjectPublicKeyInfo, DER) has released for this
    /// attempt.
    ///
    /// # Errors
    ///
    /// [`Error`] if it was made by another vault, or for another attempt.
    pub fn open(self, release: &Release, vault_key_der: &[u8]) -> Result<Grant, Error> {
        let transcript = Transcript {
            service: &self.service.to_string(),
            nonce: &self.nonce,
            program: &self.public,
            vault: &release.key.0,
            vault_key: vault_key_der,
        };
        let sealed = &release.sealed.0;
        if !verifies(
            vault_key_der,
            &transcript.signed(sealed),
            &release.signature.0,
        ) {
            return Err(Error::Signature);
        }
        let digest = transcript.digest();
        let key = agree(self.private, &release.key.0, &digest)?;
        let mut buffer = Zeroizing::new(sealed.clone());
        let plain = key
            .open_in_place(only_nonce(), Aad::from(&digest), &mut buffer)
            .map_err(|_| Error::DoesNotOpen)?;
        Grant::from_json(plain)
    }
}

impl ReleaseRequest {
    /// Reads its JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        within(MAX_RELEASE_REQUEST, "release request", text)
    }

    /// The service that is asked for.
    ///
    /// # Errors
    ///
    /// No service is called so.
    pub fn service_name(&self) -> Result<ServiceName, NotAName> {
        self.session.service(&self.service)
    }

    /// What the quote has to be over.
    #[must_use]
    pub fn report_data(&self) -> [u8; 64] {
        report_data::provision(&self.nonce.0, &self.service_text(), &self.key.0)
    }

    fn service_text(&self) -> String {
        format!("{}/{}", self.session, self.service)
    }
}

impl Release {
    /// Reads its JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        within(MAX_ANSWER, "release", text)
    }
}

/// Gives a service its secrets, as an answer to a request whose evidence was verified and found good.
///
/// # Errors
///
/// [`Error::Agreement`] if the request's key is unusable, [`Error::Form`] if the grant is too long, and
/// [`Error::Entropy`].
pub fn seal(request: &ReleaseRequest, grant: &Grant, vault: &VaultKey) -> Result<Release, Error> {
    let (private, public) = ephemeral()?;
    let transcript = Transcript {
        service: &request.service_text(),
        nonce: &request.nonce.0,
        program: &request.key.0,
        vault: &public,
        vault_key: vault.public_der(),
    };
    let digest = transcript.digest();
    let key = agree(private, &request.key.0, &digest)?;
    let mut buffer = grant.to_json()?;
    // Fails only for more than 64 GiB.
    let tag = key
        .seal_in_place_separate_tag(only_nonce(), Aad::from(&digest), &mut buffer)
        .map_err(|_| EntropyFailed)?;
    let sealed = [&buffer[..], tag.as_ref()].concat();
    let signature = vault.sign(&transcript.signed(&sealed))?;
    Ok(Release {
        key: Hex(public),
        sealed: Base64(sealed),
        signature: Base64(signature),
    })
}

/// Everything that was said before the secrets.
struct Transcript<'a> {
    service: &'a str,
    nonce: &'a [u8; 32],
    program: &'a [u8; 32],
    vault: &'a [u8; 32],
    vault_key: &'a [u8],
}

impl Transcript<'_> {
    fn digest(&self) -> [u8; 32] {
        sha256(&[b"sconce/v1/transcript", &[0], &self.bytes()])
    }

    /// What the vault signs.
    fn signed(&self, sealed: &[u8]) -> Vec<u8> {
        [b"sconce/v1/release", &[0][..], &self.bytes(), sealed].concat()
    }

    fn bytes(&self) -> Vec<u8> {
        let parts = [
            self.service.as_bytes(),
            self.nonce,
            self.program,
            self.vault,
            self.vault_key,
        ];
        let mut bytes = Vec::with_capacity(512);
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

fn ephemeral() -> Result<(EphemeralPrivateKey, [u8; 32]), EntropyFailed> {
    let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new());
    let private = private.map_err(|_| EntropyFailed)?;
    let public = private.compute_public_key().map_err(|_| EntropyFailed)?;
    let bytes = public.as_ref().try_into().map_err(|_| EntropyFailed)?;
    Ok((private, bytes))
}

/// The key that both sides come to. A point of small order, which leads to a secret that everybody
/// knows, is refused.
fn agree(
    private: EphemeralPrivateKey,
    public: &[u8; 32],
    digest: &[u8; 32],
) -> Result<LessSafeKey, Error> {
    let peer = UnparsedPublicKey::new(&X25519, public);
    let unbound = agreement::agree_ephemeral(private, &peer, |secret| {
        let secret = Salt::new(HKDF_SHA256, digest).extract(secret);
        let info: [&[u8]; 1] = [b"sconce/v1/release-key"];
        secret.expand(&info, &AES_256_GCM).map(UnboundKey::from)
    });
    match unbound {
        Ok(Ok(unbound)) => Ok(LessSafeKey::new(unbound)),
        _ => Err(Error::Agreement),
    }
}

/// Each key seals one text.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn within<T: serde::de::DeserializeOwned>(
    limit: usize,
    what: &'static str,
    text: &[u8],
) -> Result<T, Error> {
    if text.len() > limit {
        let fault = format!("it has {} bytes, and at most {limit} are read", text.len());
        return Err(Error::Form { what, fault });
    }
    read(what, text)
}
