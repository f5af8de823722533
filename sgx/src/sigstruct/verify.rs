//! Making a SIGSTRUCT of its parts, and checking one as EINIT does.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use dashu_int::UBig;

use super::body::Body;
use super::key::{EXPONENT, KEY_SIZE, PublicKey};
use super::layout::{self, SIZE, Sigstruct};
use crate::attributes::{Attributes, Miscselect};
use crate::digest::{Mrenclave, Mrsigner};

/// A SIGSTRUCT that holds: its form is right, and whoever has the key signed the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSigstruct {
    sigstruct: Sigstruct,
    body: Body,
    key: PublicKey,
}

/// One thing that is wrong with a SIGSTRUCT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The constant at its begin is another.
    #[error("HEADER")]
    Header,
    /// The constant after DATE is another.
    #[error("HEADER2")]
    Header2,
    /// VENDOR is neither 0 nor Intel's number.
    #[error("VENDOR is neither 0 nor 0x8086")]
    Vendor,
    /// Reserved bytes have a value.
    #[error("reserved bytes not zero")]
    Reserved,
    /// EXPONENT is another.
    #[error("exponent is not 3")]
    Exponent,
    /// MODULUS has fewer bits or is even.
    #[error("MODULUS is no odd number of 3072 bits")]
    Modulus,
    /// The signature is not one of this key over this body.
    #[error("RSA signature")]
    Signature,
    /// Q1 is not what it is made of.
    #[error("Q1")]
    Q1,
    /// Q2 is not what it is made of.
    #[error("Q2")]
    Q2,
}

impl Fault {
    /// The code of its class, stable.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Signature | Self::Q1 | Self::Q2 => "sigstruct.signature",
            _ => "sigstruct.form",
        }
    }

    /// What EINIT returns for it.
    #[must_use]
    pub const fn einit(self) -> &'static str {
        match self {
            Self::Signature | Self::Q1 | Self::Q2 => "SGX_INVALID_SIGNATURE",
            _ => "SGX_INVALID_SIG_STRUCT",
        }
    }
}

/// Everything that is wrong with a SIGSTRUCT: one thing at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    first: Fault,
    more: Vec<Fault>,
}

impl Faults {
    fn of(faults: &[Fault]) -> Option<Self> {
        let (first, more) = faults.split_first()?;
        Some(Self {
            first: *first,
            more: more.to_vec(),
        })
    }

    /// In the order of checking: form first.
    pub fn iter(&self) -> impl Iterator<Item = Fault> + '_ {
        core::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// The code of the first.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.first.code()
    }

    /// What EINIT returns: it stops at the first.
    #[must_use]
    pub const fn einit(&self) -> &'static str {
        self.first.einit()
    }
}

impl From<Fault> for Faults {
    fn from(first: Fault) -> Self {
        Self {
            first,
            more: Vec::new(),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the SIGSTRUCT does not hold: {}", self.first)?;
        self.more
            .iter()
            .try_for_each(|fault| write!(f, ", {fault}"))
    }
}

impl core::error::Error for Faults {}

/// What EINIT compares with a SIGSTRUCT: fields of the SECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// What was measured.
    pub mrenclave: Mrenclave,
    /// ATTRIBUTES.
    pub attributes: Attributes,
    /// MISCSELECT.
    pub miscselect: Miscselect,
    /// CET_ATTRIBUTES.
    pub cet_attributes: u8,
}

/// Why an enclave is not launched with a signature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another enclave was signed.
    #[error("SGX_INVALID_MEASUREMENT: {signed} was signed, and this is {measured}")]
    Measurement {
        /// ENCLAVEHASH.
        signed: Mrenclave,
        /// MRENCLAVE.
        measured: Mrenclave,
    },
    /// It has other attributes than were signed, in bits that count.
    #[error("SGX_INVALID_ATTRIBUTE: {0} differ from what was signed, in bits that the mask covers")]
    Attributes(&'static str),
}

impl Refusal {
    /// Stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "sigstruct.launch"
    }
}

impl Sigstruct {
    /// Puts a signature to what it signs, computes Q1 and Q2, and checks the whole. `signature` is
    /// big-endian, as libraries and hardware give it.
    ///
    /// # Errors
    ///
    /// If the signature is not one of this key over [`Body::to_be_signed`], or VENDOR is wrong.
    pub fn assemble(
        body: &Body,
        key: &PublicKey,
        signature: &[u8; KEY_SIZE],
    ) -> Result<VerifiedSigstruct, Faults> {
        let mut bytes = [0; SIZE];
        body.put(&mut bytes);
        let mut signature_le = *signature;
        signature_le.reverse();
        let mut put = |at: usize, field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
        };
        put(layout::MODULUS, &key.modulus_le());
        put(layout::EXPONENT, &EXPONENT.to_le_bytes());
        put(layout::SIGNATURE, &signature_le);
        if let Some((q1, q2)) = quotients(&signature_le, &key.modulus_le()) {
            put(layout::Q1, &q1);
            put(layout::Q2, &q2);
        }
        Self::from_bytes(&bytes).verify()
    }

    /// Checks its form, its signature, Q1 and Q2, as EINIT does; all of them, so that all that is
    /// wrong is told.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub fn verify(&self) -> Result<VerifiedSigstruct, Faults> {
        let mut faults = self.form();
        let key = PublicKey::from_le_bytes(self.modulus_le());
        let body = self.body();
        let mut signature = self.signature_le();
        signature.reverse();
        match &key {
            Ok(key) if key.verifies(&self.to_be_signed(), &signature) => {}
            Ok(_) => faults.push(Fault::Signature),
            Err(_) => faults.extend([Fault::Modulus, Fault::Signature]),
        }
        faults.extend(self.quotient_faults());
        match (key, Faults::of(&faults)) {
            (Ok(key), None) => Ok(VerifiedSigstruct {
                sigstruct: self.clone(),
                body,
                key,
            }),
            (_, faults) => Err(faults.unwrap_or_else(|| Fault::Modulus.into())),
        }
    }

    /// What is wrong with the fields that are constant.
    fn form(&self) -> Vec<Fault> {
        let bytes = self.as_bytes();
        let reserved = layout::RESERVED
            .iter()
            .flat_map(|(from, to)| &bytes[*from..*to]);
        let exponent = u32::from_le_bytes(layout::field(bytes, layout::EXPONENT));
        let checks = [
            (
                layout::field(bytes, layout::HEADER) == layout::HEADER_BYTES,
                Fault::Header,
            ),
            (
                layout::field(bytes, layout::HEADER2) == layout::HEADER2_BYTES,
                Fault::Header2,
            ),
            (matches!(self.body().vendor, 0 | 0x8086), Fault::Vendor),
            (reserved.into_iter().all(|byte| *byte == 0), Fault::Reserved),
            (exponent == EXPONENT, Fault::Exponent),
        ];
        let wrong = checks.into_iter().filter(|(holds, _)| !holds);
        wrong.map(|(_, fault)| fault).collect()
    }

    /// Q1 = ⌊S² / N⌋ and Q2 = ⌊(S³ − Q1·S·N) / N⌋, with the Q1 that is there.
    fn quotient_faults(&self) -> Vec<Fault> {
        let signature = UBig::from_le_bytes(&self.signature_le());
        let modulus = UBig::from_le_bytes(&self.modulus_le());
        let q1 = UBig::from_le_bytes(&layout::field::<KEY_SIZE>(self.as_bytes(), layout::Q1));
        let q2 = UBig::from_le_bytes(&layout::field::<KEY_SIZE>(self.as_bytes(), layout::Q2));
        if modulus == UBig::ZERO {
            return vec![Fault::Q1, Fault::Q2];
        }
        let square = &signature * &signature;
        let product = &q1 * &modulus;
        let mut faults = Vec::new();
        if &square / &modulus != q1 {
            faults.push(Fault::Q1);
        }
        if product > square || (square - product) * signature / modulus != q2 {
            faults.push(Fault::Q2);
        }
        faults
    }
}

impl VerifiedSigstruct {
    /// What was signed.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Whose key signed it.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The signer's identity.
    #[must_use]
    pub fn mrsigner(&self) -> Mrsigner {
        self.key.mrsigner()
    }

    /// Its 1808 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SIZE] {
        self.sigstruct.as_bytes()
    }

    /// Whether EINIT launches this enclave with it.
    ///
    /// # Errors
    ///
    /// The first thing that differs, with the name of EINIT's error.
    pub fn launch(&self, enclave: &Launch) -> Result<(), Refusal> {
        let signed = &self.body;
        if signed.mrenclave != enclave.mrenclave {
            return Err(Refusal::Measurement {
                signed: signed.mrenclave,
                measured: enclave.mrenclave,
            });
        }
        let mask = signed.attributes_mask;
        if signed.attributes & mask != enclave.attributes & mask {
            return Err(Refusal::Attributes("ATTRIBUTES"));
        }
        let mask = signed.miscselect_mask.0;
        if signed.miscselect.0 & mask != enclave.miscselect.0 & mask {
            return Err(Refusal::Attributes("MISCSELECT"));
        }
        let mask = signed.cet_attributes_mask;
        if signed.cet_attributes & mask != enclave.cet_attributes & mask {
            return Err(Refusal::Attributes("CET_ATTRIBUTES"));
        }
        Ok(())
    }
}

/// Q1 and Q2, little-endian; `None` if the signature is not below the modulus, where they may not
/// fit.
fn quotients(
    signature_le: &[u8; KEY_SIZE],
    modulus_le: &[u8; KEY_SIZE],
) -> Option<([u8; KEY_SIZE], [u8; KEY_SIZE])> {
    let signature = UBig::from_le_bytes(signature_le);
    let modulus = UBig::from_le_bytes(modulus_le);
    if signature >= modulus {
        return None;
    }
    let square = &signature * &signature;
    let q1 = &square / &modulus;
    let q2 = (square % &modulus) * signature / modulus;
    Some((le_bytes(&q1)?, le_bytes(&q2)?))
}

fn le_bytes(number: &UBig) -> Option<[u8; KEY_SIZE]> {
    let bytes = number.to_le_bytes();
    let mut padded = [0; KEY_SIZE];
    padded.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    Some(padded)
}
