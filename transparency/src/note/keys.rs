//! Keys of notes, in the texts that the tools of this field exchange.

use zeroize::Zeroizing;

use super::Error;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Notes: a log's key (Ed25519, type 1).
    Ed25519,
    /// Cosignatures with a time: a witness's key (type 4).
    Cosignature,
}

/// A key that verifies: `name+id+base64`.
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
        let _ = text;
        Err(Error::Key { what: "" })
    }

    /// Its name: for a log, the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
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
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// A key that signs: `PRIVATE+KEY+name+id+base64`. Wiped when it is dropped.
pub struct SignerKey {
    seed: Zeroizing<[u8; 32]>,
    verifier: VerifierKey,
}

impl SignerKey {
    /// The key called `name` that grows from 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if the name is empty or has spaces or a plus sign.
    pub fn from_seed(name: &str, kind: Kind, seed: &[u8; 32]) -> Result<Self, Error> {
        let _ = (name, kind, seed);
        Err(Error::Key { what: "" })
    }

    /// The key in its text.
    ///
    /// # Errors
    ///
    /// [`Error::Key`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let _ = text;
        Err(Error::Key { what: "" })
    }

    /// Its text.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.seed))
    }

    /// The key that verifies what this one signs.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }
}
