//! What a program has its host carry to the vault and back: the bodies of the link's `Ask` and `Told`.
//!
//! A program has no connection of its own. The host carries three requests and nothing else:
//! [`path::EVIDENCE`], [`path::CHALLENGE`] and [`path::RELEASE`]. A fourth is for the host itself:
//! [`path::UNATTESTED`].

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::text::read;
use crate::{Error, path};

/// What a program asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// One of [`Ask::PATHS`].
    pub path: String,
    /// The request's body; `null` where it has none.
    pub body: Box<RawValue>,
}

/// What it is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The HTTP status of the vault's answer; 0 if the vault can't be reached.
    pub status: u16,
    /// The answer's body. With status 0 a [`Failure`](crate::api::Failure) of the host's.
    pub body: Box<RawValue>,
}

/// Keys that a host has for a program that no platform vouches for: for tests and benches.
#[derive(Zeroize, ZeroizeOnDrop, Serialize, Deserialize, Clone)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Unattested {
    /// PEM of a secp256k1 private key.
    pub signing_key: String,
    /// PKCS#8 PEM of an RSA private key.
    pub encryption_key: String,
}

impl Ask {
    /// Every path that may be asked for.
    pub const PATHS: [&str; 4] = [
        path::EVIDENCE,
        path::CHALLENGE,
        path::RELEASE,
        path::UNATTESTED,
    ];

    /// The frame's body for a request without a body.
    #[must_use]
    pub fn bare(path: &str) -> Vec<u8> {
        Self::body(path, &serde_json::Value::Null)
    }

    /// The frame's body for a request with this body, which can be written as JSON.
    #[must_use]
    pub fn body(path: &str, body: &impl Serialize) -> Vec<u8> {
        #[derive(Serialize)]
        struct Whole<'a, T> {
            path: &'a str,
            body: &'a T,
        }
        serde_json::to_vec(&Whole { path, body }).unwrap_or_default()
    }

    /// Reads a frame's body.
    ///
    /// # Errors
    ///
    /// [`Error::Form`], also if the path is none of [`Ask::PATHS`].
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let ask: Self = read("question to the vault", text)?;
        if Self::PATHS.contains(&&*ask.path) {
            Ok(ask)
        } else {
            Err(Error::Form {
                what: "question to the vault",
                fault: "nothing of that path is carried to a vault".to_owned(),
            })
        }
    }
}

impl Told {
    /// The frame's body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a frame's body.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        read("answer of the vault", text)
    }
}
