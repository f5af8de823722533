//! A worker's entry in the registry (wire facts, section 5).

use serde::{Deserialize, Serialize};
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

/// `proofDataType` of a worker whose keys come from a development key file: nothing is proved.
pub const DEVELOPMENT_KEYS: &str = "DEVELOPMENT-KEYS";

impl WorkerRecord {
    /// The record of a worker that has just signed up. Without a quote nothing proves its keys,
    /// and the record says so.
    pub fn of_signup(signup: &Signup) -> Self {
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
                "proofDataType": DEVELOPMENT_KEYS,
                "proofData": null,
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
