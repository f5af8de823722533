//! The data key, and each record's.
//!
//! A record is sealed with AES-256-GCM under a key of its own: HKDF-SHA256 of the data key, salted with the 32
//! random bytes of its header. So the nonce can be zeros, and a commit that was cut off and written otherwise
//! never shares one. The header and the chain before it are authenticated with it.
//!
//! The data key is random. Its record holds it sealed the same way under the platform's sealing key (by signer,
//! [`tee::SealingKey`]), behind the 2 and 16 bytes of the security versions which that key is of.

use protocol::Entropy;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use ring::hkdf;
use tee::{Binding, PlatformVersion, SealingKey, Tee, Wanted};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::Error;
use super::record::{HEADER, Header, Kind, Place, Record};

/// Bytes of security versions before a sealed data key.
const VERSIONS: usize = 18;
/// Bytes behind what is sealed.
const TAG: usize = 16;
/// Bytes of the record of a data key.
pub(super) const KEY_RECORD: usize = HEADER + VERSIONS + 32 + TAG;

/// What a journal's records are sealed with, until a later version of the program takes another.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct DataKey([u8; 32]);

impl DataKey {
    /// A new key, and its record for this place.
    pub(super) fn make(
        tee: &dyn Tee,
        svn: u16,
        entropy: &dyn Entropy,
        place: &Place,
    ) -> Result<(Self, Vec<u8>), Error> {
        let sealing = tee.sealing_key(&Wanted {
            bound_to: Binding::Signer,
            svn,
            platform: PlatformVersion::Present,
        })?;
        let mut key = Self([0; 32]);
        entropy.fill(&mut key.0).map_err(|_| Error::Entropy)?;
        let versions = [&svn.to_be_bytes()[..], &sealing.platform()].concat();
        let master = sealing.expose();
        let record = seal(master, Kind::Key, place, &versions, &key.0, entropy)?;
        Ok((key, record))
    }

    /// The key of a record, for the program of this version.
    pub(super) fn unseal(
        tee: &dyn Tee,
        svn: u16,
        place: &Place,
        record: &Record,
    ) -> Result<(Self, Versions), Error> {
        let versions = Versions::of(record).ok_or_else(|| short(place))?;
        if versions.svn > svn {
            return Err(Error::Newer {
                journal: versions.svn,
                own: svn,
            });
        }
        let sealing: SealingKey = tee.sealing_key(&Wanted {
            bound_to: Binding::Signer,
            svn: versions.svn,
            platform: PlatformVersion::At(versions.platform),
        })?;
        let opened = open(sealing.expose(), place, record, VERSIONS).map_err(|_| {
            Error::Foreign("this platform, or this signer's vault, has not sealed its data key")
        })?;
        let key = opened.as_slice().try_into().map_err(|_| short(place))?;
        Ok((Self(key), versions))
    }

    /// The record that holds this.
    pub(super) fn seal(
        &self,
        kind: Kind,
        place: &Place,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        seal(&self.0, kind, place, &[], plain, entropy)
    }

    /// What a record holds.
    pub(super) fn open(&self, place: &Place, record: &Record) -> Result<Zeroizing<Vec<u8>>, Error> {
        open(&self.0, place, record, 0)
    }
}

/// Which security versions a data key was sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) svn: u16,
    pub(super) platform: [u8; 16],
}

impl Versions {
    fn of(record: &Record) -> Option<Self> {
        let (svn, rest) = record.body().split_first_chunk()?;
        Some(Self {
            svn: u16::from_be_bytes(*svn),
            platform: *rest.first_chunk()?,
        })
    }
}

fn short(place: &Place) -> Error {
    Error::Damaged {
        offset: place.offset,
        what: "is too short for a data key",
    }
}

/// A record: header, what is not sealed, what is, tag.
fn seal(
    master: &[u8; 32],
    kind: Kind,
    place: &Place,
    before: &[u8],
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Error> {
    let length = before.len() + plain.len() + TAG;
    let mut salt = [0; 32];
    entropy.fill(&mut salt).map_err(|_| Error::Entropy)?;
    let header = Header {
        length: u32::try_from(length).map_err(|_| Error::Long {
            bytes: length,
            limit: super::body::MAX_SNAPSHOT,
        })?,
        kind,
        number: place.number,
        salt,
    };
    let mut record = Vec::with_capacity(HEADER + length);
    record.extend(header.to_bytes());
    record.extend(before);
    let begin = record.len();
    let aad = Aad::from([&record[..], &place.before].concat());
    record.extend(plain);
    let tag: Tag = record_key(master, &salt)
        .and_then(|key| {
            let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
            key.seal_in_place_separate_tag(nonce, aad, &mut record[begin..])
        })
        .map_err(|_| Error::Entropy)?;
    record.extend(tag.as_ref());
    Ok(record)
}

/// What is sealed in a record behind so many bytes that are not.
fn open(
    master: &[u8; 32],
    place: &Place,
    record: &Record,
    before: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let damaged = || Error::Damaged {
        offset: place.offset,
        what: "is not as it was written",
    };
    let (clear, sealed) = record
        .bytes
        .split_at_checked(HEADER + before)
        .ok_or_else(damaged)?;
    let aad = Aad::from([clear, &place.before].concat());
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let plain = record_key(master, &record.header.salt)
        .and_then(|key| {
            let plain = key.open_in_place(nonce, aad, &mut bytes)?;
            Ok(plain.len())
        })
        .map_err(|_| damaged())?;
    bytes.truncate(plain);
    Ok(bytes)
}

fn record_key(master: &[u8; 32], salt: &[u8; 32]) -> Result<LessSafeKey, ring::error::Unspecified> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(master)
        .expand(&[b"sconce/v1/vault record"], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))?;
    UnboundKey::new(&AES_256_GCM, &*key).map(LessSafeKey::new)
}
