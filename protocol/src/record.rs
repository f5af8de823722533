//! A worker's entry in the registry (wire facts, section 5).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::crypto::rsa::EncryptionKey;
use crate::crypto::secp256k1::VerifyingKey;
use crate::crypto::sha256;
use crate::processor::Signup;

/// What `WorkerRetrieve` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerRecord {
    /// 1 TEE-SGX, 2 MPC, 3 ZK.
    pub worker_type: i64,
    /// Hex text.
    pub organization_id: String,
    /// Hex text.
    pub application_type_id: String,
    /// Endpoints, algorithms and keys; read the keys with [`WorkerKeys::from_details`].
    pub details: Value,
    /// Whether it takes orders.
    pub status: Status,
}

/// Whether a worker takes orders, numbered as Avalon's SDK does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "i64", try_from = "i64")]
pub enum Status {
    /// Takes orders.
    Active,
    /// Doesn't now.
    OffLine,
    /// Never will again.
    Decommissioned,
    /// Must not be trusted any more.
    Compromised,
}

impl Status {
    /// The number on the wire, 1 to 4.
    pub const fn code(self) -> i64 {
        match self {
            Status::Active => 1,
            Status::OffLine => 2,
            Status::Decommissioned => 3,
            Status::Compromised => 4,
        }
    }

    /// The status of this number.
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Status::Active),
            2 => Some(Status::OffLine),
            3 => Some(Status::Decommissioned),
            4 => Some(Status::Compromised),
            _ => None,
        }
    }

    /// A word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::OffLine => "off-line",
            Status::Decommissioned => "decommissioned",
            Status::Compromised => "compromised",
        }
    }
}

impl From<Status> for i64 {
    fn from(status: Status) -> i64 {
        status.code()
    }
}

impl TryFrom<i64> for Status {
    type Error = String;

    fn try_from(code: i64) -> Result<Self, String> {
        Self::from_code(code).ok_or_else(|| format!("{code} is no worker status"))
    }
}

/// Organization and application type that Avalon's sample workers are registered with.
pub const SAMPLE_ORGANIZATION: &str = "aabbcc1234ddeeff";
/// See [`SAMPLE_ORGANIZATION`].
pub const SAMPLE_APPLICATION_TYPE: &str = "11aa22bb33cc44dd";

/// `proofDataType` of a worker that no platform vouches for: nothing is proved.
pub const UNATTESTED: &str = "UNATTESTED";

/// `proofDataType` of a worker with a quote: the only name that Avalon has for one of SGX. Readers go by
/// the members of `proofData`.
pub const ENCLAVE: &str = "TEE-SGX-IAS";

impl WorkerRecord {
    /// The record of a worker that has just signed up. Without a quote nothing proves its keys,
    /// and the record says so.
    pub fn of_signup(signup: &Signup) -> Self {
        let (proof_data_type, proof_data) = match proof_data(signup) {
            Some(proof) => (ENCLAVE, Value::String(proof)),
            None => (UNATTESTED, Value::Null),
        };
        let details = json!({
            "workOrderSyncUri": "",
            "workOrderAsyncUri": "",
            "workOrderPullUri": "",
            "workOrderNotifyUri": "",
            "receiptInvocationUri": "",
            "workOrderInvocationAddress": "",
            "receiptInvocationAddress": "",
            "fromAddress": "",
            "hashingAlgorithm": "SHA-256",
            "signingAlgorithm": "SECP256K1",
            "keyEncryptionAlgorithm": "RSA-OAEP-3072",
            "dataEncryptionAlgorithm": "AES-GCM-256",
            "workOrderPayloadFormats": "JSON-RPC",
            "workerTypeData": {
                "verificationKey": signup.verifying_key,
                "extendedMeasurements": null,
                "proofDataType": proof_data_type,
                "proofData": proof_data,
                "encryptionKey": signup.encryption_key,
                "encryptionKeySignature": signup.encryption_key_signature,
            },
        });
        Self {
            worker_type: 1,
            organization_id: SAMPLE_ORGANIZATION.to_owned(),
            application_type_id: SAMPLE_APPLICATION_TYPE.to_owned(),
            details,
            status: Status::Active,
        }
    }
}

/// The JSON text that `proofData` is, in Avalon's form of DCAP evidence, and beside its members the
/// collateral, which Avalon leaves its readers to fetch, and the worker's key for directories, if it has one.
fn proof_data(signup: &Signup) -> Option<String> {
    if signup.quote.is_empty() {
        return None;
    }
    let collateral: Option<&RawValue> = serde_json::from_str(&signup.collateral).ok();
    let proof = ProofData {
        verification_report: &signup.quote,
        report_signature: "",
        report_signing_certificate: &signup.certificates,
        collateral,
        directory_key: &signup.directory_key,
    };
    // Made of texts: writing it can't fail.
    serde_json::to_string(&proof).ok()
}

#[derive(Serialize)]
struct ProofData<'a> {
    /// The quote, in base64.
    verification_report: &'a str,
    /// A quote has its signature in itself.
    report_signature: &'a str,
    report_signing_certificate: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    collateral: Option<&'a RawValue>,
    /// The key of its entry in a key directory, which the quote is about, too.
    #[serde(skip_serializing_if = "str::is_empty")]
    directory_key: &'a str,
}

/// A worker's public keys, whose binding to each other has been checked.
pub struct WorkerKeys {
    /// Verifies answers.
    pub verification: VerifyingKey,
    /// Encrypts session keys.
    pub encryption: EncryptionKey,
    /// Whether the verification key has signed the encryption key. Avalon's client takes a record
    /// without that signature; ours does not.
    pub signed: bool,
}

/// What is wrong with the keys of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadDetails {
    /// A key is missing or no text.
    #[error("details.workerTypeData.{0} is missing")]
    Missing(&'static str),
    /// The verification key can't be used.
    #[error("details.workerTypeData.verificationKey is not a PEM secp256k1 public key")]
    VerificationKey,
    /// The encryption key can't be used.
    #[error(
        "details.workerTypeData.encryptionKey is not a PEM RSA public key of 2048 to 8192 bits"
    )]
    EncryptionKey,
    /// The signature of the one under the other is there and wrong.
    #[error("details.workerTypeData.encryptionKeySignature does not verify")]
    Signature,
}

impl WorkerKeys {
    /// Reads and checks the keys in a record's `details`.
    pub fn from_details(details: &Value) -> Result<Self, BadDetails> {
        let data = &details["workerTypeData"];
        let text = |name| data[name].as_str().ok_or(BadDetails::Missing(name));
        let verification = VerifyingKey::from_pem(text("verificationKey")?)
            .map_err(|_| BadDetails::VerificationKey)?;
        let encryption = EncryptionKey::from_pem(text("encryptionKey")?)
            .map_err(|_| BadDetails::EncryptionKey)?;
        let signature = &data["encryptionKeySignature"];
        let signed = !signature.is_null();
        if signed {
            let digest = sha256(&[encryption.pem().as_bytes()]);
            let der = signature.as_str().and_then(crate::ids::decode);
            if !der.is_some_and(|der| verification.verifies(&digest, &der)) {
                return Err(BadDetails::Signature);
            }
        }
        Ok(Self {
            verification,
            encryption,
            signed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker_type_data(signup: &Signup) -> Value {
        let mut record = WorkerRecord::of_signup(signup);
        record.details["workerTypeData"].take()
    }

    #[test]
    fn a_quote_is_published_as_avalon_has_it() {
        let signup = Signup {
            quote: "AQ==".to_owned(),
            certificates: "PEM".to_owned(),
            collateral: r#"{"tcb_info": "…"}"#.to_owned(),
            ..Signup::default()
        };
        let data = worker_type_data(&signup);
        assert_eq!(data["proofDataType"], ENCLAVE);
        let text = data["proofData"].as_str().unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"verification_report":"AQ==","report_signature":"","#,
                r#""report_signing_certificate":"PEM","collateral":{"tcb_info": "…"}}"#
            )
        );
    }

    #[test]
    fn without_a_quote_the_record_says_so() {
        let data = worker_type_data(&Signup::default());
        assert_eq!(data["proofDataType"], UNATTESTED);
        assert_eq!(data["proofData"], Value::Null);
    }

    #[test]
    fn what_is_no_collateral_is_not_published() {
        let signup = Signup {
            quote: "AQ==".to_owned(),
            collateral: "{".to_owned(),
            ..Signup::default()
        };
        let data = worker_type_data(&signup);
        let proof: Value = serde_json::from_str(data["proofData"].as_str().unwrap()).unwrap();
        assert_eq!(proof.get("collateral"), None);
    }
}
