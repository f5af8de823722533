//! A pool: what a manager asks of a vault, and the keys of orders that it brings to processors.

use std::sync::{Arc, LazyLock};

use attestation::Time;
use protocol::crypto::rsa::EncryptionKey;
use protocol::pool::{KmeMethod, OrderKeys};
use protocol::requester::{Input, Order, Protection};
use protocol::{SystemEntropy, WorkerId};
use provision::VaultKey;
use serde_json::Value;
use vault::cas::{Cas, Limits};
use vault::kme::Keys;
use vault::kme::pool::{Desk, requests};
use vault::kme::requests::{Asker, claim};
use vault::state::State;

use crate::support::KEYS;
use crate::vaults::{MADE, platform};

const NOW: Time = Time::from_unix(MADE + 3600);

/// A vault with a pool that nobody has joined.
struct Scene {
    state: State,
    cas: Cas,
    desk: Desk,
    key: EncryptionKey,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let entropy = Arc::new(SystemEntropy::new());
    let key = Arc::new(VaultKey::generate().expect("randomness"));
    let cas = Cas::new(key, entropy.clone(), Limits::default()).expect("randomness");
    let mut state = State::default();
    let owner = Asker {
        client: Some(&[1; 32]),
        now: NOW,
    };
    for event in claim(&state, owner).events {
        state.apply(event);
    }
    let wish = serde_json::from_value(serde_json::json!({
        "worker": "pool-1",
        "program": {
            "measurement": format!("sim:mrenclave:{}", "11".repeat(32)),
            "signer": format!("sim:mrsigner:{}", "22".repeat(32)),
            "product": 1,
            "svn": 1,
            "debug": false,
            "simulatedRoots": [platform().fingerprint().to_string()],
        },
    }));
    let keys = Keys::generate(&*entropy).expect("keys");
    let made = requests::ensure(&state, owner, wish.expect("a wish"), Some(keys));
    for event in made.events {
        state.apply(event);
    }
    let desk = Desk::new(entropy);
    let (published, _) = requests::published(&state, &desk).expect("a pool");
    let key = EncryptionKey::from_pem(&published.signup.encryption_key).expect("a key");
    Scene {
        state,
        cas,
        desk,
        key,
    }
});

/// The first byte says what the rest is: a request's body, the keys of an order, or what a manager encrypts to
/// the vault (a nonce, a registration, an order for a processor).
pub fn run(data: &[u8]) {
    let scene = &*SCENE;
    match data.split_first() {
        None => {}
        Some((0, body)) => drop(scene.answer(body)),
        Some((1, keys)) => {
            let text = String::from_utf8_lossy(keys);
            if let Ok(keys) = OrderKeys::parse(&text) {
                let again = OrderKeys::parse(&keys.to_json());
                assert_eq!(again.as_ref(), Ok(&keys));
                // Nobody guesses a signature.
                let unique = KEYS.worker.verifying_key();
                assert!(keys.verify(&unique).is_err());
            }
        }
        Some((2, nonce)) => {
            scene.ask(KmeMethod::UniqueKey, &[nonce]);
        }
        Some((3, registration)) => {
            let reply = scene.ask(KmeMethod::Register, &[registration]);
            assert!(
                reply.get("error").is_none(),
                "a registration has its number"
            );
        }
        Some((_, rest)) => {
            let at = rest.iter().position(|byte| *byte == 0);
            let (request, key) = rest.split_at(at.unwrap_or(rest.len()));
            let key = key.get(1..).unwrap_or_default();
            let reply = scene.ask(KmeMethod::PreProcess, &[request, key]);
            assert!(reply.get("error").is_some(), "nobody has joined");
        }
    }
}

impl Scene {
    /// An honest manager's order with these inputs.
    fn ask(&self, method: KmeMethod, inputs: &[&[u8]]) -> Value {
        let items = inputs.iter().map(|data| Input {
            data,
            protection: Protection::Session,
        });
        let order = Order {
            worker_id: &WorkerId::from_name("any"),
            encryption_key: &self.key,
            workload: method.workload(),
            inputs: &items.collect::<Vec<_>>(),
            signing_key: None,
            avalon_iv: false,
            response_timeout_ms: 6000,
        };
        let sealed = order.seal(&SystemEntropy::new()).expect("an order");
        let name = method.name();
        let params = sealed.params;
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{name}","id":1,"params":{params}}}"#);
        self.answer(body.as_bytes())
    }

    /// An answer in its form; a refusal with one line of the log at most; and no change.
    fn answer(&self, body: &[u8]) -> Value {
        let decided = self.desk.answer(&self.state, &self.cas, body, NOW);
        assert!(decided.events.is_empty());
        assert!(decided.audit.len() <= 1);
        for line in &decided.audit {
            let detail = line.detail.as_deref().unwrap_or_default();
            assert!(line.code.is_some());
            assert!(
                detail.lines().count() <= 1 && detail.len() < 4096,
                "{detail}"
            );
        }
        crate::support::assert_json(&decided.reply);
        // Its id may be a number beyond all that can be held.
        serde_json::from_slice(&decided.reply).unwrap_or_default()
    }
}
