//! A pool as Avalon has them: our vault as its key management, our worker as its processor, and between them a
//! manager that does what it likes.

use std::sync::Arc;

use attestation::Time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::{NotVerified, WorkOrderResult};
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::hash::Ids;
use protocol::pool::{KmeMethod, Registered};
use protocol::processor::Signup;
use protocol::requester::{Input, Order, Protection, SealedOrder};
use protocol::{SystemEntropy, WorkerId};
use provision::VaultKey;
use provision::audit::{Audited, Outcome};
use sconce_tests::keys;
use serde_json::{Value, json};
use sgx::{Attributes, Mrenclave, Mrsigner, flags};
use simulator::{Platform, Secs, Seed, Settings};
use tee::{SealingKey, Tee, Wanted};
use vault::cas::{Cas, Limits};
use vault::kme::pool::{Desk, requests};
use vault::kme::requests::{Asker, claim};
use vault::kme::{Keys, pool::Pool};
use vault::state::{Decision, Event, State};
use worker::Engine;
use worker::engine::SystemClock;

const MADE: u64 = 1_767_225_600;
const NOW: Time = Time::from_unix(MADE + 3600);
const OWNER: [u8; 32] = [1; 32];

/// The key management, with the state that its journal would bring back.
struct Kme {
    state: State,
    cas: Cas,
    desk: Desk,
    log: Vec<Audited>,
}

impl Kme {
    /// One with a pool of the program of [`secs`].
    fn new(platform: &Platform) -> Self {
        let mut kme = Self {
            state: State::default(),
            cas: Cas::new(
                Arc::new(VaultKey::generate().unwrap()),
                Arc::new(SystemEntropy::new()),
                Limits::default(),
            )
            .unwrap(),
            desk: Desk::new(Arc::new(SystemEntropy::new())),
            log: Vec::new(),
        };
        let claimed = claim(&kme.state, owner());
        kme.keep(claimed).unwrap();
        let keys = Keys::generate(&SystemEntropy::new()).unwrap();
        let wish = wish(platform, [0x11; 32]);
        let made = requests::ensure(&kme.state, owner(), wish, Some(keys));
        kme.keep(made).unwrap();
        kme
    }

    fn keep<T>(&mut self, decision: Decision<T>) -> T {
        self.log.extend(decision.audit);
        for event in decision.events {
            let kept = event.encode().unwrap();
            self.state.apply(Event::decode(&kept).unwrap());
        }
        decision.reply
    }

    /// Starts again from what was kept.
    fn restart(&mut self) {
        self.state = State::restore(&self.state.snapshot().unwrap()).unwrap();
        self.desk = Desk::new(Arc::new(SystemEntropy::new()));
    }

    fn pool(&self) -> &Pool {
        self.state.kme.pool().unwrap()
    }

    /// What is published of it, but for the quote.
    fn published(&self) -> Signup {
        requests::published(&self.state, &self.desk)
            .unwrap()
            .0
            .signup
    }

    /// Asks as a manager does; its plaintext answer, or the error.
    fn ask(&mut self, method: KmeMethod, inputs: &[&[u8]]) -> Result<String, Value> {
        let published = self.published();
        let order = seal(
            &published,
            &WorkerId::from_name("random"),
            method.workload(),
            inputs,
        );
        self.post(method.name(), &order, &published)
    }

    fn post(
        &mut self,
        method: &str,
        order: &SealedOrder,
        published: &Signup,
    ) -> Result<String, Value> {
        let body = rpc(method, &order.params);
        let answered = self
            .desk
            .answer(&self.state, &self.cas, body.as_bytes(), NOW);
        let changes = !answered.events.is_empty();
        assert!(!changes || Desk::may_change(body.as_bytes()));
        let reply: Value = serde_json::from_slice(&self.keep(answered)).unwrap();
        assert_eq!(reply["id"], 7);
        if reply.get("error").is_some() {
            return Err(reply["error"].clone());
        }
        let output = open(order, &reply["result"], published).unwrap();
        Ok(String::from_utf8(output).unwrap())
    }

    fn register(&mut self, registration: &Value) -> String {
        let text = registration.to_string();
        self.ask(KmeMethod::Register, &[text.as_bytes()]).unwrap()
    }

    /// The keys of a client's order, for a processor.
    fn order_keys(&mut self, request: &str, processor: &Signup) -> Result<String, Value> {
        let processor = processor.encryption_key.as_bytes();
        self.ask(KmeMethod::PreProcess, &[request.as_bytes(), processor])
    }
}

/// A processor: our worker's engine on a simulated platform.
struct Processor {
    engine: Engine,
}

/// The simulated processor's answer for one program.
struct Program {
    platform: Arc<Platform>,
    secs: Secs,
}

impl Tee for Program {
    fn kind(&self) -> sgx::Kind {
        sgx::Kind::Sim
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, tee::Error> {
        let made = self.platform.evidence(&self.secs, report_data, NOW.unix());
        Ok(made.unwrap().quote)
    }

    fn collateral(&self) -> Result<String, tee::Error> {
        let made = self.platform.evidence(&self.secs, &[0; 64], NOW.unix());
        Ok(made.unwrap().collateral.to_json())
    }

    fn sealing_key(&self, _: &Wanted) -> Result<SealingKey, tee::Error> {
        unreachable!("a worker seals nothing")
    }
}

impl Processor {
    fn new(platform: &Arc<Platform>, secs: Secs) -> Self {
        let program = Program {
            platform: Arc::clone(platform),
            secs,
        };
        let engine = Engine::new(keys::worker(), worker::table::find);
        Self {
            engine: engine.vouched(Box::new(program)),
        }
    }

    fn ask(&self, method: &str, params: &Value) -> Value {
        let frame = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let frame = frame.to_string();
        let (entropy, clock) = (SystemEntropy::new(), SystemClock::new());
        let reply = self.engine.process(frame.as_bytes(), &entropy, &clock);
        serde_json::from_slice(&reply).unwrap()
    }

    /// From its nonce to its signup; the unique key that the KME gave, too.
    fn sign_up(&self, kme: &mut Kme) -> (Signup, String) {
        let nonce = self.ask("GenerateNonce", &json!({"nonce_size": 32}))["nonce"].clone();
        let nonce = nonce.as_str().unwrap();
        assert_eq!(nonce.len(), 32);
        let answer = kme.ask(KmeMethod::UniqueKey, &[nonce.as_bytes()]).unwrap();
        let [status, id, signature] = answer.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{answer}");
        };
        assert_eq!(status, "0");
        let params =
            json!({"uniqueVerificationKey": id, "uniqueVerificationKeySignature": signature});
        let verified = self.ask("VerifyUniqueIdSignature", &params);
        assert_eq!(verified, json!({"verification_result": 0}));
        let signup = self.ask("ProcessWorkerSignup", &json!({"uniqueVerificationKey": id}));
        (serde_json::from_value(signup).unwrap(), id.to_owned())
    }

    /// Signs up and registers.
    fn join(&self, kme: &mut Kme) -> Signup {
        let (signup, id) = self.sign_up(kme);
        assert_eq!(
            kme.register(&registration(&signup, &id)),
            number(Registered::Yes)
        );
        signup
    }

    fn run(&self, request: &str, keys: &str) -> Value {
        self.ask("ProcessWorkOrder", &json!([request, keys]))
    }
}

fn owner() -> Asker<'static> {
    Asker {
        client: Some(&OWNER),
        now: NOW,
    }
}

fn platform(seed: u8) -> Arc<Platform> {
    let seed = Seed::from_bytes([seed; 32]);
    Arc::new(Platform::new(seed, Settings::new(MADE)).unwrap())
}

/// The program that the pool is for.
fn secs() -> Secs {
    let mut secs = Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]));
    secs.isv_prod_id = 1;
    secs.isv_svn = 3;
    secs
}

fn wish(platform: &Platform, measurement: [u8; 32]) -> provision::api::NewPool {
    serde_json::from_value(json!({
        "worker": keys::WORKER,
        "program": {
            "measurement": format!("sim:mrenclave:{}", hex::encode(measurement)),
            "signer": format!("sim:mrsigner:{}", hex::encode([0x22; 32])),
            "product": 1,
            "svn": 3,
            "debug": false,
            "simulatedRoots": [platform.fingerprint().to_string()],
        },
    }))
    .unwrap()
}

fn registration(signup: &Signup, id: &str) -> Value {
    let proof = json!({
        "verification_report": signup.quote,
        "report_signature": "",
        "report_signing_certificate": signup.certificates,
        "collateral": serde_json::from_str::<Value>(&signup.collateral).unwrap(),
    });
    json!({
        "unique_id": id,
        "proof_data": proof.to_string(),
        "wpe_encryption_key": signup.encryption_key,
        "mr_enclave": hex::encode([0x11; 32]),
    })
}

fn number(status: Registered) -> String {
    (status as u8).to_string()
}

fn seal(to: &Signup, worker: &WorkerId, workload: &str, inputs: &[&[u8]]) -> SealedOrder {
    let key = EncryptionKey::from_pem(&to.encryption_key).unwrap();
    let inputs = inputs.iter().map(|data| Input {
        data,
        protection: Protection::Session,
    });
    seal_items(&key, worker, workload, &inputs.collect::<Vec<_>>())
}

fn seal_items(
    key: &EncryptionKey,
    worker: &WorkerId,
    workload: &str,
    inputs: &[Input<'_>],
) -> SealedOrder {
    let order = Order {
        worker_id: worker,
        encryption_key: key,
        workload,
        inputs,
        signing_key: None,
        avalon_iv: false,
        response_timeout_ms: 6000,
    };
    order.seal(&SystemEntropy::new()).unwrap()
}

fn rpc(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":7,"params":{params}}}"#)
}

/// Verifies an answer as a requester does, and opens its output.
fn open(order: &SealedOrder, result: &Value, published: &Signup) -> Result<Vec<u8>, NotVerified> {
    let result: WorkOrderResult = serde_json::from_value(result.clone()).unwrap();
    let key = VerifyingKey::from_pem(&published.verifying_key).unwrap();
    let pending = &order.pending;
    let asked = Ids {
        nonce: &pending.requester_nonce,
        work_order: pending.work_order_id.as_str(),
        worker: pending.worker_id.as_str(),
        workload: pending.workload_id.as_str(),
        requester: pending.requester_id.as_str(),
    };
    let answer = result.verify(&key, asked)?;
    let sealed = STANDARD.decode(&answer.out_data()[0].data).unwrap();
    Ok(pending
        .session_key
        .open(pending.ivs, &sealed)
        .unwrap()
        .to_vec())
}

/// An order of a client for the pool, and the client's request.
fn client(kme: &Kme, name: &str) -> (SealedOrder, String) {
    let published = kme.published();
    let order = seal(
        &published,
        &kme.pool().worker_id(),
        "python-hello",
        &[name.as_bytes()],
    );
    let request = rpc("WorkOrderSubmit", &order.params);
    (order, request)
}

#[test]
fn an_order_goes_through_a_pool() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let processor = Processor::new(&platform, secs());
    let signup = processor.join(&mut kme);
    let joined = kme.log.last().unwrap();
    assert_eq!(
        (joined.event.as_str(), joined.outcome),
        ("pool.join", Outcome::Done)
    );
    assert!(joined.measurement.is_some());

    for restarted in [false, true] {
        if restarted {
            kme.restart();
        }
        let (order, request) = client(&kme, "Mujtaba");
        let keys = kme.order_keys(&request, &signup).unwrap();
        let reply = processor.run(&request, &keys);
        assert!(reply["result"]["extVerificationKey"].is_string(), "{reply}");
        let output = open(&order, &reply["result"], &kme.published()).unwrap();
        assert_eq!(output, b"Hello Mujtaba");

        let mut stripped = reply["result"].clone();
        stripped
            .as_object_mut()
            .unwrap()
            .remove("extVerificationKey");
        assert!(open(&order, &stripped, &kme.published()).is_err());
    }
}

#[test]
fn items_have_their_own_keys_in_a_pool_too() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let processor = Processor::new(&platform, secs());
    let signup = processor.join(&mut kme);
    let key = EncryptionKey::from_pem(&kme.published().encryption_key).unwrap();
    let inputs = [
        (&b"100"[..], Protection::Plain),
        (b"50", Protection::OwnKey),
        (b"30", Protection::Session),
        (b"1", Protection::OwnKey),
    ]
    .map(|(data, protection)| Input { data, protection });
    let id = kme.pool().worker_id();
    let order = seal_items(&key, &id, "secure-transaction", &inputs);
    let request = rpc("WorkOrderSubmit", &order.params);
    let keys = kme.order_keys(&request, &signup).unwrap();
    let listed: Value = serde_json::from_str(&keys).unwrap();
    let indices: Vec<_> = listed["input-data-keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["index"].as_i64().unwrap())
        .collect();
    assert_eq!(indices, [1, 2, 3], "what is in clear has no key");
    let reply = processor.run(&request, &keys);
    assert!(
        open(&order, &reply["result"], &kme.published()).is_ok(),
        "{reply}"
    );
}

#[test]
fn only_the_pools_program_joins() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let other = |change: fn(&mut Secs)| {
        let mut secs = secs();
        change(&mut secs);
        Processor::new(&platform, secs)
    };
    let foreign = Processor::new(&self::platform(2), secs());
    let cases = [
        (
            other(|secs| secs.mrenclave = Mrenclave([0x12; 32])),
            Registered::Measurement,
            "cas.measurement",
        ),
        (
            other(|secs| secs.mrsigner = Mrsigner([0x23; 32])),
            Registered::Signer,
            "cas.signer",
        ),
        (
            other(|secs| secs.isv_prod_id = 2),
            Registered::Signer,
            "cas.product",
        ),
        (
            other(|secs| secs.isv_svn = 2),
            Registered::Signer,
            "cas.svn",
        ),
        (
            other(|secs| {
                let flags = secs.attributes.flags | flags::DEBUG;
                secs.attributes = Attributes {
                    flags,
                    ..secs.attributes
                };
            }),
            Registered::Evidence,
            "cas.debug",
        ),
        (foreign, Registered::Evidence, "cas.simulated"),
    ];
    for (processor, status, code) in cases {
        let (signup, id) = processor.sign_up(&mut kme);
        assert_eq!(
            kme.register(&registration(&signup, &id)),
            number(status),
            "{code}"
        );
        let line = kme.log.last().unwrap();
        assert_eq!(line.outcome, Outcome::Refused);
        assert_eq!(line.code.as_deref(), Some(code), "{line:?}");
        let (_, request) = client(&kme, "Mujtaba");
        assert!(
            kme.order_keys(&request, &signup).is_err(),
            "{code}: it is given nothing"
        );
    }
}

#[test]
fn a_registration_is_about_its_own_keys_and_counts_once() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let (one, two) = (
        Processor::new(&platform, secs()),
        Processor::new(&platform, secs()),
    );
    let (first, first_id) = one.sign_up(&mut kme);
    let (second, second_id) = two.sign_up(&mut kme);

    let mut exchanged = registration(&first, &first_id);
    exchanged["wpe_encryption_key"] = second.encryption_key.clone().into();
    assert_eq!(kme.register(&exchanged), number(Registered::EncryptionKey));
    let exchanged = registration(&first, &second_id);
    assert_eq!(kme.register(&exchanged), number(Registered::UniqueKey));
    let mut claims = registration(&first, &first_id);
    claims["mr_enclave"] = hex::encode([0x12; 32]).into();
    assert_eq!(kme.register(&claims), number(Registered::Measurement));
    let mut unproved = registration(&first, &first_id);
    unproved["proof_data"] = "".into();
    assert_eq!(kme.register(&unproved), number(Registered::Evidence));
    assert_eq!(
        kme.register(&json!({"unique_id": first_id})),
        number(Registered::Failed)
    );

    assert_eq!(
        kme.register(&registration(&first, &first_id)),
        number(Registered::Yes)
    );
    let again = kme.register(&registration(&first, &first_id));
    assert_eq!(
        again,
        number(Registered::NoSuchKey),
        "a unique key is used once"
    );
    kme.restart();
    let late = kme.register(&registration(&second, &second_id));
    assert_eq!(
        late,
        number(Registered::NoSuchKey),
        "it ends with the vault's process"
    );
}

#[test]
fn a_manager_gains_nothing_by_exchanging() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let (one, two) = (
        Processor::new(&platform, secs()),
        Processor::new(&platform, secs()),
    );
    let (first, second) = (one.join(&mut kme), two.join(&mut kme));
    let (order, request) = client(&kme, "Mujtaba");
    let (_, other) = client(&kme, "Mallory");
    let keys = kme.order_keys(&request, &first).unwrap();
    let others = kme.order_keys(&other, &first).unwrap();

    let refused = one.run(&request, &others);
    assert_eq!(
        refused["error"]["data"]["reason"], "order.integrity",
        "{refused}"
    );
    let refused = two.run(&request, &keys);
    assert_eq!(
        refused["error"]["code"], 2,
        "the keys are for the other processor: {refused}"
    );
    let changed = keys.replacen(
        "input-data-keys\":[{",
        "input-data-keys\":[{\"index\":9,",
        1,
    );
    assert!(one.run(&request, &changed).get("error").is_some());

    // The client's key for another order, which the manager has made.
    let mut moved: Value = serde_json::from_str(&request).unwrap();
    moved["params"]["workOrderId"] = hex::encode([7; 32]).into();
    let refused = kme.order_keys(&moved.to_string(), &first).unwrap_err();
    assert_eq!(refused["data"]["reason"], "order.integrity");
    // A client's order is no request of a manager's, whatever the method.
    let published = kme.published();
    for method in [
        "GetUniqueVerificationKey",
        "RegisterWorkOrderProcessor",
        "PreProcessWorkOrder",
    ] {
        let refused = kme.post(method, &order, &published).unwrap_err();
        assert_eq!(refused["data"]["reason"], "order.integrity", "{method}");
    }
    // A replayed answer has another nonce under its one-time key.
    let reply = one.run(&request, &keys);
    let (again, _) = client(&kme, "Mujtaba");
    assert!(open(&order, &reply["result"], &published).is_ok());
    assert!(open(&again, &reply["result"], &published).is_err());
    assert_ne!(first.encryption_key, second.encryption_key);
}

#[test]
fn a_unique_key_of_the_managers_own_opens_nothing() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let processor = Processor::new(&platform, secs());
    let nonce = processor.ask("GenerateNonce", &json!({"nonce_size": 32}))["nonce"].clone();
    let own = protocol::crypto::secp256k1::SigningKey::generate(&SystemEntropy::new()).unwrap();
    let id = protocol::pool::unique_id(&own.verifying_key());
    let signature = protocol::pool::sign_unique(&own, nonce.as_str().unwrap());
    let params = json!({"uniqueVerificationKey": id, "uniqueVerificationKeySignature": signature});
    assert_eq!(
        processor.ask("VerifyUniqueIdSignature", &params)["verification_result"],
        0
    );
    let signup = processor.ask("ProcessWorkerSignup", &json!({"uniqueVerificationKey": id}));
    let signup: Signup = serde_json::from_value(signup).unwrap();
    assert_eq!(
        kme.register(&registration(&signup, &id)),
        number(Registered::NoSuchKey)
    );
    let (_, request) = client(&kme, "Mujtaba");
    assert!(kme.order_keys(&request, &signup).is_err());
}

#[test]
fn a_processor_needs_a_verified_unique_key() {
    let platform = platform(1);
    let processor = Processor::new(&platform, secs());
    let id = hex::encode(keys::worker().signup().verifying_key.as_bytes());
    for key in [&id, "", "00"] {
        let refused = processor.ask(
            "ProcessWorkerSignup",
            &json!({"uniqueVerificationKey": key}),
        );
        assert_eq!(
            refused["error"]["data"]["reason"], "request.member",
            "{refused}"
        );
    }
    for digits in [0, 7, 15, 33, 1 << 20] {
        let refused = processor.ask("GenerateNonce", &json!({"nonce_size": digits}));
        assert_eq!(
            refused["error"]["data"]["reason"], "request.member",
            "{refused}"
        );
    }
}

#[test]
fn a_pool_is_the_owners_and_has_one_program() {
    let platform = platform(1);
    let mut kme = Kme::new(&platform);
    let stranger = Asker {
        client: Some(&[2; 32]),
        now: NOW,
    };
    let refused = requests::close(&kme.state, stranger);
    assert_eq!(kme.keep(refused).unwrap_err().code(), "vault.owner");
    let same = requests::ensure(&kme.state, owner(), wish(&platform, [0x11; 32]), None);
    assert!(same.events.is_empty());
    kme.keep(same).unwrap();
    let other = requests::ensure(&kme.state, owner(), wish(&platform, [0x12; 32]), None);
    assert_eq!(kme.keep(other).unwrap_err().code(), "kme.pool");

    let (_, said) = requests::published(&kme.state, &kme.desk).unwrap();
    assert_eq!(said[32..], [0x11; 32], "the quote names the one program");
    let closed = requests::close(&kme.state, owner());
    kme.keep(closed).unwrap();
    assert!(kme.state.kme.pool().is_none());
    let snapshot = kme.state.snapshot().unwrap();
    assert!(!String::from_utf8_lossy(&snapshot).contains("PRIVATE KEY"));
    let closed = requests::close(&kme.state, owner());
    assert_eq!(kme.keep(closed).unwrap_err().code(), "kme.pool");
}

#[test]
fn other_bodies_are_refused_with_a_reason() {
    let platform = platform(1);
    let kme = Kme::new(&platform);
    let submit = rpc("WorkOrderSubmit", "{\"a\":1}");
    let bodies: [&[u8]; 6] = [
        b"",
        b"\xff",
        b"[]",
        br#"{"jsonrpc":"2.0","method":"PreProcessWorkOrder","id":1,"params":{}}"#,
        br#"{"jsonrpc":"2.0","method":"PreProcessWorkOrder","id":1,"params":{"a":1}}"#,
        submit.as_bytes(),
    ];
    for body in bodies {
        let answered = kme.desk.answer(&kme.state, &kme.cas, body, NOW);
        assert!(answered.events.is_empty() && answered.audit.is_empty());
        let reply: Value = serde_json::from_slice(&answered.reply).unwrap();
        assert!(reply["error"]["data"]["reason"].is_string(), "{reply}");
    }
}
