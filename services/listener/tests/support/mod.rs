//! A listener over a store of its own, and clients that send what they like.
//!
//! Clients block: tests run on a runtime of several threads.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several tests, each using a part"
)]

#[path = "../../../entrance/tests/support/http.rs"]
pub(crate) mod http;
#[path = "../../../manager/tests/support/mod.rs"]
pub(crate) mod platform;

use std::net::SocketAddr;
use std::time::Duration;

use protocol::WorkerId;
use protocol::record::WorkerRecord;
use protocol::token::Token;
use receipts::Receipts;
use sconce_listener::{Limits, Listener, ListenerConfig};
use serde_json::{Value, json};

use self::http::{Client, Reply};
use self::platform::Store;

/// The worker that is registered.
pub(crate) const WORKER: &str = "scone-worker-1";

/// What operators show.
pub(crate) const OPERATOR: &str = "the-token-of-operators-in-tests";

/// A listener with one registered worker and nobody who works.
pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) listener: Listener,
}

/// Any port, short times, an operator.
pub(crate) fn config() -> ListenerConfig {
    ListenerConfig {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        result_wait: Duration::from_millis(200),
        operator_token: Some(Token::new(OPERATOR).unwrap()),
        limits: Limits {
            body: 64 << 10,
            overlong: 256 << 10,
            body_time: Duration::from_millis(600),
            header_time: Duration::from_millis(600),
            idle_time: Duration::from_millis(600),
            connections: 16,
            ..Limits::default()
        },
        drain: Duration::from_secs(2),
        ..ListenerConfig::default()
    }
}

impl Door {
    pub(crate) async fn open(config: ListenerConfig) -> Self {
        let store = Store::new();
        let registry = store.registry.clone();
        registry.register(&worker_id(), &record()).await.unwrap();
        let listener = Listener::start(config, store.orders(), registry, receipts(&store))
            .await
            .unwrap();
        Self { store, listener }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.listener.address())
    }

    /// Posts on a connection of its own.
    pub(crate) fn post(&self, body: &Value) -> Reply {
        self.client().post(&body.to_string())
    }
}

/// The receipts in a store.
pub(crate) fn receipts(store: &Store) -> Receipts {
    Receipts::new(store.engine.clone())
}

pub(crate) fn worker_id() -> WorkerId {
    WorkerId::from_name(WORKER)
}

pub(crate) fn record() -> WorkerRecord {
    WorkerRecord::of_signup(&serde_json::from_str(platform::signup()).unwrap())
}

pub(crate) fn call(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "id": 11, "params": params})
}

/// A well-formed order with this id, and a nonce made of it.
pub(crate) fn submit(order: &str) -> Value {
    call(
        "WorkOrderSubmit",
        json!({
            "workOrderId": order, "workerId": worker_id(), "workloadId": "0c",
            "requesterId": "0d", "requesterNonce": format!("{order}00"),
            "responseTimeoutMSecs": 6000, "payloadFormat": "JSON-RPC",
            "encryptedSessionKey": "0F", "encryptedRequestHash": "10",
            "requesterSignature": "",
            "inData": [{"index": 0, "data": "AAAA"}],
        }),
    )
}

pub(crate) fn get_result(order: &str) -> Value {
    call("WorkOrderGetResult", json!({"workOrderId": order}))
}

impl Client {
    /// Sends a body as Avalon's SDK does, but for the connection, which stays open.
    pub(crate) fn post(&mut self, body: &str) -> Reply {
        self.post_with("Content-Type: application/json\r\n", body.as_bytes())
    }

    /// Sends a body with these header lines.
    pub(crate) fn post_with(&mut self, headers: &str, body: &[u8]) -> Reply {
        self.ask("POST", "/any?path=1", headers, body)
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `error.code` and `error.data.reason`.
    pub(crate) fn error(&self) -> (i64, String) {
        let json = self.json();
        let error = &json["error"];
        let reason = error["data"]["reason"].as_str().unwrap_or_default();
        (error["code"].as_i64().unwrap(), reason.to_owned())
    }
}
