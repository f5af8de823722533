//! A requester verifies before it encrypts, whatever the listener and the manager behind it show.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use attestation::{Stage, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::SystemEntropy;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::record::WorkerRecord;
use sconce_client::policy::{Policy, Program, Rule};
use sconce_client::{
    CheckedRecord, Client, Differs, Error, EvidenceError, NotProved, Order, Verifier, Worker,
    WorkerId,
};
use serde_json::{Value, json};
use sgx::Mrenclave;
use simulator::{Change, Secs};
use support::evidence::{
    MADE, NOW, attest, keys_of, keys_with, platform, policy, proof, secs, strict, worker_keys,
};
use support::{Fake, Listener, WORKER};

/// A listener whose records have been edited.
fn listener(edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Listener {
    let fake = Fake {
        edit_record: Box::new(edit),
        ..Fake::default()
    };
    fake.start()
}

/// A listener whose records have this evidence.
fn with_proof(proof: Value) -> Listener {
    listener(move |record| attest(record, proof.clone()))
}

fn at(policy: Policy, now: u64) -> Verifier {
    Verifier::new(policy).with_clock(move || Time::from_unix(now))
}

/// Says hello to a worker that has been verified.
async fn hello(listener: &Listener, verifier: &Verifier) -> Result<String, Error> {
    let client = Client::connect(&listener.uri)?;
    let id = WorkerId::from_name(WORKER);
    let worker = client.verified_worker(&id, verifier).await?;
    let order = Order::new(&worker, "python-hello").input("Mujtaba");
    Ok(client.run(&order).await?.text().into_owned())
}

/// Why a worker is refused; nothing has been sent to it.
async fn refusal(listener: &Listener, verifier: &Verifier) -> EvidenceError {
    let refused = hello(listener, verifier).await.unwrap_err();
    assert!(listener.calls_of("WorkOrderSubmit").is_empty());
    match refused {
        Error::Evidence { worker, source } => {
            assert_eq!(worker, WorkerId::from_name(WORKER));
            *source
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_worker_that_is_the_wanted_program_gets_orders() {
    let platform = platform(1);
    let listener = with_proof(proof(&platform, &secs(), &worker_keys()));
    let verifier = at(policy(&platform), NOW);
    assert_eq!(hello(&listener, &verifier).await.unwrap(), "Hello Mujtaba");

    let client = Client::connect(&listener.uri).unwrap();
    let id = WorkerId::from_name(WORKER);
    let worker = client.verified_worker(&id, &verifier).await.unwrap();
    let evidence = worker.evidence().unwrap();
    assert_eq!(evidence.claims().report_data(), &worker_keys());
    assert_eq!(worker.not_proved(), [NotProved::Simulated]);
    let worker = client.unverified_worker(&id).await.unwrap();
    assert!(worker.evidence().is_none());
    assert_eq!(worker.not_proved(), [NotProved::EvidenceNotVerified]);
}

#[tokio::test]
async fn without_evidence_nothing_is_sent() {
    for nothing in [json!(null), json!("")] {
        let refused = refusal(&with_proof(nothing), &at(strict(), NOW)).await;
        assert_eq!(refused, EvidenceError::Missing);
        assert_eq!(
            (refused.code(), refused.stage()),
            ("evidence.missing", None)
        );
    }
}

#[tokio::test]
async fn evidence_has_one_form() {
    let platform = platform(1);
    let good = proof(&platform, &secs(), &worker_keys());
    let good: Value = serde_json::from_str(good.as_str().unwrap()).unwrap();
    let without = |member: &str| {
        let mut proof = good.clone();
        proof.as_object_mut().unwrap().remove(member);
        Value::from(proof.to_string())
    };
    let with = |member: &str, value: Value| {
        let mut proof = good.clone();
        proof[member] = value;
        Value::from(proof.to_string())
    };
    let twice = good.to_string().replacen('{', r#"{"collateral":{},"#, 1);
    for (proof, says) in [
        (json!({}), "is no text"),
        (json!(7), "is no text"),
        (json!("{"), "no JSON object"),
        (json!("[null,null]"), "no JSON object"),
        (json!(twice), "no JSON object"),
        (without("verification_report"), "no verification_report"),
        (
            with("verification_report", json!({})),
            "no verification_report",
        ),
        (with("verification_report", json!("{}")), "no base64"),
        (without("collateral"), "no collateral"),
        (with("collateral", json!([])), "collateral:"),
        (with("collateral", json!({"tcb_info": ""})), "collateral:"),
        (with("verification_report", json!("AAAA")), "version"),
    ] {
        let refused = refusal(&with_proof(proof), &at(policy(&platform), NOW)).await;
        assert_eq!(refused.code(), "evidence.refused", "{refused}");
        assert!(refused.to_string().contains(says), "{refused}: {says}");
        assert!(refused.stage().unwrap() < Stage::Policy, "{refused}");
    }
}

#[tokio::test]
async fn a_manager_that_puts_its_own_keys_into_the_record_gets_nothing() {
    let platform = platform(1);
    let proof = proof(&platform, &secs(), &worker_keys());
    let signing = SigningKey::generate(&SystemEntropy::new()).unwrap();
    let decryption = DecryptionKey::generate().unwrap();
    let encryption = decryption.encryption_key().unwrap().pem().to_owned();
    let sign = |key: &SigningKey| hex::encode(key.sign(&sha256(&[encryption.as_bytes()])));
    let (by_itself, by_worker) = (sign(&signing), sign(support::worker_key()));

    // Both keys are the manager's.
    let (evidence, pem) = (proof.clone(), encryption.clone());
    let both = listener(move |record| {
        attest(record, evidence.clone());
        let data = &mut record["details"]["workerTypeData"];
        data["verificationKey"] = signing.verifying_key().pem().into();
        data["encryptionKey"] = pem.as_str().into();
        data["encryptionKeySignature"] = by_itself.as_str().into();
    });
    let refused = refusal(&both, &at(policy(&platform), NOW)).await;
    let differs = Differs::VerificationKey;
    assert_eq!(refused, EvidenceError::Keys { differs });
    assert_eq!(refused.code(), "evidence.keys");

    // One is, and the worker has been brought to sign it.
    let one = listener(move |record| {
        attest(record, proof.clone());
        let data = &mut record["details"]["workerTypeData"];
        data["encryptionKey"] = encryption.as_str().into();
        data["encryptionKeySignature"] = by_worker.as_str().into();
    });
    let refused = refusal(&one, &at(policy(&platform), NOW)).await;
    let differs = Differs::EncryptionKeyOrId;
    assert_eq!(refused, EvidenceError::Keys { differs });
    assert_eq!(refused.stage(), Some(Stage::Policy));
}

#[tokio::test]
async fn the_key_for_directories_is_the_one_that_was_quoted() {
    let platform = platform(1);
    let quoted = proof(&platform, &secs(), &keys_with(WORKER, &[7; 91]));
    let shown = |key: Option<String>| {
        let mut proof: Value = serde_json::from_str(quoted.as_str().unwrap()).unwrap();
        if let Some(key) = key {
            proof["directory_key"] = key.into();
        }
        with_proof(proof.to_string().into())
    };
    let verifier = at(policy(&platform), NOW);
    let same = shown(Some(STANDARD.encode([7; 91])));
    assert_eq!(hello(&same, &verifier).await.unwrap(), "Hello Mujtaba");
    for other in [None, Some(STANDARD.encode([8; 91])), Some(String::new())] {
        let refused = refusal(&shown(other), &verifier).await;
        assert_eq!(refused.code(), "evidence.keys");
    }
    let refused = refusal(&shown(Some("no base64".to_owned())), &verifier).await;
    assert_eq!(refused.code(), "evidence.refused");
}

#[tokio::test]
async fn a_text_of_a_key_that_was_not_quoted_is_another_key() {
    let platform = platform(1);
    let proof = proof(&platform, &secs(), &worker_keys());
    let rewrapped = listener(move |record| {
        attest(record, proof.clone());
        let key = &mut record["details"]["workerTypeData"]["verificationKey"];
        *key = key.as_str().unwrap().replace('\n', "\r\n").into();
    });
    let refused = refusal(&rewrapped, &at(policy(&platform), NOW)).await;
    assert_eq!(refused.code(), "evidence.keys");
}

#[tokio::test]
async fn a_quote_of_another_worker_or_for_another_purpose_is_refused() {
    let platform = platform(1);
    let mut swapped = worker_keys();
    swapped.rotate_left(32);
    for quoted in [keys_of("scone-worker-2"), swapped, [0; 64]] {
        let listener = with_proof(proof(&platform, &secs(), &quoted));
        let refused = refusal(&listener, &at(policy(&platform), NOW)).await;
        assert_eq!(refused.code(), "evidence.keys", "{refused}");
    }
}

#[tokio::test]
async fn another_program_is_named_beside_the_wanted_one() {
    let platform = platform(1);
    let other = Secs {
        mrenclave: Mrenclave([0x33; 32]),
        ..secs()
    };
    let listener = with_proof(proof(&platform, &other, &worker_keys()));
    let refused = refusal(&listener, &at(policy(&platform), NOW)).await;
    assert_eq!(refused.code(), "evidence.mrenclave");
    let text = refused.to_string();
    for digits in ["11", "33"] {
        let digest = format!("sim:mrenclave:{}", digits.repeat(32));
        assert!(text.contains(&digest), "{text}");
    }
}

#[tokio::test]
async fn a_debugger_is_not_overlooked() {
    let platform = platform(1);
    let mut debug = secs();
    debug.attributes.flags |= sgx::flags::DEBUG;
    let listener = with_proof(proof(&platform, &debug, &worker_keys()));
    let refused = refusal(&listener, &at(policy(&platform), NOW)).await;
    assert_eq!(refused.stage(), Some(Stage::PolicyDebug));
    assert_eq!(refused.code(), "evidence.refused");

    debug.mrenclave = Mrenclave([0x33; 32]);
    let listener = with_proof(proof(&platform, &debug, &worker_keys()));
    let EvidenceError::Measurement { others, .. } =
        refusal(&listener, &at(policy(&platform), NOW)).await
    else {
        panic!("it is another program too");
    };
    assert_eq!(others, [Rule::Debug]);

    let allowed = Policy {
        allow_debug: true,
        ..policy(&platform)
    };
    debug.mrenclave = secs().mrenclave;
    let listener = with_proof(proof(&platform, &debug, &worker_keys()));
    let client = Client::connect(&listener.uri).unwrap();
    let worker = client
        .verified_worker(&WorkerId::from_name(WORKER), &at(allowed, NOW))
        .await
        .unwrap();
    let gaps = [NotProved::Simulated, NotProved::Debug];
    assert_eq!(worker.not_proved(), gaps);
}

/// Whoever signs the wanted program himself signs a vault, too, and has it take his keys from that.
#[tokio::test]
async fn the_same_program_of_another_signer_is_refused_or_told() {
    let platform = platform(1);
    let mut resigned = secs();
    resigned.mrsigner.0[0] ^= 1;
    let listener = with_proof(proof(&platform, &resigned, &worker_keys()));
    let refused = refusal(&listener, &at(policy(&platform), NOW)).await;
    assert!(refused.to_string().contains("signer"), "{refused}");

    let mut loose = policy(&platform);
    if let Program::Sgx(program) = &mut loose.program {
        program.signers.clear();
    }
    let client = Client::connect(&listener.uri).unwrap();
    let id = WorkerId::from_name(WORKER);
    let worker = client.verified_worker(&id, &at(loose, NOW)).await.unwrap();
    let gaps = [NotProved::Simulated, NotProved::AnySigner];
    assert_eq!(worker.not_proved(), gaps);
}

#[tokio::test]
async fn a_simulated_platform_has_to_be_asked_for_by_its_root() {
    let (platform, other) = (platform(1), platform(2));
    let listener = with_proof(proof(&platform, &secs(), &worker_keys()));
    for wanted in [strict(), policy(&other)] {
        let refused = refusal(&listener, &at(wanted, NOW)).await;
        let found = platform.fingerprint().parse().unwrap();
        assert_eq!(refused, EvidenceError::Root { found });
        assert_eq!(refused.stage(), Some(Stage::Root));
    }
}

#[tokio::test]
async fn an_old_record_is_refused() {
    const DAY: u64 = 86_400;
    let platform = platform(1);
    let listener = with_proof(proof(&platform, &secs(), &worker_keys()));
    let refused = refusal(&listener, &at(policy(&platform), NOW + 31 * DAY)).await;
    assert_eq!(refused.stage(), Some(Stage::Time));
    assert_eq!(refused.code(), "evidence.refused");
    // So is one from before the platform was there.
    let refused = refusal(&listener, &at(policy(&platform), MADE - DAY)).await;
    assert_eq!(refused.stage(), Some(Stage::Time));

    // Its collateral holds for 30 days, so this takes records of the last day alone.
    let mut fresh = policy(&platform);
    fresh.platform.minimum_validity = 29 * DAY;
    let client = Client::connect(&listener.uri).unwrap();
    let id = WorkerId::from_name(WORKER);
    let verifier = at(fresh.clone(), NOW);
    assert!(client.verified_worker(&id, &verifier).await.is_ok());
    let refused = refusal(&listener, &at(fresh, NOW + 2 * DAY)).await;
    assert_eq!(refused.stage(), Some(Stage::Policy));

    // And one from before an update that somebody insists on.
    let mut recent = policy(&platform);
    recent.platform.minimum_evaluation_data_number = Some(1_000);
    let refused = refusal(&listener, &at(recent, NOW)).await;
    assert_eq!(refused.stage(), Some(Stage::Policy));
}

#[tokio::test]
async fn collateral_of_another_platform_does_not_help() {
    let (revoked, other) = (platform(1), platform(2));
    let revoked = revoked.with(MADE + 60, Change::RevokePck);
    let quote_of = |platform: &_| -> Value {
        let proof = proof(platform, &secs(), &worker_keys());
        serde_json::from_str(proof.as_str().unwrap()).unwrap()
    };
    let refused = refusal(
        &with_proof(quote_of(&revoked).to_string().into()),
        &at(policy(&revoked), NOW),
    )
    .await;
    assert_eq!(refused.stage(), Some(Stage::Revoked));

    let mut mixed = quote_of(&revoked);
    mixed["collateral"] = quote_of(&other)["collateral"].clone();
    let mut both = policy(&revoked);
    let root = other.fingerprint().parse().unwrap();
    both.simulated_roots.push(root);
    let listener = with_proof(mixed.to_string().into());
    let refused = refusal(&listener, &at(both, NOW)).await;
    assert!(refused.stage().unwrap() <= Stage::Chain, "{refused}");
}

#[tokio::test]
async fn orders_end_with_the_evidence() {
    let platform = platform(1);
    let listener = with_proof(proof(&platform, &secs(), &worker_keys()));
    let now = Arc::new(AtomicU64::new(NOW));
    let clock = Arc::clone(&now);
    let verifier = Verifier::new(policy(&platform))
        .with_clock(move || Time::from_unix(clock.load(Ordering::Relaxed)));
    let client = Client::connect(&listener.uri).unwrap();
    let id = WorkerId::from_name(WORKER);
    let worker = client.verified_worker(&id, &verifier).await.unwrap();
    let until = worker.evidence().unwrap().expires().unix();
    let order = Order::new(&worker, "python-hello").input("Mujtaba");
    now.store(until, Ordering::Relaxed);
    assert!(order.seal().is_ok());
    now.store(until + 1, Ordering::Relaxed);
    let Err(Error::Evidence { source, .. }) = order.seal() else {
        panic!("the evidence has run out");
    };
    assert_eq!(source.stage(), Some(Stage::Time));
}

/// Whatever is changed in a record: it is refused, or it is the same worker as far as an order goes.
#[tokio::test]
async fn no_character_of_a_record_can_be_turned_into_another_worker() {
    const PLACES: usize = 1_500;
    let platform = platform(1);
    let verifier = at(policy(&platform), NOW);
    let listener = with_proof(proof(&platform, &secs(), &worker_keys()));
    let client = Client::connect(&listener.uri).unwrap();
    let id = WorkerId::from_name(WORKER);
    let record = client.record(&id).await.unwrap();
    let honest = client.checked_record(&id).await.unwrap();
    let keys = |record: &CheckedRecord| {
        let pems = [
            record.verification_key().pem(),
            record.encryption_key().pem(),
        ];
        pems.map(str::to_owned)
    };
    let wanted = keys(&honest);
    let text = serde_json::to_string(&record).unwrap();
    let (mut refused, mut same) = (0, 0);
    for place in (0..text.len()).step_by(text.len() / PLACES) {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let Ok(changed) = serde_json::from_slice::<WorkerRecord>(&changed) else {
            continue;
        };
        let Ok(checked) = CheckedRecord::check(id.clone(), changed) else {
            refused += 1;
            continue;
        };
        let found = keys(&checked);
        match Worker::verified(checked, &verifier).await {
            Err(Error::Evidence { .. }) => refused += 1,
            Err(other) => panic!("at {place}: {other}"),
            Ok(worker) => {
                assert_eq!(found, wanted, "at {place}");
                let claims = worker.evidence().unwrap().claims();
                assert_eq!(claims.report_data(), &worker_keys(), "at {place}");
                same += 1;
            }
        }
    }
    // Endpoints, algorithms and the like may be anything.
    assert!(
        refused > 1_000 && same > 0,
        "{refused} refused, {same} the same"
    );
}
