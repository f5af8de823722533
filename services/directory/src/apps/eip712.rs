//! What the owner of an address signs: typed data of EIP-712.

use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature as Low};
use sha3::{Digest as _, Keccak256};

use super::Address;

/// The members of the domain, as wallets show it.
const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId)";
const NAME: &str = "Sconce key directory";
const VERSION: &str = "1";
/// What is signed.
const TYPE: &str = "ResultKey(string user,string key)";

/// The digest that the owner of an address signs, so that a key is the one for results.
///
/// EIP-712 with the domain {name "Sconce key directory", version "1", chainId} and the type
/// `ResultKey(string user,string key)`: the address in lower case, and the key's text.
#[must_use]
pub fn digest(user: &Address, key: &str, chain_id: u64) -> [u8; 32] {
    let domain = keccak(&[
        &keccak(&[DOMAIN_TYPE.as_bytes()]),
        &keccak(&[NAME.as_bytes()]),
        &keccak(&[VERSION.as_bytes()]),
        &number(chain_id),
    ]);
    let message = keccak(&[
        &keccak(&[TYPE.as_bytes()]),
        &keccak(&[user.to_string().as_bytes()]),
        &keccak(&[key.as_bytes()]),
    ]);
    keccak(&[b"\x19\x01", &domain, &message])
}

/// A signature of Ethereum's: r, s and v, 65 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; 65]);

impl Signature {
    /// Reads `0x` and 130 hex digits; none if the text has another form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 65];
        hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Whose signature of `digest` it is; none if nobody's. Only low s is taken (EIP-2), so that nobody
    /// can make a second signature of one; v is 27 or 28, or as some wallets have it 0 or 1.
    #[must_use]
    pub fn signer(&self, digest: [u8; 32]) -> Option<Address> {
        let [pair @ .., v] = &self.0;
        let parity = match v {
            0 | 27 => RecoveryId::Zero,
            1 | 28 => RecoveryId::One,
            _ => return None,
        };
        let mut low = Low::from_compact(pair).ok()?;
        let given = low;
        low.normalize_s();
        if low != given {
            return None;
        }
        let signature = RecoverableSignature::from_compact(pair, parity).ok()?;
        let key = signature.recover_ecdsa(Message::from_digest(digest)).ok()?;
        let mut point = [0; 64];
        point.copy_from_slice(&key.serialize_uncompressed()[1..]);
        Some(Address::of_key(&point))
    }
}

/// Keccak-256 of some bytes, one after the other: not SHA-3, whose padding is another.
pub(super) fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Keccak256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

/// A number as 32 bytes, big-endian.
fn number(value: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&value.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use secp256k1::{PublicKey, SecretKey};

    use super::*;

    /// The account of the example in EIP-712.
    fn cow() -> (SecretKey, Address) {
        let key = SecretKey::from_secret_bytes(keccak(&[b"cow"])).unwrap();
        let mut point = [0; 64];
        let public = PublicKey::from_secret_key(&key);
        point.copy_from_slice(&public.serialize_uncompressed()[1..]);
        (key, Address::of_key(&point))
    }

    #[test]
    fn keccak_is_that_of_ethereum() {
        let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(hex::encode(keccak(&[])), empty);
        let (_, address) = cow();
        assert_eq!(
            address.checksummed(),
            "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"
        );
    }

    #[test]
    fn a_signature_says_whose_it_is() {
        let (key, address) = cow();
        let digest = digest(&address, "a key", 134);
        let signature =
            RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest), &key);
        let (parity, pair) = signature.serialize_compact();
        let text = |v: u8| format!("0x{}{v:02x}", hex::encode(pair));
        for v in [parity.to_u8(), parity.to_u8() + 27] {
            let signature = Signature::from_text(&text(v)).unwrap();
            assert_eq!(signature.signer(digest), Some(address));
            let other = super::digest(&address, "a key", 1);
            assert_ne!(signature.signer(other), Some(address));
        }
        for v in [1 - parity.to_u8(), 28 - parity.to_u8(), 2, 3, 29, 255] {
            let signature = Signature::from_text(&text(v)).unwrap();
            assert_ne!(signature.signer(digest), Some(address), "{v}");
        }
        for form in [&text(27)[2..], &text(27)[..130], "", "0x"] {
            assert_eq!(Signature::from_text(form), None);
        }
    }

    #[test]
    fn the_second_signature_of_one_is_refused() {
        let (key, address) = cow();
        let digest = digest(&address, "a key", 134);
        let signature =
            RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest), &key);
        let (parity, mut pair) = signature.serialize_compact();
        // n - s is as good for the curve, and turns the parity.
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let mut order = hex::decode(order).unwrap();
        let mut borrow = 0i16;
        for (n, s) in order.iter_mut().zip(&pair[32..]).rev() {
            let difference = i16::from(*n) - i16::from(*s) - borrow;
            borrow = i16::from(difference < 0);
            *n = difference.rem_euclid(256) as u8;
        }
        pair[32..].copy_from_slice(&order);
        let text = format!("0x{}{:02x}", hex::encode(pair), 28 - parity.to_u8());
        assert_eq!(Signature::from_text(&text).unwrap().signer(digest), None);
    }
}
