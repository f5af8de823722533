//! Keys of notes, in the texts that the tools of this field exchange.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Error;

/// What the text of a key that signs begins with.
const PRIVATE: &str = "PRIVATE+KEY+";
/// The longest name of a key, in bytes.
const MAX_NAME: usize = 512;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Notes: a log's key (Ed25519, type 1).
    Ed25519,
    /// Cosignatures with a time: a witness's key (type 4).
    Cosignature,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A key that verifies. Its text is `name+id+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: Kind,
    key: [u8; 32],
}

impl VerifierKey {
    /// The key in its text.
    ///
    /// # Errors
    ///
    /// [`Error::Key`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (name, id, kind, key) = parse(text)?;
        let parsed = Self::new(name, kind, *key)?;
        if parsed.id == id {
            Ok(parsed)
        } else {
            Err(Error::Key {
                what: "its id is not that of its name and bytes",
            })
        }
    }

    /// The Ed25519 key with these bytes, called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if the name is empty, has spaces or a plus sign, or is longer than 512 bytes.
    pub fn new(name: &str, kind: Kind, key: [u8; 32]) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::Key {
                what: "a name has 1 to 512 bytes and neither spaces nor a plus sign",
            });
        }
        let mut hash = Sha256::new();
        hash.update(name);
        hash.update([b'\n', kind.number()]);
        hash.update(key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        Ok(Self {
            name: name.to_owned(),
            id: u32::from_be_bytes([a, b, c, d]),
            kind,
            key,
        })
    }

    /// Its name: for a log, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id: the first four bytes of SHA-256 over its name, a newline, its type and its bytes.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What it verifies.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The 32 bytes of the Ed25519 key.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Whether a bare signature holds.
    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = encode(self.kind, &self.key);
        let Self { name, id, .. } = self;
        write!(f, "{name}+{id:08x}+{}", encoded.as_str())
    }
}

/// A key that signs. Its text is `PRIVATE+KEY+name+id+base64`. Wiped when it is dropped.
pub struct SignerKey {
    seed: Zeroizing<[u8; 32]>,
    verifier: VerifierKey,
}

impl SignerKey {
    /// A new key called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Random`], and [`Error::Key`] if the name is none.
    pub fn generate(name: &str, kind: Kind) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(&mut *seed)
            .map_err(|_| Error::Random)?;
        Self::from_seed(name, kind, &seed)
    }

    /// The key called `name` that grows from 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if the name is empty, has spaces or a plus sign, or is longer than 512 bytes.
    pub fn from_seed(name: &str, kind: Kind, seed: &[u8; 32]) -> Result<Self, Error> {
        let mut key = [0; 32];
        key.copy_from_slice(pair(seed)?.public_key().as_ref());
        Ok(Self {
            seed: Zeroizing::new(*seed),
            verifier: VerifierKey::new(name, kind, key)?,
        })
    }

    /// The key in its text.
    ///
    /// # Errors
    ///
    /// [`Error::Key`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.strip_prefix(PRIVATE).ok_or(Error::Key {
            what: "it does not begin with PRIVATE+KEY+",
        })?;
        let (name, id, kind, seed) = parse(text)?;
        let key = Self::from_seed(name, kind, &seed)?;
        if key.verifier.id == id {
            Ok(key)
        } else {
            Err(Error::Key {
                what: "its id is not that of its name and bytes",
            })
        }
    }

    /// Its text.
    pub fn to_text(&self) -> Zeroizing<String> {
        let encoded = encode(self.verifier.kind, &self.seed);
        let VerifierKey { name, id, .. } = &self.verifier;
        Zeroizing::new(format!("{PRIVATE}{name}+{id:08x}+{}", encoded.as_str()))
    }

    /// The key that verifies what this one signs.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        let signature = pair(&self.seed)?.sign(message);
        signature.as_ref().try_into().map_err(|_| Error::Key {
            what: "it signs in another length",
        })
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}, …)", self.verifier)
    }
}

/// Whether a text can be the name of a key.
pub(super) fn is_name(name: &str) -> bool {
    let odd =
        |character: char| character.is_whitespace() || character.is_control() || character == '+';
    (1..=MAX_NAME).contains(&name.len()) && !name.contains(odd)
}

fn pair(seed: &[u8; 32]) -> Result<Ed25519KeyPair, Error> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Key {
        what: "its bytes are no seed of Ed25519",
    })
}

type Parts<'a> = (&'a str, u32, Kind, Zeroizing<[u8; 32]>);

/// The parts of `name+id+base64`.
fn parse(text: &str) -> Result<Parts<'_>, Error> {
    let fault = |what| Error::Key { what };
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(fault("it has other parts than a name, an id and base64"));
    };
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let id = Some(id)
        .filter(|id| id.len() == 8 && id.bytes().all(lower))
        .and_then(|id| u32::from_str_radix(id, 16).ok())
        .ok_or(fault("its id is not 8 hexadecimal digits in lower case"))?;
    let decoded = STANDARD.decode(encoded).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| fault("it is no base64"))?;
    let (kind, bytes) = match decoded.split_first() {
        Some((1, bytes)) => (Kind::Ed25519, bytes),
        Some((4, bytes)) => (Kind::Cosignature, bytes),
        _ => {
            return Err(fault(
                "it is neither of Ed25519 (1) nor for cosignatures (4)",
            ));
        }
    };
    let key = bytes
        .try_into()
        .map_err(|_| fault("it has not 32 bytes after its type"))?;
    Ok((name, id, kind, Zeroizing::new(key)))
}

fn encode(kind: Kind, bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut typed = Zeroizing::new([0; 33]);
    let (number, rest) = typed.split_at_mut(1);
    number.copy_from_slice(&[kind.number()]);
    rest.copy_from_slice(bytes);
    Zeroizing::new(STANDARD.encode(*typed))
}
