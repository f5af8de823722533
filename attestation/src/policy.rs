//! What is wanted of a program, and of the platform under it.
//!
//! A policy is explicit: a program that it does not name is refused, and so is every state of a
//! platform and every advisory that it does not list. What it takes beyond the strictest therefore
//! stands in it, and in each [`Verdict`].

mod evidence;
mod form;
mod rules;
mod text;
mod verdict;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use sgx::quote::TdReport;
use sgx::{Digest, TdDigest, TdRegister};

pub use evidence::VerifiedEvidence;
pub use form::FormError;
pub use verdict::{Finding, Outcome, Rule, Verdict};

use crate::json::Object;
use crate::{Claims, Fingerprint, Status, Time, VerifiedQuote};

/// What evidence has to say, for its program to be trusted.
///
/// Rules that are written must all hold. In JSON and TOML it has the form that `docs/attestation.md`
/// describes; unknown members are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Object<form::Form>", into = "form::Form")]
pub struct Policy {
    /// Which program.
    pub program: Program,
    /// What its platform has to be.
    pub platform: PlatformRules,
    /// Whether a debugger may look in: then nothing is kept secret.
    pub allow_debug: bool,
    /// Whether the platform may be a simulated one, which protects nothing. Its root has to be in
    /// `simulated_roots` too.
    pub allow_sim: bool,
    /// The roots of simulated platforms that are taken, if `allow_sim` says so.
    pub simulated_roots: Vec<Fingerprint>,
    /// From then on the policy refuses everything.
    pub expires: Option<Time>,
}

/// Which program a policy takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// An enclave of SGX.
    Sgx(SgxProgram),
    /// A trust domain of TDX: a whole virtual machine.
    Tdx(TdxProgram),
    /// Any, in either: the policy is about platforms alone.
    Any,
}

/// Which enclave. Without `measurements` it is named by `signers`, `product` and `minimum_svn`, all
/// three; with none of these nothing is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SgxProgram {
    /// Any of these MRENCLAVE. Empty: whatever the signer signed.
    pub measurements: Vec<Digest>,
    /// Any of these MRSIGNER. Empty: whoever signed it.
    pub signers: Vec<Digest>,
    /// ISVPRODID: the signer's number of the product.
    pub product: Option<u16>,
    /// The smallest ISVSVN.
    pub minimum_svn: Option<u16>,
    /// Bits of ATTRIBUTES' flags.
    pub attributes: Option<Bits>,
    /// Bits of ATTRIBUTES' XFRM.
    pub xfrm: Option<Bits>,
    /// CONFIGID, which the host chooses. None: it has to be zero.
    pub config_id: Option<[u8; 64]>,
}

/// Which trust domain. A register without values has to be zero, unless it is in `unchecked`; only
/// those of the TDX module may be left out, because its vendor's documents say which modules are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TdxProgram {
    /// Values of registers. Where one has several, it may have any of them.
    pub registers: Vec<TdDigest>,
    /// Registers that may have any value.
    pub unchecked: Vec<TdRegister>,
    /// Bits of TDATTRIBUTES.
    pub attributes: Bits,
    /// Bits of XFAM.
    pub xfam: Option<Bits>,
}

/// Bits that count, and how they have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bits {
    /// Those that count.
    pub mask: u64,
    /// How they have to be.
    pub value: u64,
}

/// What a platform has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRules {
    /// The states that are taken.
    pub statuses: Vec<Status>,
    /// The advisories that may apply, each by its id.
    pub advisories: Vec<String>,
    /// The smallest `tcbEvaluationDataNumber`, of TCB info and quoting enclave's identity both.
    pub minimum_evaluation_data_number: Option<u32>,
    /// For how long the collateral has to be in force yet, in seconds.
    pub minimum_validity: u64,
}

impl Policy {
    /// The strictest policy for a program: a real platform, up to date, and no debugger.
    #[must_use]
    pub fn strict(program: Program) -> Self {
        Self {
            program,
            platform: PlatformRules::default(),
            allow_debug: false,
            allow_sim: false,
            simulated_roots: Vec::new(),
            expires: None,
        }
    }

    /// A policy from its JSON text.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or is not in the form of a policy.
    pub fn from_json(text: &[u8]) -> Result<Self, FormError> {
        serde_json::from_slice(text).map_err(|error| FormError::of_json(&error))
    }

    /// Judges a quote that is genuine.
    ///
    /// `report_data` is what its REPORTDATA has to be; without it, whoever asks must compare it.
    ///
    /// # Errors
    ///
    /// The verdict, if any rule does not hold.
    pub fn appraise(
        &self,
        quote: VerifiedQuote,
        now: Time,
        report_data: Option<&[u8; 64]>,
    ) -> Result<VerifiedEvidence, Verdict> {
        let verdict = self.judge(quote.claims(), now, report_data);
        VerifiedEvidence::new(quote, verdict, self.expires)
    }

    /// What [`appraise`](Self::appraise) would say, of claims wherever they come from: it is no
    /// evidence.
    #[must_use]
    pub fn judge(&self, claims: &Claims, now: Time, report_data: Option<&[u8; 64]>) -> Verdict {
        rules::judge(self, claims, now, report_data)
    }
}

impl Default for PlatformRules {
    /// Up to date, and no advisory.
    fn default() -> Self {
        Self {
            statuses: alloc::vec![Status::UpToDate],
            advisories: Vec::new(),
            minimum_evaluation_data_number: None,
            minimum_validity: 0,
        }
    }
}

impl Default for TdxProgram {
    /// Every register is zero; attributes as [`Bits::TDX`] has them.
    fn default() -> Self {
        Self {
            registers: Vec::new(),
            unchecked: Vec::new(),
            attributes: Bits::TDX,
            xfam: None,
        }
    }
}

impl SgxProgram {
    /// What is missing for signer, product and version to name a program.
    const fn missing(&self) -> Option<&'static str> {
        if self.signers.is_empty() {
            Some("signers")
        } else if self.product.is_none() {
            Some("product")
        } else if self.minimum_svn.is_none() {
            Some("minimum_svn")
        } else {
            None
        }
    }
}

impl Bits {
    /// TDATTRIBUTES unless a policy says otherwise: page faults that the host provokes stay hidden
    /// (SEPT_VE_DISABLE), and none of the bits that make a domain untrusted is set. DEBUG, the first
    /// of them, has a rule of its own.
    pub const TDX: Self = Self {
        mask: TdReport::SEPT_VE_DISABLE | 0xfe,
        value: TdReport::SEPT_VE_DISABLE,
    };

    /// Whether these bits are as they have to be.
    #[must_use]
    pub const fn hold(self, bits: u64) -> bool {
        bits & self.mask == self.value
    }
}

#[cfg(test)]
mod tests;
