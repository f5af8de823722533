//! Names of subjects and issuers.

use core::ops::Range;

use der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use der::{Reader as _, Tag};

use super::read::number;
use super::{Fault, Read, inside};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// What else stands in names of this PKI: country, locality, state, organisation.
const OTHERS: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("2.5.4.6"),
    ObjectIdentifier::new_unwrap("2.5.4.7"),
    ObjectIdentifier::new_unwrap("2.5.4.8"),
    ObjectIdentifier::new_unwrap("2.5.4.10"),
];

/// Where a name stands in a document.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// All of it, encoded. Names are compared by these bytes.
    pub(super) all: Range<usize>,
    /// The text of its common name.
    pub(super) common: Range<usize>,
}

impl Name {
    /// One common name and at most one of each of the others, each an RDN of its own.
    pub(super) fn read(reader: &mut Read<'_>) -> Result<Self, Fault> {
        let from = number(reader.position());
        let mut common = None;
        let mut seen = [false; OTHERS.len()];
        inside(reader, Tag::Sequence, |rdns| {
            while !rdns.is_finished() {
                let (kind, text) = attribute(rdns)?;
                let first = if kind == COMMON_NAME {
                    common.replace(text).is_none()
                } else {
                    let known = OTHERS.iter().position(|other| *other == kind);
                    let known =
                        known.ok_or_else(|| Fault::at(rdns, "an unknown part of a name"))?;
                    !core::mem::replace(&mut seen[known], true)
                };
                if !first {
                    return Err(Fault::at(rdns, "a part of a name that it has already"));
                }
            }
            Ok(())
        })?;
        let common = common.ok_or_else(|| Fault::at(reader, "a name without a common name"))?;
        let all = from..number(reader.position());
        Ok(Self { all, common })
    }
}

/// An RDN of one attribute, and where its text stands.
fn attribute(reader: &mut Read<'_>) -> Result<(ObjectIdentifier, Range<usize>), Fault> {
    inside(reader, Tag::Set, |set| {
        inside(set, Tag::Sequence, |attribute| {
            let kind = attribute.decode()?;
            let length = match Tag::peek(attribute)? {
                Tag::PrintableString => {
                    attribute.decode::<PrintableStringRef<'_>>()?.as_str().len()
                }
                _ => attribute.decode::<Utf8StringRef<'_>>()?.as_str().len(),
            };
            let until = number(attribute.position());
            Ok((kind, until.saturating_sub(length)..until))
        })
    })
}
