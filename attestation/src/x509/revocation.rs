//! Revocation lists.

use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use der::asn1::UintRef;
use der::{Reader as _, Tag, TagNumber};

use super::certificate::Signed;
use super::extensions::{of_entry, of_list};
use super::name::Name;
use super::time::{Validity, time};
use super::{Certificate, Document, Error, Fault, Read, Result, Serial, inside};
use crate::Time;

/// A complete list of what one CA has revoked (RFC 5280, 5), in its form. Partial lists, and lists of
/// what others issued, are refused.
#[derive(Clone)]
pub struct RevocationList {
    document: Document,
    der: Vec<u8>,
    content: Content,
    signed: Signed,
}

impl RevocationList {
    /// Bytes of the longest: of some hundred thousand certificates.
    pub const MAX_SIZE: usize = 4 << 20;

    /// Reads a list that is to be used as `document`.
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

    /// The time of its issue.
    #[must_use]
    pub const fn from(&self) -> Time {
        self.content.validity.from
    }

    /// The last second in which it may be used: that of the next list, which it must name.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.content.validity.until
    }

    /// How many certificates it revokes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.content.revoked.len()
    }

    /// Whether it revokes none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.content.revoked.is_empty()
    }

    /// Whether it may be used at a time.
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
    pub fn check_issuer(&self, issuer: &Certificate) -> Result<()> {
        self.signed.check(
            self.document,
            &self.der,
            (&self.content.issuer.all, &self.content.authority_key),
            issuer,
        )
    }

    /// That it does not hold a certificate of its issuer. That both have one issuer is the caller's
    /// to know.
    ///
    /// # Errors
    ///
    /// [`Error::Revoked`].
    pub(crate) fn check(&self, certificate: &Certificate) -> Result<()> {
        let serial = certificate.serial();
        match self.content.revoked.binary_search(&serial) {
            Err(_) => Ok(()),
            Ok(_) => Err(Error::Revoked {
                document: certificate.document(),
                serial,
                list: self.document,
            }),
        }
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} revoked", self.document, self.len())
    }
}

/// What is signed.
#[derive(Debug, Clone)]
struct Content {
    issuer: Name,
    validity: Validity,
    /// In order.
    revoked: Vec<Serial>,
    authority_key: Option<Range<usize>>,
}

impl Content {
    fn read(reader: &mut Read<'_>) -> core::result::Result<Self, Fault> {
        if reader.decode::<u8>()? != 1 {
            return Err(Fault::at(reader, "a list of another version than 2"));
        }
        Signed::read_algorithm(reader)?;
        let issuer = Name::read(reader)?;
        let validity = Validity::read(reader)?;
        let revoked = match Tag::peek(reader)? {
            Tag::Sequence => inside(reader, Tag::Sequence, entries)?,
            _ => Vec::new(),
        };
        let explicit = Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(0),
        };
        let authority_key = inside(reader, explicit, of_list)?;
        Ok(Self {
            issuer,
            validity,
            revoked,
            authority_key,
        })
    }
}

/// The numbers of what is revoked: at least one, and none twice. When and why is read over: a
/// certificate in the list is revoked.
fn entries(reader: &mut Read<'_>) -> core::result::Result<Vec<Serial>, Fault> {
    let mut revoked = Vec::new();
    loop {
        let serial = inside(reader, Tag::Sequence, |entry| {
            let serial = Serial::from_integer(entry.decode::<UintRef<'_>>()?)
                .ok_or_else(|| Fault::at(entry, "a serial number that is zero or over 20 bytes"))?;
            time(entry)?;
            if !entry.is_finished() {
                of_entry(entry)?;
            }
            Ok(serial)
        })?;
        revoked.push(serial);
        if reader.is_finished() {
            break;
        }
    }
    revoked.sort_unstable();
    if revoked.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::at(reader, "a certificate is revoked twice"));
    }
    Ok(revoked)
}
