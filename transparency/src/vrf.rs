//! The VRF on P-256 that hides which users a directory has, and gives each of them one place in the map
//! (specification, section 4).
//!
//! Whoever holds the secret key can compute a user's output, and prove that it is the only one. The proof
//! binds the key and the output ([`Suite::Bound`]): that of before June 2017 did not, so that a directory
//! could show several places for one user, and is only there for tests.

mod keys;
mod multiples;
mod scheme;

use std::fmt;

use crate::map::Index;

pub use keys::{PublicKey, SecretKey};

/// How many bytes an output has: an uncompressed point.
pub const OUTPUT_LEN: usize = 65;
/// How many bytes a proof has: the challenge and the response.
pub const PROOF_LEN: usize = 64;

/// H1 of the specification: the point, uncompressed, that a user id hashes to. For comparing
/// implementations; the keys here do it themselves.
///
/// # Errors
///
/// [`Error::Hash`], practically never.
pub fn hash_to_point(user: impl AsRef<[u8]>) -> Result<[u8; OUTPUT_LEN], Error> {
    scheme::hash_to_curve(user.as_ref()).map(|point| scheme::uncompressed(&point))
}

/// H2 of the specification: the number, 1 to n-1 and big-endian, that bytes hash to. For comparing
/// implementations; the keys here do it themselves.
pub fn hash_to_number(bytes: &[u8]) -> [u8; 32] {
    use p256::elliptic_curve::PrimeField as _;
    scheme::hash_to_scalar(&[bytes]).to_repr().into()
}

/// What the challenge of a proof is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suite {
    /// Base point, hashed user id, public key, output and both commitments: proves that there is no other
    /// output.
    #[default]
    Bound,
    /// User id and both commitments: **does not** prove that there is no other output.
    #[cfg(feature = "plain-vrf")]
    Plain,
}

impl Suite {
    /// Its name in answers and in what clients pin.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bound => "P256-SHA512-BOUND",
            #[cfg(feature = "plain-vrf")]
            Self::Plain => "P256-SHA512-PLAIN",
        }
    }

    /// The suite with this name, if it is known (and compiled in).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "P256-SHA512-BOUND" => Some(Self::Bound),
            #[cfg(feature = "plain-vrf")]
            "P256-SHA512-PLAIN" => Some(Self::Plain),
            _ => None,
        }
    }
}

/// Why a key or a proof is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key is not one of P-256 in the form wanted.
    #[error("the key of the vrf is no P-256 key in {form}")]
    Key {
        /// The form.
        form: &'static str,
    },
    /// A member has another length.
    #[error("{member} has {len} bytes; it must have {wanted}")]
    Length {
        /// `vrf` or `vrf_proof`.
        member: &'static str,
        /// How many bytes it has.
        len: usize,
        /// How many it must have.
        wanted: usize,
    },
    /// The output is no point of the curve.
    #[error("vrf is no uncompressed point of P-256")]
    Point,
    /// A number of the proof is out of range.
    #[error("vrf_proof has a number that is not below the order of P-256, or a challenge of 0")]
    Range,
    /// The proof does not hold for this user, output and key.
    #[error("vrf_proof does not prove that vrf is this user's under the pinned key")]
    Proof,
    /// No point was found for the user id, which has a probability of 2^-100.
    #[error("the user id hashes to no point of P-256")]
    Hash,
}

impl Error {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "kt.key",
            _ => "kt.vrf",
        }
    }
}

/// The output of the VRF for one user: `vrf` in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Output([u8; OUTPUT_LEN]);

impl Output {
    /// The output in `bytes`; whether they are a point is seen when it is verified.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there are 65.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        exact("vrf", bytes).map(Self)
    }

    /// Its 65 bytes.
    pub const fn as_bytes(&self) -> &[u8; OUTPUT_LEN] {
        &self.0
    }

    /// The place in the map: SHA-256 of the output.
    pub fn index(&self) -> Index {
        use sha2::{Digest as _, Sha256};
        Index::new(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({})", hex::encode(self.0))
    }
}

/// A proof that an output is a user's only one: `vrf_proof` in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proof([u8; PROOF_LEN]);

impl Proof {
    /// The proof in `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there are 64.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        exact("vrf_proof", bytes).map(Self)
    }

    /// Its 64 bytes: the challenge `s`, then the response `t`.
    pub const fn as_bytes(&self) -> &[u8; PROOF_LEN] {
        &self.0
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({})", hex::encode(self.0))
    }
}

fn exact<const N: usize>(member: &'static str, bytes: &[u8]) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Length {
        member,
        len: bytes.len(),
        wanted: N,
    })
}

#[cfg(test)]
mod tests;
