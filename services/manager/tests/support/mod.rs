//! A store, a host that behaves as it's told, and short times.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several tests, each using a part"
)]

pub(crate) mod faulty;
pub(crate) mod flood;
pub(crate) mod host;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use protocol::WorkerId;
use protocol::crypto::entropy::SystemEntropy;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::token::Token;
use store::redb::{Engine, Options};
use store::{Digest, Orders, PartitionId, State, Submission, Submitted};
use workers::Registry;

/// The worker that most tests have.
pub(crate) const WORKER: &str = "scone-worker-1";

/// What hosts show the manager.
pub(crate) fn token() -> Token {
    Token::new("the-token-of-hosts-in-tests").unwrap()
}

/// A store in a folder of its own.
pub(crate) struct Store {
    pub(crate) engine: Arc<Engine>,
    pub(crate) registry: Registry,
    _folder: tempfile::TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with_room_for(max_orders: u64) -> Self {
        Self::with(Options {
            max_orders,
            ..Options::default()
        })
    }

    fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.redb");
        let engine = Arc::new(Engine::open(file, options).unwrap());
        Self {
            registry: Registry::new(engine.clone()),
            engine,
            _folder: folder,
        }
    }

    pub(crate) fn orders(&self) -> Arc<dyn Orders> {
        self.engine.clone()
    }

    /// Queues an order whose id is `order` for the worker called `worker`.
    pub(crate) async fn submit(&self, worker: &str, order: &str) {
        assert_eq!(self.try_submit(worker, order).await, Submitted::Accepted);
    }

    /// The same, if the store takes it. Its id is its replay key.
    pub(crate) async fn try_submit(&self, worker: &str, order: &str) -> Submitted {
        self.try_submit_saying(worker, order, "").await
    }

    /// Queues an order that says something of any length.
    pub(crate) async fn submit_saying(&self, worker: &str, order: &str, saying: &str) {
        let submitted = self.try_submit_saying(worker, order, saying).await;
        assert_eq!(submitted, Submitted::Accepted);
    }

    async fn try_submit_saying(&self, worker: &str, order: &str, saying: &str) -> Submitted {
        let params = serde_json::json!({"saying": saying});
        self.try_submit_with(worker, order, params).await
    }

    /// Queues an order that has these parameters, too.
    pub(crate) async fn submit_with(&self, worker: &str, order: &str, params: serde_json::Value) {
        let submitted = self.try_submit_with(worker, order, params).await;
        assert_eq!(submitted, Submitted::Accepted);
    }

    async fn try_submit_with(
        &self,
        worker: &str,
        order: &str,
        mut params: serde_json::Value,
    ) -> Submitted {
        let worker = WorkerId::from_name(worker);
        params["workOrderId"] = order.into();
        params["workerId"] = worker.as_str().into();
        let body = serde_json::json!({
            "jsonrpc": "2.0", "method": "WorkOrderSubmit", "id": 1, "params": params,
        });
        self.engine
            .submit(Submission {
                partition: PartitionId::from(worker.as_str()),
                order: order.into(),
                replays: vec![order.into()],
                digest: Digest([0; 32]),
                body: body.to_string().into_bytes(),
                memo: Vec::new(),
            })
            .await
            .unwrap()
    }

    /// What the order ends with, within ten seconds.
    pub(crate) async fn ending(&self, order: &str) -> serde_json::Value {
        let wait = Duration::from_secs(10);
        match self.engine.wait(&order.into(), wait).await.unwrap() {
            State::Finished(result) => serde_json::from_slice(&result).unwrap(),
            other => panic!("order {order} is {other:?}"),
        }
    }
}

/// Waits until `what` holds, at most ten seconds.
pub(crate) async fn until<F: Future<Output = bool>>(mut what: impl FnMut() -> F) {
    for _ in 0..1000 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be");
}

/// A worker's answer to `ProcessWorkerSignup`, with real keys.
pub(crate) fn signup() -> &'static str {
    static SIGNUP: OnceLock<String> = OnceLock::new();
    SIGNUP.get_or_init(new_signup)
}

/// The same with keys that nobody has had before.
pub(crate) fn new_signup() -> String {
    let signing = SigningKey::generate(&SystemEntropy::new()).unwrap();
    let encryption = DecryptionKey::generate().unwrap();
    let encryption = encryption.encryption_key().unwrap();
    let signature = signing.sign(&sha256(&[encryption.pem().as_bytes()]));
    serde_json::json!({
        "sealed_data": "", "mrenclave": "", "quote": "",
        "verifying_key": signing.verifying_key().pem(),
        "encryption_key": encryption.pem(),
        "encryption_key_signature": hex::encode(signature),
    })
    .to_string()
}
