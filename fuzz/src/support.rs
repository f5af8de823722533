//! A worker that is the same each time, and how its answers are read.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use protocol::answer::WorkOrderResult;
use protocol::crypto::rsa::{DecryptionKey, EncryptionKey};
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::{pem, sha256};
use protocol::envelope::ErrorObject;
use protocol::processor::Signup;
use protocol::{Entropy, EntropyFailed, Reason};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use worker::engine::Clock;
use worker::{Engine, WorkerKeys};
use workload::{Capabilities, Description};

/// The worker that the committed test keys are for.
pub(crate) const WORKER: &str = "test-worker";

/// The committed test keys.
pub(crate) struct Keys {
    pub(crate) worker: SigningKey,
    pub(crate) requester: SigningKey,
    pub(crate) encryption: EncryptionKey,
    engine: Engine,
}

/// They are parsed once.
pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let text = include_str!("../../tests/keys/worker-encryption.pem");
    let read = || DecryptionKey::from_pkcs8(&pem::decode("PRIVATE KEY", text).unwrap()).unwrap();
    let signing = |text: &str| SigningKey::from_bytes(&hex::decode(text.trim()).unwrap()).unwrap();
    let worker = || signing(include_str!("../../tests/keys/worker-signing.hex"));
    Keys {
        worker: worker(),
        requester: signing(include_str!("../../tests/keys/requester-signing.hex")),
        encryption: read().encryption_key().unwrap(),
        engine: Engine::new(WorkerKeys::new(WORKER, worker(), read()).unwrap(), find),
    }
});

impl Keys {
    /// The worker's reply to a frame.
    pub(crate) fn reply(&self, frame: &[u8]) -> Vec<u8> {
        self.engine.process(frame, &Counted::default(), &Still)
    }

    /// The worker's public keys.
    pub(crate) fn signup(&self) -> &Signup {
        self.engine.keys().signup()
    }
}

/// The workload that shows what reached it: its inputs, each with its length in front.
pub(crate) const SHOWS: &str = "shows";

fn find(id: &str) -> Option<&'static Description> {
    static SHOWS_INPUTS: Description = Description {
        id: SHOWS,
        doc: "",
        inputs: &[],
        capabilities: Capabilities::NONE,
        time_limit: Duration::from_secs(5),
        run: |_, items| Ok(shown(items.iter().copied())),
    };
    // Large Fibonacci numbers take seconds, which a fuzzer soon finds.
    match id {
        SHOWS => Some(&SHOWS_INPUTS),
        "python-fib" => None,
        _ => worker::table::find(id),
    }
}

/// What [`SHOWS`] answers to `items`.
pub(crate) fn shown<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    items
        .flat_map(|item| [&(item.len() as u64).to_be_bytes()[..], item].concat())
        .collect()
}

/// A worker's answer.
pub(crate) enum Answered {
    Result(Box<WorkOrderResult>),
    Error(Option<Reason>),
    /// Its public keys.
    Keys,
    /// What a pool is told that it wants to join.
    Joining,
}

/// The worker's answer to a frame, which is JSON and of a kind that is documented.
pub(crate) fn process(frame: &[u8]) -> Answered {
    let reply = KEYS.reply(frame);
    // The id may be a number beyond all that can be held, so it is not looked at.
    let reply: Reply = serde_json::from_slice(&reply).expect("a reply is JSON");
    if reply.verifying_key.is_some() {
        return Answered::Keys;
    }
    if reply.nonce.is_some() || reply.verification_result.is_some() {
        return Answered::Joining;
    }
    assert_eq!(reply.jsonrpc.as_deref(), Some("2.0"));
    if let Some(error) = reply.error {
        let reason = error.reason();
        assert!(reason.is_some(), "{error:?}");
        assert_ne!(reason, Some(Reason::Internal), "{error:?}");
        assert!((1..=6).contains(&error.code), "{error:?}");
        return Answered::Error(reason);
    }
    Answered::Result(reply.result.expect("a result"))
}

/// What a worker may send.
#[derive(Deserialize)]
struct Reply {
    jsonrpc: Option<String>,
    result: Option<Box<WorkOrderResult>>,
    error: Option<ErrorObject>,
    verifying_key: Option<String>,
    nonce: Option<String>,
    verification_result: Option<i8>,
}

/// Fails unless `text` is JSON.
pub(crate) fn assert_json(text: &[u8]) {
    // By its grammar: somebody else's number may be beyond all that can be held.
    let read = serde_json::from_slice::<&RawValue>(text);
    assert!(read.is_ok(), "{}", String::from_utf8_lossy(text));
}

/// What is read as a `T` is written as something that reads the same.
pub(crate) fn survives<T: DeserializeOwned + Serialize + PartialEq + Debug>(
    data: &[u8],
) -> Option<T> {
    let read: T = serde_json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&read).unwrap_or_default();
    let again: Option<T> = serde_json::from_slice(&written).ok();
    assert_eq!(again.as_ref(), Some(&read));
    Some(read)
}

/// SHA-256 of a counter: the same bytes in every run.
#[derive(Default)]
pub(crate) struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyFailed> {
        for chunk in out.chunks_mut(32) {
            let call = self.0.fetch_add(1, Ordering::Relaxed);
            chunk.copy_from_slice(&sha256(&[&call.to_be_bytes()])[..chunk.len()]);
        }
        Ok(())
    }
}

/// Time stands still.
struct Still;

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A session key and its RSA ciphertext, made once: that costs more than the rest.
pub(crate) fn session() -> &'static (Vec<u8>, Vec<u8>) {
    static MADE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let key = vec![7; 32];
        let sealed = KEYS.encryption.seal(&key).unwrap();
        (key, sealed)
    })
}
