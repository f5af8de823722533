//! A worker against hosts and vaults of every kind.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use link::report::Refusal;
use protocol::crypto::pem;
use protocol::record::{ENCLAVE, UNATTESTED, WorkerRecord};
use protocol::{WorkerId, report_data};
use provision::text::{Base64, Hex};
use provision::{
    DIRECTORY, DIRECTORY_KEY, ENCRYPTION_KEY, GENERATION, Grant, Realm, SIGNING_KEY, VaultKey, seal,
};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use sgx::quote::{Body, Quote};
use sgx::{Mrenclave, Mrsigner};
use simulator::{Platform, Secs, Seed, Settings};
use tee::{SealingKey, Wanted};

use super::*;

const WORKER: &str = "worker-1";
const NOW: u64 = 1_767_229_200;

fn platform(seed: u8) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(NOW - 3_600)).unwrap()
}

fn secs(product: u16, signer: u8) -> Secs {
    Secs {
        isv_prod_id: product,
        isv_svn: 1,
        ..Secs::new(Mrenclave([7; 32]), Mrsigner([signer; 32]))
    }
}

/// The worker's processor.
struct Processor(Platform);

impl Tee for Processor {
    fn kind(&self) -> sgx::Kind {
        sgx::Kind::Sim
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, tee::Error> {
        let quote = self.0.quote(&secs(1, 2), report_data, NOW);
        quote.map_err(|_| Refusal::Failed.into())
    }

    fn sealing_key(&self, _: &Wanted) -> Result<SealingKey, tee::Error> {
        Err(Refusal::Failed.into())
    }

    fn collateral(&self) -> Result<String, tee::Error> {
        let collateral = self.0.collateral(NOW);
        collateral
            .map(|one| one.to_json())
            .map_err(|_| Refusal::Failed.into())
    }
}

/// A vault behind a host, and what the host does with its answers.
struct Vault {
    key: VaultKey,
    shown: VaultEvidence,
    grant: Grant,
    change: fn(&str, Told) -> Told,
    asked: Vec<String>,
}

impl Vault {
    fn new(platform: &Platform, secs: &Secs) -> Self {
        let key = VaultKey::generate().unwrap();
        let realm: Realm = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let said = report_data::vault(key.public_der(), realm.as_str());
        let evidence = platform.evidence(secs, &said, NOW).unwrap();
        let shown = VaultEvidence {
            key: Base64(key.public_der().to_vec()),
            realm,
            evidence: Evidence::new(evidence.quote, &evidence.collateral.to_json()).unwrap(),
        };
        Self {
            key,
            shown,
            grant: grant("3"),
            change: |_, told| told,
            asked: Vec::new(),
        }
    }

    fn honest() -> Self {
        Self::new(&platform(1), &secs(2, 2))
    }

    fn answer(&self, path: &str, body: &[u8]) -> Told {
        match path {
            path::EVIDENCE => told(200, &self.shown),
            path::CHALLENGE => told(
                200,
                &json!({ "nonce": "5a".repeat(32), "lifetimeSeconds": 60 }),
            ),
            path::RELEASE => {
                let request = ReleaseRequest::from_json(body).unwrap();
                told(200, &seal(&request, &self.grant, &self.key).unwrap())
            }
            _ => panic!("no vault is asked for {path}"),
        }
    }
}

impl Line for Vault {
    fn ask(&mut self, path: &str, body: &[u8]) -> Result<Told, Error> {
        self.asked.push(path.to_owned());
        Ok((self.change)(path, self.answer(path, body)))
    }
}

fn told(status: u16, body: &impl Serialize) -> Told {
    Told {
        status,
        body: to_raw_value(body).unwrap(),
    }
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

/// One for all tests: it takes a while to make.
fn encryption_key() -> String {
    static KEY: OnceLock<String> = OnceLock::new();
    let make = || {
        let key = DecryptionKey::generate().unwrap();
        pem::encode("PRIVATE KEY", &key.expose_pkcs8().unwrap())
    };
    KEY.get_or_init(make).clone()
}

/// What a vault gives to a generation of the worker.
fn grant(generation: &str) -> Grant {
    let mut grant = Grant::default();
    grant.environment.extend([
        (
            SIGNING_KEY.to_owned(),
            signing_key().expose_sec1_pem().to_string(),
        ),
        (ENCRYPTION_KEY.to_owned(), encryption_key()),
        (GENERATION.to_owned(), generation.to_owned()),
    ]);
    grant
}

/// What comes of a worker's boot as the third generation.
fn boot(vault: &mut Vault) -> Result<Provisioned, Error> {
    boot_as(vault, "avalon/worker-1/g3")
}

fn boot_as(vault: &mut Vault, service: &str) -> Result<Provisioned, Error> {
    let processor = Processor(platform(1));
    let service = service.parse().unwrap();
    Unattested::new(WORKER, vault)
        .attest(&processor, service, Time::from_unix(NOW))?
        .provision()
}

fn code(result: Result<Provisioned, Error>) -> &'static str {
    result.err().expect("a refusal").code().expect("a code")
}

#[test]
fn a_worker_gets_its_keys_and_has_them_quoted() {
    let mut vault = Vault::honest();
    let provisioned = boot(&mut vault).unwrap();
    assert_eq!(
        vault.asked,
        [path::EVIDENCE, path::CHALLENGE, path::RELEASE]
    );

    let signup = provisioned.keys().signup();
    assert_eq!(signup.verifying_key, signing_key().verifying_key().pem());
    assert_eq!(signup.generation, 3);
    let quote = STANDARD.decode(&signup.quote).unwrap();
    let quote = Quote::parse(&quote).unwrap();
    let said = report_data::worker_keys(
        &WorkerId::from_name(WORKER),
        &signup.verifying_key,
        &signup.encryption_key,
        &[],
    );
    assert_eq!(*quote.body().report_data(), said);
    let Body::Sgx(report) = quote.body() else {
        panic!("of an enclave");
    };
    assert_eq!(signup.mrenclave, report.mrenclave.to_string());

    let record = WorkerRecord::of_signup(signup);
    let data = &record.details["workerTypeData"];
    assert_eq!(data["proofDataType"], ENCLAVE);
    let proof: Value = serde_json::from_str(data["proofData"].as_str().unwrap()).unwrap();
    assert_eq!(proof["verification_report"], *signup.quote);
    assert!(proof["collateral"].to_string().len() > 1_000);
    let chain = proof["report_signing_certificate"].as_str().unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3);
}

#[test]
fn a_vault_that_is_none_is_told_nothing() {
    let vaults = [
        ("of another signer", Vault::new(&platform(1), &secs(2, 9))),
        ("a worker", Vault::new(&platform(1), &secs(1, 2))),
        ("of another platform", Vault::new(&platform(2), &secs(2, 2))),
    ];
    for (name, mut vault) in vaults {
        assert_eq!(code(boot(&mut vault)), "provision.vault-evidence", "{name}");
        assert_eq!(vault.asked, [path::EVIDENCE, path::CHALLENGE], "{name}");
    }
}

#[test]
fn the_evidence_of_one_vault_does_not_help_another() {
    // The host shows a genuine vault's evidence, and answers itself.
    let mut vault = Vault::honest();
    vault.key = VaultKey::generate().unwrap();
    assert_eq!(code(boot(&mut vault)), "provision.release");

    // Or it shows its own key beside that evidence.
    let mut vault = Vault::honest();
    vault.key = VaultKey::generate().unwrap();
    vault.shown.key = Base64(vault.key.public_der().to_vec());
    assert_eq!(code(boot(&mut vault)), "provision.vault-evidence");
}

#[test]
fn only_the_kmes_own_sessions_are_asked_for() {
    for service in [
        "evil/worker-1/g1",
        "avalon/worker-2/g1",
        "avalon/worker-1/app",
        "avalon/worker-1/g",
        "avalon/worker-1/g01",
        "avalon/worker-1/g0",
        "avalon/worker-1/g1.5",
        "avalon/worker-1/g99999999999999999999",
    ] {
        let mut vault = Vault::honest();
        assert_eq!(code(boot_as(&mut vault, service)), "provision.release");
        assert_eq!(vault.asked, [""; 0], "{service}");
    }
}

#[test]
fn keys_of_another_generation_are_refused() {
    for generation in ["2", "03", "", "three"] {
        let mut vault = Vault::honest();
        vault.grant = grant(generation);
        assert_eq!(code(boot(&mut vault)), "provision.release");
    }
}

#[test]
fn what_is_no_key_is_refused_and_not_shown() {
    for name in [SIGNING_KEY, ENCRYPTION_KEY, GENERATION] {
        for value in [
            None,
            Some("canary"),
            Some("-----BEGIN PRIVATE KEY-----\ncanary"),
        ] {
            let mut vault = Vault::honest();
            vault.grant.environment.remove(name);
            let value = value.map(|value| (name.to_owned(), value.to_owned()));
            vault.grant.environment.extend(value);
            let refused = boot(&mut vault).err().unwrap();
            assert_eq!(refused.code(), Some("provision.release"));
            let shown = format!("{refused} {refused:?}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}

#[test]
fn a_key_for_directories_is_quoted_beside_the_others() {
    let key = transparency::signature::SigningKey::generate().unwrap();
    let der = key.verifying_key().to_der();
    let mut vault = Vault::honest();
    let environment = &mut vault.grant.environment;
    environment.insert(DIRECTORY_KEY.to_owned(), STANDARD.encode(&der));
    let provisioned = boot(&mut vault).unwrap();
    let signup = provisioned.keys().signup();
    assert_eq!(signup.directory_key, STANDARD.encode(&der));
    let quote = STANDARD.decode(&signup.quote).unwrap();
    let said = report_data::worker_keys(
        &WorkerId::from_name(WORKER),
        &signup.verifying_key,
        &signup.encryption_key,
        &der,
    );
    assert_eq!(*Quote::parse(&quote).unwrap().body().report_data(), said);
    let record = WorkerRecord::of_signup(signup);
    let proof = record.details["workerTypeData"]["proofData"].as_str();
    let proof: Value = serde_json::from_str(proof.unwrap()).unwrap();
    assert_eq!(proof["directory_key"], *signup.directory_key);
}

#[test]
fn a_directory_that_nothing_can_be_verified_of_keeps_a_worker_from_serving() {
    for (name, value) in [
        (DIRECTORY_KEY, "canary"),
        (DIRECTORY_KEY, "AQ=="),
        (DIRECTORY_KEY, ""),
        (DIRECTORY, "canary"),
        (DIRECTORY, "{}"),
        (
            DIRECTORY,
            r#"{"realm":"canary","vrf_suite":"","vrf_key":"","map_key":""}"#,
        ),
    ] {
        let mut vault = Vault::honest();
        let environment = &mut vault.grant.environment;
        environment.insert(name.to_owned(), value.to_owned());
        let refused = boot(&mut vault).err().unwrap();
        assert_eq!(refused.code(), Some("provision.release"), "{name} {value}");
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
}

#[test]
fn a_refusal_is_told_in_the_vaults_words() {
    let mut vault = Vault::honest();
    vault.change = |path, told_before| match path {
        path::RELEASE => told(
            403,
            &json!({"error": {"code": "cas.measurement", "message": "another program"}}),
        ),
        _ => told_before,
    };
    let refused = boot(&mut vault).err().unwrap();
    assert_eq!(refused.code(), Some("provision.refused"));
    let words = "the vault refuses: cas.measurement: another program";
    assert_eq!(refused.to_string(), words);

    let mut vault = Vault::honest();
    vault.change = |_, _| {
        told(
            0,
            &json!({"error": {"code": "vault.unreachable", "message": "away"}}),
        )
    };
    assert_eq!(code(boot(&mut vault)), "vault.unreachable");
}

#[test]
fn answers_in_other_forms_are_refused() {
    let changes: [fn(&str, Told) -> Told; 4] = [
        |_, _| told(200, &Value::Null),
        |_, told| Told {
            status: 500,
            ..told
        },
        |path, mut told| {
            if path == path::CHALLENGE {
                told = self::told(200, &json!({ "nonce": "5a", "lifetimeSeconds": 60 }));
            }
            told
        },
        |path, mut told| {
            if path == path::RELEASE {
                let mut release = Release::from_json(told.body.get().as_bytes()).unwrap();
                release.key = Hex([0; 32]);
                told = self::told(200, &release);
            }
            told
        },
    ];
    for change in changes {
        let mut vault = Vault::honest();
        vault.change = change;
        assert_eq!(code(boot(&mut vault)), "provision.release");
    }
}

/// A host of a worker without a platform.
struct Alone(Told);

impl Line for Alone {
    fn ask(&mut self, path: &str, _: &[u8]) -> Result<Told, Error> {
        assert_eq!(path, path::UNATTESTED);
        Ok(self.0.clone())
    }
}

#[test]
fn without_a_platform_nothing_is_proved_and_the_record_says_so() {
    let given = json!({
        "signingKey": &*signing_key().expose_sec1_pem(),
        "encryptionKey": encryption_key(),
    });
    let mut with_keys = Alone(told(200, &given));
    let provisioned = Unattested::new(WORKER, &mut with_keys).unvouched().unwrap();
    let signup = provisioned.keys().signup();
    assert_eq!(signup.verifying_key, signing_key().verifying_key().pem());
    let record = WorkerRecord::of_signup(signup);
    let data = &record.details["workerTypeData"];
    assert_eq!(data["proofDataType"], UNATTESTED);
    assert_eq!(data["proofData"], Value::Null);

    let failure = json!({"error": {"code": "provision.refused", "message": "none"}});
    let keys = || {
        let mut without = Alone(told(404, &failure));
        let provisioned = Unattested::new(WORKER, &mut without).unvouched().unwrap();
        provisioned.keys().signup().verifying_key.clone()
    };
    assert_ne!(keys(), keys(), "made for each process");

    let mut other = Alone(told(403, &failure));
    let refused = Unattested::new(WORKER, &mut other).unvouched();
    assert_eq!(code(refused), "provision.refused");
}
