//! Requesters' keys for results, as iExec has them: `iexec-result-key`.

use attestation::Time;
use protocol::crypto::rsa::EncryptionKey;
use serde::{Deserialize, Serialize};
use transparency::messages::Entry;
use transparency::signature::VerifyingKey;

use super::eip712::{self, Signature};
use super::{Address, AppError, Validator};

/// The application's id.
pub const APP: &str = "iexec-result-key";

/// Longest key, in bytes of PEM: RSA of 8192 bits takes 1.4 KiB.
const LONGEST_KEY: usize = 4096;

/// The key that results for a beneficiary are encrypted to: the application's data, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultKey {
    /// An RSA or P-256 public key in PEM.
    pub key: String,
    /// The chain that the address is on.
    pub chain_id: u64,
    /// The address's signature ([`result_key_digest`](super::result_key_digest)): `0x` and 130 hex digits.
    pub signature: String,
}

impl ResultKey {
    /// Checks the data of a user.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(user: &str, data: &[u8]) -> Result<Self, String> {
        let address: Address = user
            .parse()
            .map_err(|fault| format!("the user's id is no address: {fault}"))?;
        if address.to_string() != user {
            return Err(format!(
                "the user's id is an address in another form than the one it is looked up by: {address}"
            ));
        }
        let read: Self = serde_json::from_slice(data).map_err(|fault| fault.to_string())?;
        let Self {
            key,
            chain_id,
            signature,
        } = &read;
        if key.len() > LONGEST_KEY {
            return Err(format!("key: longer than {LONGEST_KEY} bytes"));
        }
        if EncryptionKey::from_pem(key).is_err() && VerifyingKey::from_pem(key).is_err() {
            return Err(
                "key: no PEM of a public key that results can be encrypted to (RSA of 2048 to 8192 bits, \
                 or P-256)"
                    .to_owned(),
            );
        }
        let signature = Signature::from_text(signature)
            .ok_or("signature: expected 0x and 130 hex digits (r, s and v)")?;
        match signature.signer(eip712::digest(&address, key, *chain_id)) {
            Some(signer) if signer == address => Ok(read),
            Some(signer) => Err(format!(
                "signature: it would be that of {signer}: another account signed, or another key, chain or \
                 text was signed"
            )),
            None => Err("signature: it is nobody's (s has to be low, and v 27 or 28)".to_owned()),
        }
    }
}

/// Checks [`ResultKey`]s.
pub(super) struct ResultKeys;

impl Validator for ResultKeys {
    fn validate(&self, user: &str, data: &[u8], _: &Entry, _: Time) -> Result<(), AppError> {
        ResultKey::check(user, data)
            .map(drop)
            .map_err(|fault| AppError {
                app: APP.to_owned(),
                fault,
            })
    }
}

#[cfg(test)]
mod tests {
    use secp256k1::ecdsa::RecoverableSignature;
    use secp256k1::{Message, PublicKey, SecretKey};
    use serde_json::json;
    use transparency::signature::SigningKey;

    use super::*;

    struct Owner {
        key: SecretKey,
        address: Address,
    }

    impl Owner {
        fn new(seed: u8) -> Self {
            let key = SecretKey::from_secret_bytes([seed; 32]).unwrap();
            let mut point = [0; 64];
            let public = PublicKey::from_secret_key(&key);
            point.copy_from_slice(&public.serialize_uncompressed()[1..]);
            let address = Address::of_key(&point);
            Self { key, address }
        }

        fn data(&self, of: &Address, key: &str, chain_id: u64) -> Vec<u8> {
            let message = Message::from_digest(eip712::digest(of, key, chain_id));
            let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &self.key);
            let (parity, pair) = signature.serialize_compact();
            let signature = format!("0x{}{:02x}", hex::encode(pair), 27 + parity.to_u8());
            json!({ "key": key, "chain_id": chain_id, "signature": signature })
                .to_string()
                .into_bytes()
        }
    }

    fn key() -> String {
        SigningKey::generate().unwrap().verifying_key().to_pem()
    }

    #[test]
    fn the_owner_of_an_address_says_which_key_is_its() {
        let owner = Owner::new(7);
        let user = owner.address.to_string();
        let key = key();
        let read = ResultKey::check(&user, &owner.data(&owner.address, &key, 134)).unwrap();
        assert_eq!((read.key, read.chain_id), (key, 134));
    }

    #[test]
    fn nobody_else_does() {
        let (owner, other) = (Owner::new(7), Owner::new(8));
        let user = owner.address.to_string();
        let (first, second) = (key(), key());
        let good = owner.data(&owner.address, &first, 134);
        let fault = |user: &str, data: &[u8]| ResultKey::check(user, data).unwrap_err();

        let foreign = fault(&user, &other.data(&owner.address, &first, 134));
        assert!(foreign.contains(&other.address.to_string()), "{foreign}");
        let text = String::from_utf8(good.clone()).unwrap();
        let (one, two) = (json!(first).to_string(), json!(second).to_string());
        for changed in [text.replace("134", "135"), text.replace(&one, &two)] {
            assert_ne!(changed, text);
            let fault = fault(&user, changed.as_bytes());
            assert!(fault.starts_with("signature:"), "{fault}");
        }
        assert!(fault(&other.address.to_string(), &good).starts_with("signature:"));
        assert!(fault("alice@example.com", &good).contains("no address"));
        let mixed = owner.address.checksummed();
        assert!(fault(&mixed, &good).contains(&user));
        let nothing = owner.data(&owner.address, "no key", 1);
        assert!(fault(&user, &nothing).starts_with("key:"));
        assert!(fault(&user, b"{}").contains("missing field"));
        let more = text.replacen('{', r#"{"more":1,"#, 1);
        assert!(fault(&user, more.as_bytes()).contains("unknown field"));
    }
}
