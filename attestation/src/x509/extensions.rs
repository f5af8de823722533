//! Extensions of certificates and revocation lists (RFC 5280, 4.2 and 5.2).

use alloc::vec::Vec;
use core::ops::Range;

use der::asn1::{BitStringRef, ObjectIdentifier, UintRef};
use der::{Reader as _, Tag, TagNumber};

use super::read::number;
use super::{Fault, Read, inside};

/// Extensions at most; a platform's certificate has six.
const MOST: usize = 16;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const AUTHORITY_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
/// What makes a list one of changes, of some certificates or of another CA's certificates: delta CRL indicator,
/// issuing distribution point, certificate issuer (RFC 5280, 5.2.4, 5.2.5 and 5.3.3).
const PARTIAL: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.5.29.27"),
    ObjectIdentifier::new_unwrap("2.5.29.28"),
    ObjectIdentifier::new_unwrap("2.5.29.29"),
];
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");

/// What the extensions of a certificate say.
#[derive(Debug, Clone, Default)]
pub(super) struct OfCertificate {
    pub(super) constraints: Option<Constraints>,
    pub(super) usage: Option<Usage>,
    /// Where the identifier of the subject's key stands.
    pub(super) subject_key: Option<Range<usize>>,
    /// Where the identifier of the issuer's key stands.
    pub(super) authority_key: Option<Range<usize>>,
    /// Where the content of the platform's extension stands.
    pub(super) platform: Option<Range<usize>>,
}

/// Basic constraints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constraints {
    pub(super) ca: bool,
    /// How many CAs may follow below.
    pub(super) path: Option<u8>,
}

/// Key usage, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) signs_data: bool,
    pub(super) signs_certificates: bool,
    pub(super) signs_lists: bool,
}

impl OfCertificate {
    /// The extensions of a certificate, without their explicit tag.
    pub(super) fn read(reader: &mut Read<'_>) -> Result<Self, Fault> {
        let mut found = Self::default();
        each(reader, |kind, critical, content| {
            match kind {
                BASIC_CONSTRAINTS if critical => {
                    found.constraints = Some(constraints(content)?);
                }
                KEY_USAGE if critical => found.usage = Some(usage(content)?),
                SUBJECT_KEY if !critical => {
                    found.subject_key = Some(bytes(content, Tag::OctetString)?);
                }
                AUTHORITY_KEY if !critical => found.authority_key = authority(content)?,
                crate::pck::EXTENSION if !critical => found.platform = Some(rest(content)?),
                BASIC_CONSTRAINTS | KEY_USAGE => {
                    return Err(Fault::at(
                        content,
                        "an extension that is not critical, and must be",
                    ));
                }
                _ if critical => {
                    return Err(Fault::at(
                        content,
                        "a critical extension that is not understood",
                    ));
                }
                _ => {
                    rest(content)?;
                }
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// The extensions of a revocation list, without their explicit tag: where the identifier of the issuer's
/// key stands. Partial and indirect lists are refused.
pub(super) fn of_list(reader: &mut Read<'_>) -> Result<Option<Range<usize>>, Fault> {
    let mut key = None;
    each(reader, |kind, critical, content| {
        match kind {
            _ if critical => {
                return Err(Fault::at(
                    content,
                    "a critical extension that is not understood",
                ));
            }
            _ if PARTIAL.contains(&kind) => return Err(partial(content)),
            AUTHORITY_KEY => key = authority(content)?,
            CRL_NUMBER => {
                content.decode::<UintRef<'_>>()?;
            }
            _ => {
                rest(content)?;
            }
        }
        Ok(())
    })?;
    Ok(key)
}

/// The extensions of an entry in a revocation list: any, but for critical ones.
pub(super) fn of_entry(reader: &mut Read<'_>) -> Result<(), Fault> {
    each(reader, |kind, critical, content| {
        if critical {
            return Err(Fault::at(
                content,
                "a critical extension that is not understood",
            ));
        }
        if PARTIAL.contains(&kind) {
            return Err(partial(content));
        }
        rest(content).map(|_| ())
    })
}

fn partial(content: &Read<'_>) -> Fault {
    Fault::at(content, "a partial or an indirect list")
}

/// Hands every extension to `read`: its kind, whether it is critical, its content. There is at least
/// one, and no kind twice.
fn each<'a>(
    reader: &mut Read<'a>,
    mut read: impl FnMut(ObjectIdentifier, bool, &mut Read<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut kinds = Vec::new();
    inside(reader, Tag::Sequence, |list| {
        loop {
            inside(list, Tag::Sequence, |extension| {
                let kind = extension.decode::<ObjectIdentifier>()?;
                if kinds.len() == MOST {
                    return Err(Fault::at(extension, "more extensions than anything has"));
                }
                if kinds.contains(&kind) {
                    return Err(Fault::at(extension, "an extension for the second time"));
                }
                kinds.push(kind);
                let critical = extension.decode::<Option<bool>>()?;
                if critical == Some(false) {
                    return Err(Fault::at(extension, "a default value is written out"));
                }
                inside(extension, Tag::OctetString, |content| {
                    read(kind, critical.is_some(), content)
                })
            })?;
            if list.is_finished() {
                return Ok(());
            }
        }
    })
}

fn constraints(content: &mut Read<'_>) -> Result<Constraints, Fault> {
    inside(content, Tag::Sequence, |fields| {
        let ca = fields.decode::<Option<bool>>()?;
        if ca == Some(false) {
            return Err(Fault::at(fields, "a default value is written out"));
        }
        let path = fields.decode::<Option<u8>>()?;
        if path.is_some() && ca.is_none() {
            return Err(Fault::at(fields, "a path length without a CA"));
        }
        Ok(Constraints {
            ca: ca.is_some(),
            path,
        })
    })
}

/// A list of named bits: trailing zeros are not written, and the bits that fill the last byte are zero
/// (X.690, 11.2).
fn usage(content: &mut Read<'_>) -> Result<Usage, Fault> {
    let bits = content.decode::<BitStringRef<'_>>()?;
    let last = bits.raw_bytes().last().copied().unwrap_or(0);
    if last == 0 || last.trailing_zeros() != u32::from(bits.unused_bits()) {
        return Err(Fault::at(
            content,
            "a key usage that does not end in its last use",
        ));
    }
    let bit = |position| bits.get(position).unwrap_or(false);
    Ok(Usage {
        signs_data: bit(0),
        signs_certificates: bit(5),
        signs_lists: bit(6),
    })
}

/// The authority's key identifier, if it is given by its bytes.
fn authority(content: &mut Read<'_>) -> Result<Option<Range<usize>>, Fault> {
    let key = Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(0),
    };
    inside(content, Tag::Sequence, |fields| {
        if fields.is_finished() {
            return Ok(None);
        }
        bytes(fields, key).map(Some)
    })
}

/// Where the bytes stand that an element with this tag contains.
fn bytes(reader: &mut Read<'_>, tag: Tag) -> Result<Range<usize>, Fault> {
    inside(reader, tag, rest)
}

/// Everything up to the end, unread.
fn rest(reader: &mut Read<'_>) -> Result<Range<usize>, Fault> {
    let from = number(reader.position());
    reader.read_slice(reader.remaining_len())?;
    Ok(from..number(reader.position()))
}
