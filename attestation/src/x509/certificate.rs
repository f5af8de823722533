//! Certificates.

use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use der::asn1::UintRef;
use der::{Reader as _, Tag, TagNumber};

use super::extensions::OfCertificate;
use super::name::Name;
use super::read::number;
use super::time::Validity;
use super::{Document, Error, Fault, PublicKey, Read, Result, Serial, all, inside};
use crate::{Time, pck};

/// A certificate in its form (RFC 5280). Whose it is and what it may do is not said by that.
#[derive(Clone)]
pub struct Certificate {
    document: Document,
    der: Vec<u8>,
    content: Content,
    signed: Signed,
}

impl Certificate {
    /// Bytes of the longest; those of a platform have 1.2 kB.
    pub const MAX_SIZE: usize = 16 << 10;

    /// Reads a certificate that is to be used as `document`.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] and [`Error::Size`].
    pub fn from_der(document: Document, der: &[u8]) -> Result<Self> {
        super::check_size(document, der, Self::MAX_SIZE)?;
        let (content, signed) =
            Signed::read(der, Content::read).map_err(|fault| fault.of(document))?;
        Ok(Self {
            document,
            der: der.to_owned(),
            content,
            signed,
        })
    }

    /// What it is to be used as.
    #[must_use]
    pub const fn document(&self) -> Document {
        self.document
    }

    /// The bytes that it was read from.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its number at its CA.
    #[must_use]
    pub const fn serial(&self) -> Serial {
        self.content.serial
    }

    /// The common name of its subject.
    #[must_use]
    pub fn common_name(&self) -> &str {
        // It was read as a text of ASCII or UTF-8.
        core::str::from_utf8(&self.der[self.content.subject.common.clone()]).unwrap_or_default()
    }

    /// The subject's name, encoded.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        &self.der[self.content.subject.all.clone()]
    }

    /// The issuer's name, encoded.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.der[self.content.issuer.all.clone()]
    }

    /// The subject's key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.content.key
    }

    /// The first second of its validity.
    #[must_use]
    pub const fn from(&self) -> Time {
        self.content.validity.from
    }

    /// The last second of its validity.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.content.validity.until
    }

    /// Whether it is in force at a time.
    ///
    /// # Errors
    ///
    /// [`Error::NotYet`] and [`Error::Expired`].
    pub fn check_time(&self, now: Time) -> Result<()> {
        self.content.validity.check(self.document, now)
    }

    /// Whether the subject of `issuer` issued it: names, key identifiers (where both have one) and the
    /// signature.
    ///
    /// # Errors
    ///
    /// [`Error::Issuer`] and [`Error::Signature`].
    pub fn check_issuer(&self, issuer: &Self) -> Result<()> {
        self.signed.check(
            self.document,
            &self.der,
            (
                &self.content.issuer.all,
                &self.content.extensions.authority_key,
            ),
            issuer,
        )
    }

    /// That it is a CA's, for certificates and revocation lists, with at least so many CAs below it.
    ///
    /// # Errors
    ///
    /// [`Error::Role`].
    pub(crate) fn check_ca(&self, below: u8) -> Result<()> {
        let OfCertificate {
            constraints,
            usage,
            platform,
            ..
        } = &self.content.extensions;
        if !constraints.is_some_and(|constraints| constraints.ca) {
            return Err(self.breaks("it is not a CA's (basic constraints)"));
        }
        if constraints.is_some_and(|constraints| constraints.path.is_some_and(|path| path < below))
        {
            return Err(self.breaks("its path length leaves no room for the CA below it"));
        }
        if !usage.is_some_and(|usage| usage.signs_certificates && usage.signs_lists) {
            return Err(self.breaks("it is not for signing certificates and lists (key usage)"));
        }
        if platform.is_some() {
            return Err(self.breaks("it has a platform's extension, and is none's"));
        }
        Ok(())
    }

    /// That it is no CA's, but that of a key that signs data.
    ///
    /// # Errors
    ///
    /// [`Error::Role`].
    pub(crate) fn check_leaf(&self) -> Result<()> {
        let OfCertificate {
            constraints, usage, ..
        } = &self.content.extensions;
        if constraints.is_none_or(|constraints| constraints.ca) {
            return Err(self.breaks("it is a CA's, or does not say that it is none"));
        }
        if !usage.is_some_and(|usage| usage.signs_data) {
            return Err(self.breaks("it is not for signing data (key usage)"));
        }
        if usage.is_some_and(|usage| usage.signs_certificates || usage.signs_lists) {
            return Err(self.breaks("it is for signing certificates or lists, and no CA's"));
        }
        Ok(())
    }

    /// That its common name is this.
    ///
    /// # Errors
    ///
    /// [`Error::Name`].
    pub(crate) fn check_name(&self, prefix: &str, rest: &str) -> Result<()> {
        let found = self.common_name();
        if found.strip_prefix(prefix) == Some(rest) {
            return Ok(());
        }
        Err(Error::Name {
            document: self.document,
            found: found.to_owned(),
            wanted: alloc::format!("{prefix}{rest}"),
        })
    }

    /// What it says of a platform.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] if it says nothing, [`Error::Form`] if not in its form.
    pub fn platform(&self) -> Result<pck::Extension> {
        let at = self.content.extensions.platform.clone();
        let at = at.ok_or_else(|| self.breaks("it says nothing of a platform"))?;
        let begin = at.start;
        pck::Extension::read(&self.der[at]).map_err(|fault| fault.later(begin).of(self.document))
    }

    /// That it says nothing of a platform.
    ///
    /// # Errors
    ///
    /// [`Error::Role`].
    pub(crate) fn check_no_platform(&self) -> Result<()> {
        match self.content.extensions.platform {
            None => Ok(()),
            Some(_) => Err(self.breaks("it has a platform's extension, and is none's")),
        }
    }

    pub(super) fn subject_key(&self) -> Option<&[u8]> {
        let at = self.content.extensions.subject_key.clone()?;
        Some(&self.der[at])
    }

    const fn breaks(&self, rule: &'static str) -> Error {
        Error::Role {
            document: self.document,
            rule,
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {:?}, number {}",
            self.document,
            self.common_name(),
            self.serial()
        )
    }
}

/// Where a document's signed bytes stand, and their signature.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    message: Range<usize>,
    signature: Range<usize>,
}

impl Signed {
    /// The algorithm of every signature: ECDSA with SHA-256, encoded (RFC 5758, 3.2).
    const ALGORITHM: &'static [u8] = &[
        0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
    ];

    /// A sequence of what is signed, the algorithm and the signature.
    pub(super) fn read<T>(
        der: &[u8],
        content: impl FnOnce(&mut Read<'_>) -> core::result::Result<T, Fault>,
    ) -> core::result::Result<(T, Self), Fault> {
        all(der, |reader| {
            inside(reader, Tag::Sequence, |parts| {
                let from = number(parts.position());
                let content = inside(parts, Tag::Sequence, content)?;
                let message = from..number(parts.position());
                Self::read_algorithm(parts)?;
                let signature = inside(parts, Tag::BitString, |bits| {
                    if bits.read_byte()? != 0 {
                        return Err(Fault::at(bits, "a signature that is not of whole bytes"));
                    }
                    let from = number(bits.position());
                    bits.read_slice(bits.remaining_len())?;
                    Ok(from..number(bits.position()))
                })?;
                Ok((content, Self { message, signature }))
            })
        })
    }

    /// The algorithm, as it stands both inside and outside of what is signed.
    pub(super) fn read_algorithm(reader: &mut Read<'_>) -> core::result::Result<(), Fault> {
        if reader.tlv_bytes()? != Self::ALGORITHM {
            return Err(Fault::at(
                reader,
                "signed otherwise than by ECDSA with SHA-256",
            ));
        }
        Ok(())
    }

    /// Checks names, key identifiers and signature of a document against its issuer.
    pub(super) fn check(
        &self,
        document: Document,
        der: &[u8],
        (name, key): (&Range<usize>, &Option<Range<usize>>),
        issuer: &Certificate,
    ) -> Result<()> {
        let other_key = match (key, issuer.subject_key()) {
            (Some(key), Some(issuers)) => der[key.clone()] != *issuers,
            _ => false,
        };
        if other_key || der[name.clone()] != *issuer.subject() {
            return Err(Error::Issuer {
                document,
                issuer: issuer.document,
            });
        }
        let (message, signature) = (&der[self.message.clone()], &der[self.signature.clone()]);
        if !issuer.key().verifies_der(message, signature) {
            return Err(Error::Signature {
                document,
                issuer: issuer.document,
            });
        }
        Ok(())
    }
}

/// What is signed.
#[derive(Debug, Clone)]
struct Content {
    serial: Serial,
    issuer: Name,
    validity: Validity,
    subject: Name,
    key: PublicKey,
    extensions: OfCertificate,
}

impl Content {
    fn read(reader: &mut Read<'_>) -> core::result::Result<Self, Fault> {
        let explicit = |number| Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(number),
        };
        let version = inside(reader, explicit(0), |version| Ok(version.decode::<u8>()?))?;
        if version != 2 {
            return Err(Fault::at(reader, "a certificate of another version than 3"));
        }
        let serial = Serial::from_integer(reader.decode::<UintRef<'_>>()?)
            .ok_or_else(|| Fault::at(reader, "a serial number that is zero or over 20 bytes"))?;
        Signed::read_algorithm(reader)?;
        let issuer = Name::read(reader)?;
        let validity = inside(reader, Tag::Sequence, Validity::read)?;
        let subject = Name::read(reader)?;
        let key = key(reader)?;
        let extensions = inside(reader, explicit(3), OfCertificate::read)?;
        Ok(Self {
            serial,
            issuer,
            validity,
            subject,
            key,
            extensions,
        })
    }
}

/// A subject's key on P-256, its point uncompressed (RFC 5480, 2).
fn key(reader: &mut Read<'_>) -> core::result::Result<PublicKey, Fault> {
    /// All but the coordinates.
    const P256: [u8; 27] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    let given = reader.tlv_bytes()?;
    given
        .strip_prefix(&P256)
        .and_then(|coordinates| coordinates.try_into().ok())
        .map(PublicKey::from_coordinates)
        .ok_or_else(|| Fault::at(reader, "a key that is no uncompressed point of P-256"))
}
