//! Evidence of a simulated platform for the worker, or for whoever pretends to be it.

use attestation::policy::{Policy, Program, SgxProgram};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{WorkerId, report_data};
use serde_json::{Value, json};
use sgx::{Digest, Kind, Mrenclave, Mrsigner};
use simulator::{Platform, Secs, Seed, Settings};

use super::{WORKER, keys};

/// 2026-01-01T00:00:00Z, when the platforms are made.
pub(crate) const MADE: u64 = 1_767_225_600;
/// When records are made and, mostly, verified.
pub(crate) const NOW: u64 = MADE + 3_600;

/// The measurement that is wanted.
pub(crate) const MEASUREMENT: Mrenclave = Mrenclave([0x11; 32]);

/// Whose signature is wanted on it.
pub(crate) const SIGNER: Mrsigner = Mrsigner([0x22; 32]);

/// A platform whose keys everybody knows.
pub(crate) fn platform(seed: u8) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(MADE)).unwrap()
}

/// The enclave that is wanted.
pub(crate) fn secs() -> Secs {
    Secs::new(MEASUREMENT, SIGNER)
}

/// What the worker has quoted.
pub(crate) fn worker_keys() -> [u8; 64] {
    keys_of(WORKER)
}

/// What a worker of another name has quoted that has the same keys.
pub(crate) fn keys_of(name: &str) -> [u8; 64] {
    keys_with(name, &[])
}

/// What a worker has quoted that has this key for directories beside its others.
pub(crate) fn keys_with(name: &str, directory_key: &[u8]) -> [u8; 64] {
    let (signing, decryption) = keys();
    report_data::worker_keys(
        &WorkerId::from_name(name),
        signing.verifying_key().pem(),
        decryption.encryption_key().unwrap().pem(),
        directory_key,
    )
}

/// `proofData` of an enclave on a platform that quoted this at [`NOW`].
pub(crate) fn proof(platform: &Platform, secs: &Secs, report_data: &[u8; 64]) -> Value {
    proof_at(platform, secs, report_data, NOW)
}

/// The same at another time.
pub(crate) fn proof_at(platform: &Platform, secs: &Secs, quoted: &[u8; 64], now: u64) -> Value {
    let evidence = platform.evidence(secs, quoted, now).unwrap();
    let collateral: Value = serde_json::from_str(&evidence.collateral.to_json()).unwrap();
    let proof = json!({
        "verification_report": STANDARD.encode(&evidence.quote),
        "report_signature": "",
        "report_signing_certificate": "",
        "collateral": collateral,
    });
    proof.to_string().into()
}

/// Puts evidence into a record.
pub(crate) fn attest(record: &mut Value, proof: Value) {
    record["details"]["workerTypeData"]["proofDataType"] = "TEE-SGX-IAS".into();
    record["details"]["workerTypeData"]["proofData"] = proof;
}

/// The policy for [`MEASUREMENT`] on that platform.
pub(crate) fn policy(platform: &Platform) -> Policy {
    Policy {
        allow_sim: true,
        simulated_roots: vec![platform.fingerprint().parse().unwrap()],
        ..strict()
    }
}

/// The policy for [`MEASUREMENT`] on hardware.
pub(crate) fn strict() -> Policy {
    let program = SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Sim, MEASUREMENT)],
        signers: vec![Digest::Mrsigner(Kind::Sim, SIGNER)],
        ..SgxProgram::default()
    };
    Policy::strict(Program::Sgx(program))
}
