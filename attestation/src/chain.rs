//! From the trust anchor down: who may sign what.
//!
//! ```text
//! root ──┬── PCK Processor CA ┬── PCK (a platform) ── report of the quoting enclave
//!        │   PCK Platform CA  └── PCK revocation list
//!        ├── TCB Signing ── TCB info, identity of the quoting enclave
//!        └── root CA revocation list
//! ```
//!
//! Each of the types here is made by the check of what it stands for, and by nothing else. Revocation and
//! time are asked afterwards: a refusal names the first stage that fails, and they come later.

use alloc::borrow::ToOwned as _;
use alloc::string::ToString as _;

use crate::x509::{Certificate, Chain, Document, Error, PublicKey, Result, RevocationList};
use crate::{Time, TrustAnchor, pck};

/// The root's revocation list, signed by it.
#[derive(Debug, Clone)]
pub struct RootCrl(RevocationList);

/// A CA of platforms' certificates, certified by the root.
#[derive(Debug, Clone)]
pub struct PckCa {
    certificate: Certificate,
}

/// The revocation list of a [`PckCa`], signed by it.
#[derive(Debug, Clone)]
pub struct PckCrl(RevocationList);

/// The signer of TCB info and identities, certified by the root itself.
#[derive(Debug, Clone)]
pub struct TcbSigner(Certificate);

/// A platform, certified by a [`PckCa`].
#[derive(Debug, Clone)]
pub struct Pck {
    certificate: Certificate,
    extension: pck::Extension,
    /// The CA's certificate of the quote, if it is another one for the same key.
    ca: Option<Certificate>,
}

impl TrustAnchor {
    /// The list of what this root revoked.
    ///
    /// # Errors
    ///
    /// [`Error::Issuer`] and [`Error::Signature`].
    pub fn root_crl(&self, list: RevocationList) -> Result<RootCrl> {
        list.check_issuer(self.root())?;
        Ok(RootCrl(list))
    }

    /// The CA of platforms' certificates that a chain from the collateral leads to.
    ///
    /// # Errors
    ///
    /// Of [`Error`]: `Length`, `NotTheAnchor`, `Form`, `Role`, `Name`, `Issuer`, `Signature`.
    pub fn pck_ca(&self, chain: &Chain) -> Result<PckCa> {
        let [ca] = self.below(chain, Document::PckCa)?;
        self.check_pck_ca(ca)
            .map(|certificate| PckCa { certificate })
    }

    /// The TCB signer that a chain from the collateral leads to.
    ///
    /// # Errors
    ///
    /// Of [`Error`]: `Length`, `NotTheAnchor`, `Form`, `Role`, `Name`, `Issuer`, `Signature`.
    pub fn tcb_signer(&self, chain: &Chain) -> Result<TcbSigner> {
        let [leaf] = self.below(chain, Document::TcbSigning)?;
        let leaf = Certificate::from_der(Document::TcbSigning, leaf)?;
        leaf.check_leaf()?;
        leaf.check_no_platform()?;
        leaf.check_name(self.prefix(), "TCB Signing")?;
        leaf.check_issuer(self.root())?;
        Ok(TcbSigner(leaf))
    }

    /// The platform that the chain of a quote leads to. Its CA has to be `ca`, whose revocation list
    /// is known: another certificate of that CA's for the same key will do, if the root signed that too.
    ///
    /// # Errors
    ///
    /// Of [`Error`]: `Length`, `NotTheAnchor`, `Form`, `Role`, `Name`, `Issuer`, `Signature` and
    /// `OtherCa`.
    pub fn pck(&self, chain: &Chain, ca: &PckCa) -> Result<Pck> {
        let [leaf, issuer] = self.below(chain, Document::Pck)?;
        let leaf = Certificate::from_der(Document::Pck, leaf)?;
        leaf.check_leaf()?;
        leaf.check_name(self.prefix(), "PCK Certificate")?;
        let extension = leaf.platform()?;
        let other = if issuer == ca.certificate.der() {
            None
        } else {
            Some(self.check_pck_ca(issuer)?)
        };
        leaf.check_issuer(other.as_ref().unwrap_or(&ca.certificate))?;
        if let Some(other) = &other {
            ca.check_same(other)?;
        }
        Ok(Pck {
            certificate: leaf,
            extension,
            ca: other,
        })
    }

    /// The certificates of a chain below its root, which has to be this one.
    fn below<'c, const N: usize>(
        &self,
        chain: &'c Chain,
        document: Document,
    ) -> Result<[&'c [u8]; N]> {
        let length = || Error::Length {
            document,
            found: chain.certificates().len(),
            wanted: N + 1,
        };
        let (root, below) = chain.certificates().split_last().ok_or_else(length)?;
        if below.len() != N {
            return Err(length());
        }
        if root != self.root().der() {
            return Err(Error::NotTheAnchor { document });
        }
        let mut found: [&[u8]; N] = [&[]; N];
        found
            .iter_mut()
            .zip(below)
            .for_each(|(found, one)| *found = one);
        Ok(found)
    }

    fn check_pck_ca(&self, der: &[u8]) -> Result<Certificate> {
        let ca = Certificate::from_der(Document::PckCa, der)?;
        ca.check_ca(0)?;
        if let Err(error) = ca.check_name(self.prefix(), "PCK Platform CA") {
            ca.check_name(self.prefix(), "PCK Processor CA")
                .map_err(|_| error)?;
        }
        ca.check_issuer(self.root())?;
        Ok(ca)
    }
}

impl RootCrl {
    /// That neither the root nor these certificates, which it issued, are in the list.
    ///
    /// # Errors
    ///
    /// [`Error::Revoked`].
    pub fn check(&self, anchor: &TrustAnchor, ca: &PckCa, signers: &[&TcbSigner]) -> Result<()> {
        self.0.check(anchor.root())?;
        self.0.check(&ca.certificate)?;
        signers
            .iter()
            .try_for_each(|signer| self.0.check(&signer.0))
    }

    /// The list.
    #[must_use]
    pub const fn list(&self) -> &RevocationList {
        &self.0
    }
}

impl PckCa {
    /// The list of what this CA revoked.
    ///
    /// # Errors
    ///
    /// [`Error::Issuer`] and [`Error::Signature`].
    pub fn crl(&self, list: RevocationList) -> Result<PckCrl> {
        list.check_issuer(&self.certificate)?;
        Ok(PckCrl(list))
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// That another certificate is of the same CA: its name and its key.
    fn check_same(&self, other: &Certificate) -> Result<()> {
        let own = &self.certificate;
        if own.subject() == other.subject() && own.key() == other.key() {
            return Ok(());
        }
        Err(Error::OtherCa {
            found: other.common_name().to_owned(),
            wanted: own.common_name().to_string(),
        })
    }
}

impl PckCrl {
    /// The list.
    #[must_use]
    pub const fn list(&self) -> &RevocationList {
        &self.0
    }
}

impl TcbSigner {
    /// Whether `signature` (r and s, big-endian) is this signer's of `document`.
    #[must_use]
    pub fn signed(&self, document: &[u8], signature: &[u8; 64]) -> bool {
        self.0.key().verifies(document, signature)
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.0
    }
}

impl Pck {
    /// That neither its certificate nor the quote's certificate of its CA is revoked.
    ///
    /// # Errors
    ///
    /// [`Error::Revoked`].
    pub fn check_revoked(&self, root: &RootCrl, pck: &PckCrl) -> Result<()> {
        if let Some(ca) = &self.ca {
            root.0.check(ca)?;
        }
        pck.0.check(&self.certificate)
    }

    /// That its certificate, and the quote's certificate of its CA, are in force.
    ///
    /// # Errors
    ///
    /// [`Error::NotYet`] and [`Error::Expired`].
    pub fn check_time(&self, now: Time) -> Result<()> {
        if let Some(ca) = &self.ca {
            ca.check_time(now)?;
        }
        self.certificate.check_time(now)
    }

    /// The last second in which both are in force.
    #[must_use]
    pub fn until(&self) -> Time {
        let own = self.certificate.until();
        self.ca.as_ref().map_or(own, |ca| own.min(ca.until()))
    }

    /// The key that the platform signs reports of its quoting enclave with.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        self.certificate.key()
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What the certificate says of the platform.
    #[must_use]
    pub const fn extension(&self) -> &pck::Extension {
        &self.extension
    }
}
