//! Who asks.

use std::fmt;

use serde::{Deserialize, Serialize};
use session::Hex32;

/// Who asks for something about sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Principal {
    /// A client without a certificate.
    Anonymous,
    /// The client whose certificate has the public key with this SHA-256 (of its SPKI DER).
    Key(Hex32),
    /// The vault's own key management. Nobody else writes in [`Principal::NAMESPACE`].
    Kme,
}

impl Principal {
    /// The namespace of key management.
    pub const NAMESPACE: &'static str = "avalon";

    /// A client, as TLS has proved it.
    #[must_use]
    pub fn client(key: Option<[u8; 32]>) -> Self {
        key.map_or(Self::Anonymous, |hash| Self::Key(Hex32(hash)))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("a client without a certificate"),
            Self::Key(hash) => write!(f, "key:{hash}"),
            Self::Kme => f.write_str("kme"),
        }
    }
}
