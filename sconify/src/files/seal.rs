//! Encryption of files, and the tag of a manifest.
//!
//! Every key comes from the file system key, K, by HKDF-SHA256 (RFC 5869; salt `sconce/v1/files`). The
//! info is a label, 00, and its parts, each behind its length as u32, big-endian:
//!
//! ```text
//! region key   from K           "region"    path of the region
//! content id   from region key  "content"   path, root over the plain chunks     (in the manifest)
//! file key     from region key  "file"      path, content id
//! key check    from K           "check"                                          (in the manifest)
//! tag key      from K           "tag"       digest of the manifest
//! ```
//!
//! A chunk is sealed with AES-256-GCM: nonce = its number as u64, little-endian, and four zero bytes;
//! additional data = path ‖ number as u64 ‖ number of chunks as u64, little-endian. A file key belongs to
//! one content at one place, so that no nonce is ever used for two texts; and the same content under the
//! same key gives the same bytes, which is what makes a build with a key reproducible.
//!
//! What a file holds is found to be right without any key: the manifest has the root over its sealed
//! chunks. It has no digest of the plain content, with which a guess of that could be confirmed.

use std::fmt;
use std::str::FromStr;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::format::{ContentId, KeyCheck, ManifestDigest};
use super::merkle::Root;
use super::path::FilePath;

/// Bytes that sealing adds to a chunk.
pub const TAG: usize = 16;

const SALT: &[u8] = b"sconce/v1/files";

/// The file system key: whoever has it can read what is encrypted.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FsKey([u8; 32]);

/// The key of one region.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RegionKey([u8; 32]);

/// Seals and opens the chunks of one file.
pub struct FileKey {
    key: LessSafeKey,
    path: FilePath,
    chunks: u64,
}

/// The AES-GCM tag of a manifest: who has the key can tell with it that the manifest is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestTag(pub [u8; TAG]);

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file system key is 64 hex digits")]
pub struct NotAKey;

/// The system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bytes")]
pub struct NoEntropy;

/// A chunk that was not sealed with this key, for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSealedSo;

impl FsKey {
    /// A new one.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`].
    pub fn fresh() -> Result<Self, NoEntropy> {
        let mut key = Self([0; 32]);
        SystemRandom::new()
            .fill(&mut key.0)
            .map_err(|_| NoEntropy)?;
        Ok(key)
    }

    /// Its 64 hex digits, to be shown to its owner.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// What a manifest says of the key.
    #[must_use]
    pub fn check(&self) -> KeyCheck {
        KeyCheck(derive(&self.0, "check", &[]))
    }

    /// Whether a manifest was made with this key.
    #[must_use]
    pub fn fits(&self, check: KeyCheck) -> bool {
        self.check().0.ct_eq(&check.0).into()
    }

    /// The key of the region at `path`.
    #[must_use]
    pub fn region(&self, path: &FilePath) -> RegionKey {
        RegionKey(derive(&self.0, "region", &[path.as_str().as_bytes()]))
    }

    /// The tag of a manifest: over nothing, with its bytes as additional data, under a key that belongs
    /// to these bytes alone.
    #[must_use]
    pub fn tag(&self, manifest: &[u8]) -> ManifestTag {
        let digest = ManifestDigest::of(manifest);
        let key = cipher(derive(&self.0, "tag", &[&digest.0]));
        ManifestTag(seal(&key, [0; 12], manifest, &mut []))
    }
}

impl RegionKey {
    /// What stands in the manifest for the content of the file at `path` whose plain chunks have this
    /// root.
    #[must_use]
    pub fn content_id(&self, path: &FilePath, plain: Root) -> ContentId {
        let parts = [path.as_str().as_bytes(), &plain.0];
        ContentId(derive(&self.0, "content", &parts))
    }

    /// The key of the file at `path` with that content and number of chunks.
    #[must_use]
    pub fn file(&self, path: &FilePath, id: ContentId, chunks: u64) -> FileKey {
        let parts = [path.as_str().as_bytes(), &id.0];
        FileKey {
            key: cipher(derive(&self.0, "file", &parts)),
            path: path.clone(),
            chunks,
        }
    }
}

impl FileKey {
    /// Encrypts chunk `number` where it is, and appends its tag.
    pub fn seal(&self, number: u64, chunk: &mut Vec<u8>) {
        let tag = seal(&self.key, nonce(number), &self.place(number), chunk);
        chunk.extend(tag);
    }

    /// Decrypts chunk `number` where it is.
    ///
    /// # Errors
    ///
    /// If it was not sealed with this key, for this place.
    pub fn open<'a>(&self, number: u64, chunk: &'a mut [u8]) -> Result<&'a [u8], NotSealedSo> {
        let nonce = Nonce::assume_unique_for_key(nonce(number));
        let place = Aad::from(self.place(number));
        let opened = self.key.open_in_place(nonce, place, chunk);
        opened.map(|plain| &*plain).map_err(|_| NotSealedSo)
    }

    fn place(&self, number: u64) -> Vec<u8> {
        let path = self.path.as_str().as_bytes();
        [path, &number.to_le_bytes(), &self.chunks.to_le_bytes()].concat()
    }
}

impl FromStr for FsKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut key = Self([0; 32]);
        hex::decode_to_slice(text, &mut key.0).map_err(|_| NotAKey)?;
        Ok(key)
    }
}

impl fmt::Display for ManifestTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    nonce
}

#[expect(
    clippy::expect_used,
    reason = "a chunk and a manifest are far below AES-GCM's 64 GiB"
)]
fn seal(key: &LessSafeKey, nonce: [u8; 12], additional: &[u8], text: &mut [u8]) -> [u8; TAG] {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(additional), text)
        .expect("short enough");
    let mut bytes = [0; TAG];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[expect(clippy::expect_used, reason = "32 bytes are the length of such a key")]
fn cipher(key: [u8; 32]) -> LessSafeKey {
    let key = Zeroizing::new(key);
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key[..]).expect("32 bytes"))
}

#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8160 bytes")]
fn derive<const N: usize>(secret: &[u8; 32], label: &str, parts: &[&[u8]]) -> [u8; N] {
    let mut info = [label.as_bytes(), &[0]].concat();
    for part in parts {
        info.extend((part.len() as u32).to_be_bytes());
        info.extend(*part);
    }
    let mut derived = [0; N];
    Salt::new(HKDF_SHA256, SALT)
        .extract(secret)
        .expand(&[&info], Length(N))
        .and_then(|output| output.fill(&mut derived))
        .expect("few bytes");
    derived
}

/// How many bytes are to be derived.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> FsKey {
        FsKey([byte; 32])
    }

    fn path(text: &str) -> FilePath {
        FilePath::new(text).unwrap()
    }

    /// Where and with what a chunk is sealed.
    #[derive(Debug, Clone, PartialEq)]
    struct Place {
        key: u8,
        region: &'static str,
        path: &'static str,
        id: u8,
        chunks: u64,
        number: u64,
    }

    fn place() -> impl Strategy<Value = Place> {
        (
            0..2u8,
            prop::sample::select(&["/", "/a"][..]),
            prop::sample::select(&["/a", "/a/b"][..]),
            0..2u8,
            1..3u64,
            0..2u64,
        )
            .prop_map(|(key, region, path, id, chunks, number)| Place {
                key,
                region,
                path,
                id,
                chunks,
                number,
            })
    }

    fn file_key(place: &Place) -> FileKey {
        let region = key(place.key).region(&path(place.region));
        region.file(&path(place.path), ContentId([place.id; 32]), place.chunks)
    }

    proptest! {
        #[test]
        fn a_chunk_opens_where_it_was_sealed_and_nowhere_else(
            text in prop::collection::vec(any::<u8>(), 0..200),
            here in place(),
            there in place(),
        ) {
            let mut sealed = text.clone();
            file_key(&here).seal(here.number, &mut sealed);
            prop_assert_eq!(sealed.len(), text.len() + TAG);
            let outcome = file_key(&there).open(there.number, &mut sealed);
            if here == there {
                prop_assert_eq!(outcome, Ok(&text[..]));
            } else {
                prop_assert_eq!(outcome, Err(NotSealedSo));
            }
        }

        #[test]
        fn a_flipped_bit_is_found(
            text in prop::collection::vec(any::<u8>(), 0..100),
            at in any::<prop::sample::Index>(),
            bit in 0..8,
        ) {
            let region = key(1).region(&path("/a"));
            let file = region.file(&path("/a/b"), ContentId([3; 32]), 1);
            let mut sealed = text;
            file.seal(0, &mut sealed);
            let at = at.index(sealed.len());
            sealed[at] ^= 1u8 << bit;
            prop_assert_eq!(file.open(0, &mut sealed), Err(NotSealedSo));
        }
    }

    #[test]
    fn a_content_id_tells_content_and_place() {
        let region = key(1).region(&path("/a"));
        let id = region.content_id(&path("/a/b"), Root([7; 32]));
        assert_eq!(id, region.content_id(&path("/a/b"), Root([7; 32])));
        assert_ne!(id, region.content_id(&path("/a/b"), Root([8; 32])));
        assert_ne!(id, region.content_id(&path("/a/c"), Root([7; 32])));
        let other = key(2).region(&path("/a"));
        assert_ne!(id, other.content_id(&path("/a/b"), Root([7; 32])));
    }

    /// Computed by another program: HKDF and AES-GCM of Python's `cryptography`.
    #[test]
    fn what_is_derived_stays_as_it_is() {
        let key: FsKey = "42".repeat(32).parse().unwrap();
        let region = key.region(&path("/app"));
        let id = region.content_id(&path("/app/f"), Root([7; 32]));
        let mut sealed = b"text".to_vec();
        region.file(&path("/app/f"), id, 1).seal(0, &mut sealed);
        let digests = [
            hex::encode(key.check().0),
            hex::encode(id.0),
            hex::encode(sealed),
            key.tag(b"manifest").to_string(),
        ];
        let expected = [
            "07c66b19c30d4442a9674a016d401f1f",
            "4f9c0b443b6b19843e9e9df5dfa98c936e2729f569ac4d64538495b17b3302ba",
            "2778707ec95b274a122cb2cca398c3adcfb9cb6a",
            "161e0012a0e7b9476754408a009f90a7",
        ];
        assert_eq!(digests, expected);
    }

    #[test]
    fn keys_are_told_apart() {
        assert!(key(1).fits(key(1).check()));
        assert!(!key(1).fits(key(2).check()));
        assert!("4".repeat(63).parse::<FsKey>().is_err());
        assert_eq!(*key(0x42).reveal(), "42".repeat(32));
        let two = [FsKey::fresh().unwrap(), FsKey::fresh().unwrap()];
        assert_ne!(two[0].check(), two[1].check());
    }
}
