//! What a session asks of the machine that a service runs on.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::SimulatedRoot;

/// What a session asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

/// What is asked of the machine. Everything that is left out is strict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attestation {
    /// By whom it's attested; `hardware` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// With `maa`: Azure's attestation service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// With `simulated`: the roots of the simulated platforms that are taken. SCONE's own CAS knows neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated_roots: Option<Vec<SimulatedRoot>>,
    /// What is put up with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerate: Option<Vec<Tolerance>>,
    /// Which of Intel's advisories are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_advisories: Option<Advisories>,
}

impl Attestation {
    /// By the hardware, and nothing is put up with.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            mode: Some(Mode::Hardware),
            url: None,
            simulated_roots: None,
            tolerate: Some(Vec::new()),
            ignore_advisories: Some(Advisories::These(Vec::new())),
        }
    }
}

/// By whom a machine is attested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By its own hardware.
    #[default]
    Hardware,
    /// By nobody: whoever reaches CAS gets everything.
    None,
    /// By Azure's attestation service.
    Maa,
    /// By a simulated platform, which protects nothing.
    Simulated,
}

/// What can be put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// The enclave can be read by a debugger.
    DebugMode,
    /// Two threads share a core (INTEL-SA-00233).
    Hyperthreading,
    /// The graphics unit shares the cache (INTEL-SA-00219).
    InsecureIgpu,
    /// The firmware is set up in an unsafe way.
    InsecureConfiguration,
    /// The program has to be compiled with mitigations.
    SoftwareHardeningNeeded,
    /// Firmware or microcode is old.
    OutdatedTcb,
    /// Stale data can be read from the interrupt controller (INTEL-SA-00657).
    AepicLeak,
    /// Azure alone judges the machine.
    MaaManagedTcb,
}

impl Tolerance {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DebugMode => "debug-mode",
            Self::Hyperthreading => "hyperthreading",
            Self::InsecureIgpu => "insecure-igpu",
            Self::InsecureConfiguration => "insecure-configuration",
            Self::SoftwareHardeningNeeded => "software-hardening-needed",
            Self::OutdatedTcb => "outdated-tcb",
            Self::AepicLeak => "aepic-leak",
            Self::MaaManagedTcb => "maa-managed-tcb",
        }
    }
}

/// Intel's advisories that are put up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advisories {
    /// Those, as in `INTEL-SA-00161`.
    These(Vec<String>),
    /// `"*"`: all, future ones too.
    All,
}

impl Serialize for Advisories {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::These(list) => list.serialize(serializer),
            Self::All => serializer.serialize_str("*"),
        }
    }
}

impl<'de> Deserialize<'de> for Advisories {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Advisories;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of advisories, or \"*\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Advisories, E> {
                if text == "*" {
                    return Ok(Advisories::All);
                }
                Err(E::custom("it takes a list of advisories, or \"*\""))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Advisories, A::Error> {
                let list = Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                Ok(Advisories::These(list))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
