//! AES-256-GCM with a 16-byte tag, in Avalon's two layouts (wire facts 4.2). Avalon's texts have no
//! associated data; what is ours alone has.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::entropy::{Entropy, EntropyFailed};

/// Bytes of a GCM tag.
pub const TAG_LEN: usize = 16;

/// A 12-byte initialisation vector.
pub type Iv = [u8; NONCE_LEN];

/// A 32-byte key: the session key of an order, or the data key of one item.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionKey([u8; 32]);

/// What an order's ciphertexts carry as initialisation vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ivs {
    /// Each ciphertext has its own in front: `iv ‖ ciphertext ‖ tag`.
    Prefixed,
    /// Every ciphertext of the order uses this one: `ciphertext ‖ tag`. This reuses a GCM nonce;
    /// Avalon's SDK can't do without (wire facts 4.2).
    Shared(Iv),
}

/// The ciphertext doesn't open under this key. There is no telling why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text does not open")]
pub struct DoesNotOpen;

impl SessionKey {
    /// The key with these bytes; `None` unless there are 32. (Shorter AES keys, which Avalon's
    /// Python worker takes, are refused.)
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// A fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyFailed> {
        Ok(Self(entropy.bytes()?))
    }

    /// The key's bytes, to be encrypted to somebody or kept by the requester.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts `plain` in the layout that `ivs` asks for, without associated data.
    pub fn seal(
        &self,
        ivs: Ivs,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyFailed> {
        self.seal_bound(ivs, &[], plain, entropy)
    }

    /// Encrypts `plain` so that it opens only beside `context`, the associated data.
    pub fn seal_bound(
        &self,
        ivs: Ivs,
        context: &[u8],
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyFailed> {
        let (iv, mut out) = match ivs {
            Ivs::Shared(iv) => (iv, Vec::with_capacity(plain.len() + TAG_LEN)),
            Ivs::Prefixed => {
                let iv: Iv = entropy.bytes()?;
                let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_LEN);
                out.extend_from_slice(&iv);
                (iv, out)
            }
        };
        let start = out.len();
        out.extend_from_slice(plain);
        // Fails only for more than 64 GiB, which no frame can hold.
        let tag = self
            .key()
            .and_then(|key| {
                key.seal_in_place_separate_tag(
                    Nonce::assume_unique_for_key(iv),
                    Aad::from(context),
                    &mut out[start..],
                )
                .ok()
            })
            .ok_or(EntropyFailed)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Decrypts a text in the layout that `ivs` names, which has no associated data. The plaintext
    /// is wiped when dropped.
    pub fn open(&self, ivs: Ivs, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        self.open_bound(ivs, &[], sealed)
    }

    /// Decrypts a text that was sealed beside `context`. The plaintext is wiped when dropped.
    pub fn open_bound(
        &self,
        ivs: Ivs,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let (iv, sealed) = match ivs {
            Ivs::Shared(iv) => (iv, sealed),
            Ivs::Prefixed => {
                let (iv, rest) = sealed.split_first_chunk().ok_or(DoesNotOpen)?;
                (*iv, rest)
            }
        };
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let length = self
            .key()
            .and_then(|key| {
                let nonce = Nonce::assume_unique_for_key(iv);
                let plain = key
                    .open_in_place(nonce, Aad::from(context), &mut buffer)
                    .ok()?;
                Some(plain.len())
            })
            .ok_or(DoesNotOpen)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    // ring's key can't be wiped, so it lives only as long as one call.
    fn key(&self) -> Option<LessSafeKey> {
        Some(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, &self.0).ok()?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::entropy::SystemEntropy;
    use super::*;

    #[test]
    fn both_layouts_round_trip_and_tampering_shows() {
        let entropy = SystemEntropy::new();
        let key = SessionKey::generate(&entropy).unwrap();
        for ivs in [Ivs::Prefixed, Ivs::Shared([7; 12])] {
            for plain in [b"".as_slice(), b"Mujtaba"] {
                let mut sealed = key.seal(ivs, plain, &entropy).unwrap();
                assert_eq!(key.open(ivs, &sealed).unwrap().as_slice(), plain);
                for at in 0..sealed.len() {
                    sealed[at] ^= 1;
                    assert_eq!(key.open(ivs, &sealed), Err(DoesNotOpen));
                    sealed[at] ^= 1;
                }
                assert!(key.open(ivs, &sealed[1..]).is_err());
            }
        }
        assert!(key.open(Ivs::Prefixed, b"short").is_err());
    }

    #[test]
    fn short_keys_are_refused() {
        for length in [0, 16, 24, 31, 33] {
            assert!(SessionKey::new(&vec![0; length]).is_none());
        }
    }
}
