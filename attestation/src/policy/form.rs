//! Policies as they are written: one form for JSON and TOML.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use sgx::{Digest, Kind, TdDigest, TdRegister};

use super::text::{Bytes, HexNumber, RegisterName, Text};
use super::{Bits, PlatformRules, Policy, Program, SgxProgram, TdxProgram};
use crate::json::{Object, fault};
use crate::{Fingerprint, Status, Time};

/// A text that is no policy, or a policy that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FormError(String);

/// A policy's members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    #[serde(default, skip_serializing_if = "is_default")]
    any_program: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    allow_debug: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    allow_sim: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    simulated_roots: Vec<Text<Fingerprint>>,
    #[serde(default, skip_serializing_if = "is_default")]
    expires: Option<Text<Time>>,
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "is_default"
    )]
    sgx: Option<SgxForm>,
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "is_default"
    )]
    tdx: Option<TdxForm>,
    #[serde(default, deserialize_with = "object")]
    platform: Option<PlatformForm>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SgxForm {
    #[serde(default, skip_serializing_if = "is_default")]
    measurements: Vec<Text<Digest>>,
    #[serde(default, skip_serializing_if = "is_default")]
    signers: Vec<Text<Digest>>,
    #[serde(default, skip_serializing_if = "is_default")]
    product: Option<u16>,
    #[serde(default, skip_serializing_if = "is_default")]
    minimum_svn: Option<u16>,
    #[serde(default, skip_serializing_if = "is_default")]
    config_id: Option<Text<Bytes<64>>>,
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "is_default"
    )]
    attributes: Option<BitsForm>,
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "is_default"
    )]
    xfrm: Option<BitsForm>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TdxForm {
    #[serde(default, skip_serializing_if = "is_default")]
    registers: Vec<Text<TdDigest>>,
    #[serde(default, skip_serializing_if = "is_default")]
    unchecked: Vec<Text<RegisterName>>,
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "is_default"
    )]
    attributes: Option<BitsForm>,
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "is_default"
    )]
    xfam: Option<BitsForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlatformForm {
    #[serde(default = "up_to_date")]
    statuses: Vec<Status>,
    #[serde(default)]
    advisories: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    minimum_evaluation_data_number: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    minimum_validity: u64,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BitsForm {
    mask: Text<HexNumber>,
    value: Text<HexNumber>,
}

impl FormError {
    /// Of what the reader of JSON says.
    pub(super) fn of_json(error: &serde_json::Error) -> Self {
        Self(fault(error))
    }
}

impl TryFrom<Object<Form>> for Policy {
    type Error = FormError;

    fn try_from(Object(form): Object<Form>) -> Result<Self, FormError> {
        let platform = form.platform.unwrap_or_default();
        if form.allow_sim && form.simulated_roots.is_empty() {
            return refuse(
                "allow_sim: name the root in simulated_roots, as sim: and 64 hex digits",
            );
        }
        if !form.allow_sim && !form.simulated_roots.is_empty() {
            return refuse("simulated_roots: without allow_sim = true none of them is taken");
        }
        Ok(Self {
            program: program(form.any_program, form.sgx, form.tdx, form.allow_sim)?,
            platform: platform.rules()?,
            allow_debug: form.allow_debug,
            allow_sim: form.allow_sim,
            simulated_roots: plain(form.simulated_roots),
            expires: form.expires.map(|Text(time)| time),
        })
    }
}

fn program(
    any: bool,
    sgx: Option<SgxForm>,
    tdx: Option<TdxForm>,
    allow_sim: bool,
) -> Result<Program, FormError> {
    match (any, sgx, tdx) {
        (true, None, None) => Ok(Program::Any),
        (false, Some(sgx), None) => sgx.program(allow_sim).map(Program::Sgx),
        (false, None, Some(tdx)) => tdx.program(allow_sim).map(Program::Tdx),
        (false, None, None) => refuse(
            "it names no program: add [sgx] with measurements or signers, or [tdx] with registers, \
             or any_program = true",
        ),
        _ => refuse("[sgx], [tdx] and any_program = true exclude each other: keep one"),
    }
}

impl SgxForm {
    fn program(self, allow_sim: bool) -> Result<SgxProgram, FormError> {
        let program = SgxProgram {
            measurements: plain(self.measurements),
            signers: plain(self.signers),
            product: self.product,
            minimum_svn: self.minimum_svn,
            attributes: bits("sgx.attributes", self.attributes)?,
            xfrm: bits("sgx.xfrm", self.xfrm)?,
            config_id: self.config_id.map(|Text(Bytes(bytes))| bytes),
        };
        for digest in &program.measurements {
            if !matches!(digest, Digest::Mrenclave(..)) || kind(digest) == Kind::Tdx {
                return refuse(format!(
                    "sgx.measurements: {digest} is no measurement of an enclave"
                ));
            }
        }
        for digest in &program.signers {
            if !matches!(digest, Digest::Mrsigner(..)) || kind(digest) == Kind::Tdx {
                return refuse(format!("sgx.signers: {digest} is no signer of an enclave"));
            }
        }
        let digests = program.measurements.iter().chain(&program.signers);
        let mut simulated = digests.filter(|digest| kind(digest) == Kind::Sim);
        if let (false, Some(digest)) = (allow_sim, simulated.next()) {
            return refuse(format!(
                "sgx: {digest} is of a simulated platform, which is not taken without allow_sim = true"
            ));
        }
        if program.measurements.is_empty() {
            let Some(missing) = program.missing() else {
                return Ok(program);
            };
            return refuse(format!(
                "sgx.{missing} is missing: without measurements, a program is named by signers, \
                 product and minimum_svn together"
            ));
        }
        Ok(program)
    }
}

impl From<SgxProgram> for SgxForm {
    fn from(program: SgxProgram) -> Self {
        Self {
            measurements: texts(program.measurements),
            signers: texts(program.signers),
            product: program.product,
            minimum_svn: program.minimum_svn,
            config_id: program.config_id.map(|id| Text(Bytes(id))),
            attributes: program.attributes.map(BitsForm::from),
            xfrm: program.xfrm.map(BitsForm::from),
        }
    }
}

impl TdxForm {
    fn program(self, allow_sim: bool) -> Result<TdxProgram, FormError> {
        let unchecked = self.unchecked.into_iter();
        let unchecked: Vec<TdRegister> = unchecked.map(|Text(RegisterName(name))| name).collect();
        let registers = plain(self.registers);
        for digest in &registers {
            if unchecked.contains(&digest.register) {
                return refuse(format!(
                    "tdx.unchecked: {} has a value in registers",
                    digest.register
                ));
            }
            match digest.kind {
                Kind::Tdx => {}
                Kind::Sim if allow_sim => {}
                kind => {
                    return refuse(format!(
                        "tdx.registers: {kind}:{} is of another kind than tdx",
                        digest.register
                    ));
                }
            }
        }
        Ok(TdxProgram {
            registers,
            unchecked,
            attributes: bits("tdx.attributes", self.attributes)?.unwrap_or(Bits::TDX),
            xfam: bits("tdx.xfam", self.xfam)?,
        })
    }
}

impl From<TdxProgram> for TdxForm {
    fn from(program: TdxProgram) -> Self {
        let attributes = (program.attributes != Bits::TDX).then_some(program.attributes);
        let unchecked = program.unchecked.into_iter().map(RegisterName).collect();
        Self {
            registers: texts(program.registers),
            unchecked: texts(unchecked),
            attributes: attributes.map(BitsForm::from),
            xfam: program.xfam.map(BitsForm::from),
        }
    }
}

impl PlatformForm {
    fn rules(self) -> Result<PlatformRules, FormError> {
        if self.statuses.is_empty() {
            return refuse("platform.statuses: it is empty, and so no platform is taken");
        }
        if self.statuses.contains(&Status::Revoked) {
            return refuse("platform.statuses: Revoked is never taken");
        }
        if let Some(id) = self.advisories.iter().find(|id| !is_advisory(id)) {
            return refuse(format!(
                "platform.advisories: {id:?} is no advisory: write each out, as in INTEL-SA-00615"
            ));
        }
        Ok(PlatformRules {
            statuses: self.statuses,
            advisories: self.advisories,
            minimum_evaluation_data_number: self.minimum_evaluation_data_number,
            minimum_validity: self.minimum_validity,
        })
    }
}

impl Default for PlatformForm {
    fn default() -> Self {
        PlatformRules::default().into()
    }
}

impl From<PlatformRules> for PlatformForm {
    fn from(rules: PlatformRules) -> Self {
        Self {
            statuses: rules.statuses,
            advisories: rules.advisories,
            minimum_evaluation_data_number: rules.minimum_evaluation_data_number,
            minimum_validity: rules.minimum_validity,
        }
    }
}

impl From<Policy> for Form {
    fn from(policy: Policy) -> Self {
        let (mut sgx, mut tdx, mut any_program) = (None, None, false);
        match policy.program {
            Program::Sgx(program) => sgx = Some(program.into()),
            Program::Tdx(program) => tdx = Some(program.into()),
            Program::Any => any_program = true,
        }
        Self {
            any_program,
            allow_debug: policy.allow_debug,
            allow_sim: policy.allow_sim,
            simulated_roots: texts(policy.simulated_roots),
            expires: policy.expires.map(Text),
            sgx,
            tdx,
            platform: Some(policy.platform.into()),
        }
    }
}

impl From<Bits> for BitsForm {
    fn from(bits: Bits) -> Self {
        Self {
            mask: Text(HexNumber(bits.mask)),
            value: Text(HexNumber(bits.value)),
        }
    }
}

fn bits(member: &str, form: Option<BitsForm>) -> Result<Option<Bits>, FormError> {
    let Some(form) = form else { return Ok(None) };
    let bits = Bits {
        mask: form.mask.0.0,
        value: form.value.0.0,
    };
    if bits.value & !bits.mask != 0 {
        return refuse(format!("{member}: the value has bits that the mask lacks"));
    }
    Ok(Some(bits))
}

const fn kind(digest: &Digest) -> Kind {
    match digest {
        Digest::Mrenclave(kind, _) | Digest::Mrsigner(kind, _) => *kind,
    }
}

/// Ids are letters, digits and hyphens: no pattern takes several.
fn is_advisory(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

fn refuse<T>(fault: impl Into<String>) -> Result<T, FormError> {
    Err(FormError(fault.into()))
}

fn up_to_date() -> Vec<Status> {
    PlatformRules::default().statuses
}

fn plain<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|Text(value)| value).collect()
}

fn texts<T>(values: Vec<T>) -> Vec<Text<T>> {
    values.into_iter().map(Text).collect()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A member that is an object in JSON and a table in TOML, and nothing else.
fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| Some(value))
}

#[cfg(test)]
mod tests;
