//! Making values: random texts and bytes, keys, and in [`certificate`](super::certificate) certificates.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use protocol::crypto::{pem, secp256k1};
use protocol::{Entropy, EntropyFailed};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use session::{KeyType, Sensitive};
use zeroize::Zeroizing;

/// What random texts are made of: 62 characters, so that each has almost six bits.
const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// So many characters, each of the 62 equally likely.
pub(super) fn text(entropy: &dyn Entropy, size: usize) -> Result<Sensitive, EntropyFailed> {
    let mut text = String::with_capacity(size);
    let mut random = Zeroizing::new([0; 64]);
    while text.len() < size {
        entropy.fill(&mut *random)?;
        // Bytes of the last, incomplete round are dropped: they would favour some characters.
        let round = CHARACTERS.len();
        let whole = 256 / round * round;
        let fair = random.iter().map(|byte| usize::from(*byte));
        let fair = fair.filter(|byte| *byte < whole);
        let left = size - text.len();
        text.extend(
            fair.take(left)
                .map(|byte| char::from(CHARACTERS[byte % round])),
        );
    }
    Ok(text.into())
}

/// So many bytes, in hex.
pub(super) fn bytes(entropy: &dyn Entropy, size: usize) -> Result<Sensitive, EntropyFailed> {
    let mut bytes = Zeroizing::new(vec![0; size]);
    entropy.fill(&mut bytes)?;
    Ok(hex::encode(&*bytes).into())
}

/// A private key as PKCS#8 in PEM. The libraries draw the randomness of most kinds themselves.
pub(super) fn private_key(
    entropy: &dyn Entropy,
    kind: KeyType,
) -> Result<Sensitive, EntropyFailed> {
    let random = SystemRandom::new();
    let failed = |_| EntropyFailed;
    let document = match kind {
        KeyType::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(failed)?,
        KeyType::P384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random)
            .map_err(failed)?,
        KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?,
        KeyType::Secp256k1 => {
            let pem = secp256k1::SigningKey::generate(entropy)?.expose_pkcs8_pem();
            return Ok(pem.to_string().into());
        }
        KeyType::Rsa2048 => return rsa(KeySize::Rsa2048),
        KeyType::Rsa3072 => return rsa(KeySize::Rsa3072),
    };
    Ok(pem::encode("PRIVATE KEY", document.as_ref()).into())
}

fn rsa(size: KeySize) -> Result<Sensitive, EntropyFailed> {
    let key = PrivateDecryptingKey::generate(size).map_err(|_| EntropyFailed)?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| EntropyFailed)?;
    Ok(pem::encode("PRIVATE KEY", der.as_ref()).into())
}

#[cfg(test)]
mod tests {
    use protocol::SystemEntropy;
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn texts_have_every_character_and_no_other() {
        let text = text(&SystemEntropy::new(), 20_000).unwrap();
        let text = text.expose();
        assert_eq!(text.len(), 20_000);
        let found: std::collections::BTreeSet<u8> = text.bytes().collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), CHARACTERS);
    }

    #[test]
    fn bytes_are_as_many_as_are_wanted() {
        let made = bytes(&SystemEntropy::new(), 33).unwrap();
        assert_eq!(hex::decode(made.expose()).unwrap().len(), 33);
    }

    #[test]
    fn keys_are_what_others_read() {
        let entropy = SystemEntropy::new();
        for kind in [
            KeyType::P256,
            KeyType::P384,
            KeyType::Ed25519,
            KeyType::Rsa2048,
        ] {
            let key = private_key(&entropy, kind).unwrap();
            assert!(KeyPair::from_pem(key.expose()).is_ok(), "{kind:?}");
            let again = private_key(&entropy, kind).unwrap();
            assert_ne!(key, again, "{kind:?}");
        }
        let key = private_key(&entropy, KeyType::Secp256k1).unwrap();
        assert!(secp256k1::SigningKey::from_pem(key.expose()).is_ok());
        let key = private_key(&entropy, KeyType::Rsa3072).unwrap();
        let der = pem::decode("PRIVATE KEY", key.expose()).unwrap();
        let key = protocol::crypto::rsa::DecryptionKey::from_pkcs8(&der).unwrap();
        assert_eq!(key.modulus_len(), 384);
    }
}
