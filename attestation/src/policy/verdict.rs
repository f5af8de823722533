//! What a policy says of evidence: every rule with what was claimed and what is wanted.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::Stage;

/// A rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// No debugger can look into the program.
    Debug,
    /// The policy is in force.
    PolicyExpiry,
    /// The collateral is in force, and for long enough.
    CollateralExpiry,
    /// A real platform, or a simulated one where that is allowed.
    Simulation,
    /// The simulated root is one that the policy names.
    SimulatedRoot,
    /// The kind of TEE.
    Tee,
    /// What was measured (SGX): MRENCLAVE.
    Measurement,
    /// Who signed it (SGX): MRSIGNER.
    Signer,
    /// The signer's number of the product (SGX): ISVPRODID.
    Product,
    /// The security version of the program (SGX): ISVSVN.
    Svn,
    /// What the program may do: ATTRIBUTES of an enclave, TDATTRIBUTES of a trust domain.
    Attributes,
    /// The processor state that it has: XFRM of an enclave, XFAM of a trust domain.
    ProcessorState,
    /// What the host configured (SGX): CONFIGID.
    Config,
    /// The TDX module: MRSEAM.
    Mrseam,
    /// Who signed it: MRSIGNERSEAM.
    Mrsignerseam,
    /// The first measurement of a trust domain: MRTD.
    Mrtd,
    /// The first of the registers that a trust domain extends: RTMR0.
    Rtmr0,
    /// RTMR1.
    Rtmr1,
    /// RTMR2.
    Rtmr2,
    /// RTMR3.
    Rtmr3,
    /// What the host configured (TDX): MRCONFIGID.
    Mrconfigid,
    /// The owner of a trust domain: MROWNER.
    Mrowner,
    /// What the owner configured: MROWNERCONFIG.
    Mrownerconfig,
    /// Service trust domains that were bound to it: MRSERVICETD (TDX 1.5).
    Mrservicetd,
    /// What the program says itself: REPORTDATA.
    ReportData,
    /// The state of platform and quoting enclave.
    Status,
    /// The advisories that apply to them.
    Advisories,
    /// How recent the vendor's judgement of the platform is.
    EvaluationDataNumber,
}

/// Whether a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It does.
    Holds,
    /// It does not: the evidence is refused.
    Broken,
    /// The policy takes anything here.
    Unchecked,
}

/// One rule, applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// What the evidence claims.
    pub claim: String,
    /// What the policy wants.
    pub wanted: String,
    /// Whether that fits.
    pub outcome: Outcome,
}

/// A policy's judgement: all rules that apply to evidence of this kind, in a fixed order.
///
/// As an error it is a refusal. Displayed, it is one line that names every broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    findings: Vec<Finding>,
}

impl Rule {
    /// Its name, stable: in messages and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::PolicyExpiry => "policy-expiry",
            Self::CollateralExpiry => "collateral-expiry",
            Self::Simulation => "simulation",
            Self::SimulatedRoot => "simulated-root",
            Self::Tee => "tee",
            Self::Measurement => "measurement",
            Self::Signer => "signer",
            Self::Product => "product",
            Self::Svn => "svn",
            Self::Attributes => "attributes",
            Self::ProcessorState => "processor-state",
            Self::Config => "config",
            Self::Mrseam => "mrseam",
            Self::Mrsignerseam => "mrsignerseam",
            Self::Mrtd => "mrtd",
            Self::Rtmr0 => "rtmr0",
            Self::Rtmr1 => "rtmr1",
            Self::Rtmr2 => "rtmr2",
            Self::Rtmr3 => "rtmr3",
            Self::Mrconfigid => "mrconfigid",
            Self::Mrowner => "mrowner",
            Self::Mrownerconfig => "mrownerconfig",
            Self::Mrservicetd => "mrservicetd",
            Self::ReportData => "report-data",
            Self::Status => "status",
            Self::Advisories => "advisories",
            Self::EvaluationDataNumber => "evaluation-data-number",
        }
    }
}

impl Outcome {
    /// Its name, stable: in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Unchecked => "unchecked",
        }
    }
}

impl Verdict {
    pub(super) const fn new(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// Every rule, in the order of checking.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The rules that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::Broken)
    }

    /// Whether every rule holds.
    #[must_use]
    pub fn accepts(&self) -> bool {
        self.broken().next().is_none()
    }

    /// The check that refuses: [`Stage::PolicyDebug`] comes before [`Stage::Policy`].
    #[must_use]
    pub fn stage(&self) -> Stage {
        let debug = self.broken().any(|finding| finding.rule == Rule::Debug);
        if debug {
            Stage::PolicyDebug
        } else {
            Stage::Policy
        }
    }
}

impl core::error::Error for Verdict {}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut broken = self.broken();
        let Some(first) = broken.next() else {
            return f.write_str("every rule of the policy holds");
        };
        write!(f, "{first}")?;
        broken.try_for_each(|finding| write!(f, "; {finding}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            claim,
            wanted,
            outcome,
        } = self;
        match outcome {
            Outcome::Broken => write!(f, "{rule}: {claim} (wanted: {wanted})"),
            Outcome::Holds => write!(f, "{rule}: {claim} (as wanted: {wanted})"),
            Outcome::Unchecked => write!(f, "{rule}: {claim} (not checked)"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The sheet on which rules are entered as they are applied.
#[derive(Default)]
pub(super) struct Sheet {
    findings: Vec<Finding>,
}

impl Sheet {
    /// A rule that holds or does not.
    pub(super) fn check(
        &mut self,
        rule: Rule,
        holds: bool,
        claim: impl fmt::Display,
        wanted: impl fmt::Display,
    ) {
        let outcome = if holds {
            Outcome::Holds
        } else {
            Outcome::Broken
        };
        self.enter(rule, outcome, claim, wanted);
    }

    /// A rule that the policy does not make.
    pub(super) fn leave(&mut self, rule: Rule, claim: impl fmt::Display) {
        self.enter(rule, Outcome::Unchecked, claim, "anything");
    }

    pub(super) fn verdict(self) -> Verdict {
        Verdict::new(self.findings)
    }

    fn enter(
        &mut self,
        rule: Rule,
        outcome: Outcome,
        claim: impl fmt::Display,
        wanted: impl fmt::Display,
    ) {
        self.findings.push(Finding {
            rule,
            claim: claim.to_string(),
            wanted: wanted.to_string(),
            outcome,
        });
    }
}
