//! The evidence in a worker's record: a quote and its collateral, as data that a listener gave.

use attestation::Collateral;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::record::WorkerRecord;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::EvidenceError;

/// What a record shows of the program behind it; nothing of it is verified.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// DCAP quote.
    pub(crate) quote: Vec<u8>,
    pub(crate) collateral: Collateral,
    /// The key that signs the worker's entry in a key directory (SubjectPublicKeyInfo, DER), or nothing. The quote
    /// is about it, too.
    pub(crate) directory_key: Vec<u8>,
}

/// Avalon's shape of DCAP evidence (wire facts, section 5), with the collateral beside it. Other members
/// are for others.
#[derive(Deserialize)]
struct ProofData<'a> {
    #[serde(default, borrow)]
    verification_report: Option<&'a RawValue>,
    #[serde(default, borrow)]
    collateral: Option<&'a RawValue>,
    #[serde(default)]
    directory_key: String,
}

/// Whether a record has something that may be evidence.
pub(crate) fn is_there(record: &WorkerRecord) -> bool {
    !is_nothing(proof_data(record))
}

impl Evidence {
    /// Reads the evidence of a record.
    pub(crate) fn read(record: &WorkerRecord) -> Result<Self, EvidenceError> {
        let text = match proof_data(record) {
            nothing if is_nothing(nothing) => return Err(EvidenceError::Missing),
            Value::String(text) => text,
            _ => return Err(form("is no text that holds JSON")),
        };
        // A structure can be read from an array too.
        let proof: ProofData<'_> = match serde_json::from_str(text) {
            Ok(proof) if text.trim_start().starts_with('{') => proof,
            _ => return Err(form("holds no JSON object of evidence")),
        };
        let report = proof
            .verification_report
            .and_then(|report| serde_json::from_str::<String>(report.get()).ok())
            .ok_or_else(|| form("has no verification_report that is a text"))?;
        let quote = STANDARD
            .decode(report)
            .map_err(|_| form("has a verification_report that is no base64 of a quote"))?;
        let collateral = proof
            .collateral
            .ok_or_else(|| form("has no collateral to judge its quote by"))?;
        let directory_key = STANDARD
            .decode(proof.directory_key)
            .map_err(|_| form("has a directory_key that is no base64 of a key"))?;
        Ok(Self {
            quote,
            collateral: Collateral::from_json(collateral.get().as_bytes())?,
            directory_key,
        })
    }
}

fn proof_data(record: &WorkerRecord) -> &Value {
    &record.details["workerTypeData"]["proofData"]
}

fn is_nothing(proof: &Value) -> bool {
    proof.is_null() || proof.as_str().is_some_and(str::is_empty)
}

const fn form(fault: &'static str) -> EvidenceError {
    EvidenceError::Form { fault }
}
