//! The keys of one order, from a KME to the processor that shall run it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::answer::OneTimeKey;
use crate::crypto::aes::{Ivs, SessionKey};
use crate::crypto::rsa::{DecryptionKey, EncryptionKey};
use crate::crypto::secp256k1::{SigningKey, VerifyingKey};
use crate::crypto::{KeyError, sha256};
use crate::opening::Unwrap;
use crate::{Entropy, json};

/// Keys of an order, encrypted to a processor and signed. In JSON it is Avalon's object of "pre-processed
/// keys"; unknown members are refused.
///
/// All but the first are encrypted under a key that is made for this order alone (`sym`), and that under the
/// processor's RSA key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrderKeys {
    /// `sym`, under the processor's key.
    encrypted_sym_key: String,
    /// The client's session key.
    encrypted_wo_key: String,
    /// The key that signs this one answer, as SEC1 PEM.
    encrypted_wo_signing_key: String,
    /// Its public half, as PEM.
    wo_verification_key: String,
    /// The published key's signature over that text and the client's nonce.
    wo_verification_key_sig: String,
    /// Keys of input items.
    input_data_keys: Vec<ItemKey>,
    /// Keys of output items.
    output_data_keys: Vec<ItemKey>,
    /// The unique key's signature over all that is encrypted.
    signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ItemKey {
    index: i64,
    encrypted_data_key: String,
}

/// The keys of an order in clear: what a KME has of them, and what a processor gets.
pub struct Given {
    /// What opens the order and encrypts its answer.
    pub data: DataKeys,
    /// Signs the answer.
    pub one_time: OneTimeKey,
}

/// The keys of an order's data.
pub struct DataKeys {
    /// The client's session key.
    pub session: SessionKey,
    /// The keys of input items by their index: those of their own, and for the others the session key.
    pub inputs: BTreeMap<i64, SessionKey>,
    /// The keys of output items.
    pub outputs: BTreeMap<i64, SessionKey>,
}

/// A text that holds no keys for this processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadOrderKeys {
    /// It is not in the form.
    #[error("not in their form")]
    Form,
    /// The unique key has not signed them. Avalon's own text.
    #[error("Failed to verify signature of pre-processed work order keys")]
    Signature,
    /// Nothing more is said of what does not open, or does not fit together.
    #[error("they do not open")]
    Sealed,
}

impl OrderKeys {
    /// Reads their JSON text. What stands behind a NUL is cut off: Avalon's KME sends one.
    ///
    /// # Errors
    ///
    /// [`BadOrderKeys::Form`].
    pub fn parse(text: &str) -> Result<Self, BadOrderKeys> {
        let text = text.split('\0').next().unwrap_or_default();
        // Without this an array of the members' values would do.
        let object = text.trim_ascii_start().starts_with('{') && json::depth(text.as_bytes()) <= 4;
        let keys = serde_json::from_str(text).ok().filter(|_| object);
        keys.ok_or(BadOrderKeys::Form)
    }

    /// Their JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Made of strings and numbers: writing it can't fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Encrypts keys to a processor, and signs them with the unique key that it has registered with.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if there is no randomness, or the processor's key can't encrypt.
    pub fn seal(
        given: &Given,
        processor: &EncryptionKey,
        unique: &SigningKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyError> {
        let sym = SessionKey::generate(entropy).map_err(|_| KeyError::Made)?;
        let seal = |plain: &[u8]| {
            let sealed = sym.seal(Ivs::Prefixed, plain, entropy);
            sealed
                .map(|sealed| STANDARD.encode(sealed))
                .map_err(|_| KeyError::Made)
        };
        let items = |keys: &BTreeMap<i64, SessionKey>| {
            let item = |(index, key): (&i64, &SessionKey)| {
                Ok(ItemKey {
                    index: *index,
                    encrypted_data_key: seal(key.expose())?,
                })
            };
            keys.iter().map(item).collect::<Result<Vec<_>, KeyError>>()
        };
        let mut keys = Self {
            encrypted_sym_key: STANDARD.encode(processor.seal(sym.expose())?),
            encrypted_wo_key: seal(given.data.session.expose())?,
            encrypted_wo_signing_key: seal(given.one_time.signing.expose_sec1_pem().as_bytes())?,
            wo_verification_key: given.one_time.verification.clone(),
            wo_verification_key_sig: given.one_time.voucher.clone(),
            input_data_keys: items(&given.data.inputs)?,
            output_data_keys: items(&given.data.outputs)?,
            signature: String::new(),
        };
        let digest = keys.digest().ok_or(KeyError::Made)?;
        keys.signature = STANDARD.encode(unique.sign(&digest));
        Ok(keys)
    }

    /// What they are for the processor with this key, which has registered with this unique key. The
    /// signature is looked at first: nothing that a stranger has made is decrypted.
    ///
    /// # Errors
    ///
    /// [`BadOrderKeys::Signature`] and [`BadOrderKeys::Sealed`].
    pub fn open(
        &self,
        processor: &DecryptionKey,
        unique: &VerifyingKey,
    ) -> Result<Given, BadOrderKeys> {
        self.verify(unique)?;
        self.decrypt(processor).ok_or(BadOrderKeys::Sealed)
    }

    /// Whether this unique key has signed them.
    ///
    /// # Errors
    ///
    /// [`BadOrderKeys::Signature`], or [`BadOrderKeys::Form`] if something is no base64.
    pub fn verify(&self, unique: &VerifyingKey) -> Result<(), BadOrderKeys> {
        let digest = self.digest().ok_or(BadOrderKeys::Form)?;
        let signature = STANDARD
            .decode(&self.signature)
            .map_err(|_| BadOrderKeys::Form)?;
        if !unique.verifies(&digest, &signature) {
            return Err(BadOrderKeys::Signature);
        }
        Ok(())
    }

    fn decrypt(&self, processor: &DecryptionKey) -> Option<Given> {
        let sym = processor.session_key(&STANDARD.decode(&self.encrypted_sym_key).ok()?)?;
        let open = |text: &str| sym.open(Ivs::Prefixed, &STANDARD.decode(text).ok()?).ok();
        let key = |text: &str| SessionKey::new(&open(text)?);
        let items = |items: &[ItemKey]| {
            let item = |item: &ItemKey| Some((item.index, key(&item.encrypted_data_key)?));
            let keys: BTreeMap<_, _> = items.iter().map(item).collect::<Option<_>>()?;
            (keys.len() == items.len()).then_some(keys)
        };
        let signing = open(&self.encrypted_wo_signing_key)?;
        let signing = SigningKey::from_pem(std::str::from_utf8(&signing).ok()?).ok()?;
        // Its text is not signed by the unique key, but the pair has to be one.
        let verification = VerifyingKey::from_pem(&self.wo_verification_key).ok()?;
        if !verification.is_same_key(&signing.verifying_key()) {
            return None;
        }
        Some(Given {
            data: DataKeys {
                session: key(&self.encrypted_wo_key)?,
                inputs: items(&self.input_data_keys)?,
                outputs: items(&self.output_data_keys)?,
            },
            one_time: OneTimeKey {
                signing,
                verification: self.wo_verification_key.clone(),
                voucher: self.wo_verification_key_sig.clone(),
            },
        })
    }

    /// What the unique key signs: the digest of the texts of digests, in base64, of the first three members
    /// (as base64 texts), and of each item's key (as bytes), sorted by index.
    fn digest(&self) -> Option<[u8; 32]> {
        let canonical = |text: &str| Some(STANDARD.encode(STANDARD.decode(text).ok()?));
        let first = [
            canonical(&self.encrypted_sym_key)?,
            canonical(&self.encrypted_wo_key)?,
            canonical(&self.encrypted_wo_signing_key)?,
        ]
        .concat();
        let mut texts = STANDARD.encode(sha256(&[first.as_bytes()]));
        for items in [&self.input_data_keys, &self.output_data_keys] {
            let mut items: Vec<_> = items.iter().collect();
            items.sort_by_key(|item| item.index);
            for item in items {
                let sealed = STANDARD.decode(&item.encrypted_data_key).ok()?;
                texts.push_str(&STANDARD.encode(sha256(&[&sealed])));
            }
        }
        Some(sha256(&[texts.as_bytes()]))
    }
}

/// An order's keys that were given open nothing but that order: whatever it brings itself is not looked at.
impl Unwrap for DataKeys {
    fn session_key(&self, _: &[u8]) -> Option<SessionKey> {
        SessionKey::new(self.session.expose())
    }

    fn item_key(&self, index: i64, _: &[u8]) -> Option<SessionKey> {
        SessionKey::new(self.inputs.get(&index)?.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    struct Parties {
        processor: DecryptionKey,
        unique: SigningKey,
        given: Given,
    }

    fn parties() -> Parties {
        let entropy = SystemEntropy::new();
        let key = |byte: u8| SessionKey::new(&[byte; 32]).unwrap();
        let signing = SigningKey::generate(&entropy).unwrap();
        Parties {
            processor: DecryptionKey::generate().unwrap(),
            unique: SigningKey::generate(&entropy).unwrap(),
            given: Given {
                data: DataKeys {
                    session: key(1),
                    inputs: BTreeMap::from([(0, key(1)), (7, key(2))]),
                    outputs: BTreeMap::from([(0, key(1))]),
                },
                one_time: OneTimeKey {
                    verification: signing.verifying_key().pem().to_owned(),
                    voucher: "c2ln".to_owned(),
                    signing,
                },
            },
        }
    }

    impl Parties {
        fn sealed(&self) -> OrderKeys {
            let to = self.processor.encryption_key().unwrap();
            OrderKeys::seal(&self.given, &to, &self.unique, &SystemEntropy::new()).unwrap()
        }

        fn open(&self, keys: &OrderKeys) -> Result<Given, BadOrderKeys> {
            keys.open(&self.processor, &self.unique.verifying_key())
        }
    }

    #[test]
    fn keys_arrive() {
        let parties = parties();
        let text = format!("{}\0rubbish", parties.sealed().to_json());
        let opened = parties.open(&OrderKeys::parse(&text).unwrap()).unwrap();
        assert_eq!(opened.data.session.expose(), &[1; 32]);
        assert_eq!(opened.data.session_key(b"").unwrap().expose(), &[1; 32]);
        assert_eq!(opened.data.item_key(7, b"").unwrap().expose(), &[2; 32]);
        assert!(opened.data.item_key(1, b"").is_none());
        assert_eq!(opened.data.outputs.len(), 1);
        assert_eq!(opened.one_time.voucher, "c2ln");
        let (made, found) = (&parties.given.one_time.signing, &opened.one_time.signing);
        assert_eq!(made.expose(), found.expose());
    }

    #[test]
    fn whatever_is_exchanged_is_noticed() {
        let parties = parties();
        let (one, two) = (parties.sealed(), parties.sealed());
        let exchanges: [fn(&mut OrderKeys, &OrderKeys); 6] = [
            |keys, other| keys.encrypted_sym_key.clone_from(&other.encrypted_sym_key),
            |keys, other| keys.encrypted_wo_key.clone_from(&other.encrypted_wo_key),
            |keys, other| {
                let signing = &other.encrypted_wo_signing_key;
                keys.encrypted_wo_signing_key.clone_from(signing);
            },
            |keys, other| keys.input_data_keys.clone_from(&other.input_data_keys),
            |keys, _| keys.output_data_keys.clear(),
            |keys, _| keys.input_data_keys.truncate(1),
        ];
        for (number, exchange) in exchanges.iter().enumerate() {
            let mut keys = one.clone();
            exchange(&mut keys, &two);
            let opened = parties.open(&keys);
            assert_eq!(opened.err(), Some(BadOrderKeys::Signature), "{number}");
        }
        let mut other_pair = one.clone();
        let stranger = SigningKey::generate(&SystemEntropy::new()).unwrap();
        other_pair.wo_verification_key = stranger.verifying_key().pem().to_owned();
        assert_eq!(parties.open(&other_pair).err(), Some(BadOrderKeys::Sealed));
        let unique = stranger.verifying_key();
        let refused = one.open(&parties.processor, &unique).err();
        assert_eq!(refused, Some(BadOrderKeys::Signature));
        let other = DecryptionKey::generate().unwrap();
        let refused = one.open(&other, &parties.unique.verifying_key()).err();
        assert_eq!(refused, Some(BadOrderKeys::Sealed));
    }

    #[test]
    fn other_texts_are_refused() {
        let text = parties().sealed().to_json();
        for bad in [
            "",
            "[]",
            "{}",
            &text[..text.len() - 1],
            &text.replacen('{', "{\"more\":1,", 1),
            &format!("{text}x"),
        ] {
            assert_eq!(OrderKeys::parse(bad), Err(BadOrderKeys::Form), "{bad}");
        }
    }
}
