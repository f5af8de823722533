//! Digests, and what kind of platform each belongs to.

mod td;

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

pub use td::{NotATdDigest, TdDigest, TdMeasurement, TdRegister};

/// The measurement of an enclave: SHA-256 over the log of its construction (SDM 3D, 39.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mrenclave(pub [u8; 32]);

/// The signer of an enclave: SHA-256 of the little-endian modulus of its key (SDM 3D, 39.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mrsigner(pub [u8; 32]);

/// Whose measurement a digest is. The same program has another one on each of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Our image, which only the simulated platform runs: it protects nothing.
    Sim,
    /// The enclave that Gramine makes.
    Gramine,
    /// The enclave that SCONE makes.
    Scone,
    /// An enclave on Intel's hardware, whatever it runs: what a verified quote says.
    Sgx,
    /// A virtual machine on Intel's hardware.
    Tdx,
}

impl Kind {
    /// Every kind.
    const ALL: [Self; 5] = [Self::Sim, Self::Gramine, Self::Scone, Self::Sgx, Self::Tdx];

    /// The word that stands before a digest.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Gramine => "gramine",
            Self::Scone => "scone",
            Self::Sgx => "sgx",
            Self::Tdx => "tdx",
        }
    }
}

/// A measurement or a signer, with its kind: `sim:mrenclave:` or `sim:mrsigner:` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// What was measured.
    Mrenclave(Kind, Mrenclave),
    /// Who signed it.
    Mrsigner(Kind, Mrsigner),
}

/// A text that is no digest with its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no digest: write 64 hex digits, or as in sim:mrenclave:3b62fe… with all 64")]
pub struct NotADigest(pub String);

impl fmt::Display for Mrenclave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for Mrsigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mrenclave(kind, digest) => write!(f, "{kind}:mrenclave:{digest}"),
            Self::Mrsigner(kind, digest) => write!(f, "{kind}:mrsigner:{digest}"),
        }
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let refusal = || NotADigest(text.to_owned());
        let mut parts = text.splitn(3, ':');
        let (Some(kind), Some(what), Some(digits)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(refusal());
        };
        let kind = Kind::ALL
            .into_iter()
            .find(|one| one.word() == kind)
            .ok_or_else(refusal)?;
        let bytes = bytes(digits).ok_or_else(refusal)?;
        match what {
            "mrenclave" => Ok(Self::Mrenclave(kind, Mrenclave(bytes))),
            "mrsigner" => Ok(Self::Mrsigner(kind, Mrsigner(bytes))),
            _ => Err(refusal()),
        }
    }
}

impl FromStr for Mrenclave {
    type Err = NotADigest;

    /// 64 hex digits.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        bytes(text)
            .map(Self)
            .ok_or_else(|| NotADigest(text.to_owned()))
    }
}

impl FromStr for Mrsigner {
    type Err = NotADigest;

    /// 64 hex digits.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        bytes(text)
            .map(Self)
            .ok_or_else(|| NotADigest(text.to_owned()))
    }
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::Mrsigner(Kind::Gramine, Mrsigner([0xab; 32]));
        let text = digest.to_string();
        assert_eq!(text, format!("gramine:mrsigner:{}", "ab".repeat(32)));
        assert_eq!(text.parse(), Ok(digest));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let digits = "ab".repeat(32);
        for text in [
            "",
            "sim",
            &digits,
            &format!("sim:mrenclave:{}", &digits[1..]),
            &format!("sim:mrenclave:{digits}0"),
            &format!("sim:other:{digits}"),
            &format!("SIM:mrenclave:{digits}"),
            &format!("hw:mrenclave:{digits}"),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
