//! Trust anchors: where every chain of signatures has to begin.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use ring::digest::{SHA256, digest};

use crate::Collateral;
use crate::x509::{Certificate, Chain, Document, Error};

/// The root certificate of Intel's SGX and TDX platforms, as Intel publishes it
/// (`https://certificates.trustedservices.intel.com/IntelSGXRootCA.der`; SHA-256
/// `44a0196b…fab674d3`).
pub const INTEL_ROOT: &[u8] = include_bytes!("intel-root.der");

/// A root that evidence is accepted under, and what the names of the certificates below it begin with.
///
/// There are two kinds, and they cannot be confused: a simulated root takes its explicit fingerprint
/// here, and a policy that allows simulation besides.
#[derive(Debug, Clone)]
pub struct TrustAnchor {
    root: Certificate,
    prefix: &'static str,
    simulated: Option<Fingerprint>,
}

impl TrustAnchor {
    /// Intel's root, which is compiled in.
    #[must_use]
    pub fn intel() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the bytes are part of this program, and a test reads them"
        )]
        let root = Certificate::from_der(Document::Root, INTEL_ROOT).expect("Intel's root");
        Self {
            root,
            prefix: "Intel SGX ",
            simulated: None,
        }
    }

    /// The root of a simulated platform, if it has this fingerprint. The root's own name is not looked
    /// at, only its bytes; those below it are called `SIMULATED SGX …`.
    ///
    /// # Errors
    ///
    /// [`Error::Fingerprint`], [`Error::GenuineRoot`] if its key is Intel's; [`Error::Form`],
    /// [`Error::Role`], [`Error::Issuer`] and [`Error::Signature`] if it is no root certificate.
    pub fn simulated(der: &[u8], fingerprint: Fingerprint) -> Result<Self, Error> {
        if der == INTEL_ROOT {
            return Err(Error::GenuineRoot);
        }
        let found = Fingerprint::of(der);
        if found != fingerprint {
            return Err(Error::Fingerprint {
                found,
                wanted: fingerprint,
            });
        }
        let root = Certificate::from_der(Document::Root, der)?;
        if root.key() == Self::intel().root.key() {
            return Err(Error::GenuineRoot);
        }
        root.check_ca(1)?;
        root.check_issuer(&root)?;
        Ok(Self {
            root,
            prefix: "SIMULATED SGX ",
            simulated: Some(fingerprint),
        })
    }

    /// The anchor to verify evidence under: one of these simulated roots, if the collateral's own chain ends
    /// at it, and Intel's otherwise. Only the list counts, which has to come from whoever trusts; the
    /// collateral brings no more than the bytes of what is on it.
    ///
    /// # Errors
    ///
    /// As [`TrustAnchor::simulated`], of a root that is on the list.
    pub fn among(simulated: &[Fingerprint], collateral: &Collateral) -> Result<Self, Error> {
        let root = collateral.claimed_root();
        let known = root.and_then(|root| {
            let found = Fingerprint::of(&root);
            simulated.contains(&found).then_some((root, found))
        });
        match known {
            Some((root, fingerprint)) => Self::simulated(&root, fingerprint),
            None => Ok(Self::intel()),
        }
    }

    /// The fingerprint of a simulated root. `None`: it is Intel's.
    #[must_use]
    pub const fn simulated_fingerprint(&self) -> Option<Fingerprint> {
        self.simulated
    }

    /// The root's certificate as DER.
    #[must_use]
    pub fn root_der(&self) -> &[u8] {
        self.root.der()
    }

    /// The root's certificate.
    #[must_use]
    pub const fn root(&self) -> &Certificate {
        &self.root
    }

    /// What the common names of the certificates below begin with.
    pub(crate) const fn prefix(&self) -> &'static str {
        self.prefix
    }
}

impl Collateral {
    /// The certificate (DER) that its chain of the platforms' CA ends at, if there is such a chain: nothing
    /// of it is verified.
    #[must_use]
    pub fn claimed_root(&self) -> Option<Vec<u8>> {
        let chain = Chain::pck_ca(self.pck_crl_issuer_chain.as_bytes()).ok()?;
        chain.certificates().last().cloned()
    }
}

/// SHA-256 of a simulated root's DER. Its text is `sim:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint of a simulated root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the fingerprint of a simulated root, which is sim: and 64 lower-case hexadecimal digits"
)]
pub struct NotAFingerprint;

impl Fingerprint {
    const KIND: &'static str = "sim:";

    /// Of a root's DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(bytes)
    }

    /// From the bytes of the digest.
    #[must_use]
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::KIND)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let digits = text.strip_prefix(Self::KIND).ok_or(NotAFingerprint)?;
        if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return Err(NotAFingerprint);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotAFingerprint)?;
        Ok(Self(bytes))
    }
}
