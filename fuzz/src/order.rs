//! An order that is sealed as a requester would, from a recipe in the bytes: so it gets past
//! decryption, and what stands behind that is reached.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::aes::{Iv, Ivs, SessionKey};
use protocol::crypto::sha256;
use protocol::json::Members;
use protocol::methods::submit::Submit;
use protocol::processor::order_frame;
use protocol::{Reason, WorkerId, WorkloadId, detail, hash};
use serde_json::{Map, Value, json};

use crate::support::{Answered, Counted, KEYS, SHOWS, WORKER, process, session, shown};

/// `data` is the recipe.
pub fn run(data: &[u8]) {
    let mut recipe = Recipe(data);
    let mut order = Order::new(&mut recipe);
    for _ in 0..recipe.below(6) {
        order.add_item(&mut recipe);
    }
    order.choose_workload(&mut recipe);
    order.distort(&mut recipe);
    order.seal(&mut recipe);
    order.sign(&mut recipe);
    order.check();
}

/// Bytes that say what to do; after the end they are zero.
struct Recipe<'a>(&'a [u8]);

impl<'a> Recipe<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    /// One time in four.
    fn seldom(&mut self) -> bool {
        self.below(4) == 3
    }

    /// Up to 255 bytes, their number in front.
    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

struct Order {
    params: Map<String, Value>,
    items: Vec<Value>,
    /// Inputs in clear with their indices, as the worker shall see them.
    plain: Vec<(i64, Vec<u8>)>,
    key: SessionKey,
    ivs: Ivs,
    entropy: Counted,
    /// Something was done that an honest requester would not do.
    distorted: bool,
    /// The requester's signature is there and wrong.
    badly_signed: bool,
}

impl Order {
    fn new(recipe: &mut Recipe<'_>) -> Self {
        let (key, sealed_key) = session();
        let ivs = match recipe.below(3) {
            0 => Ivs::Shared([9; 12]),
            _ => Ivs::Prefixed,
        };
        let params = json!({
            "responseTimeoutMSecs": 6000,
            "payloadFormat": "JSON-RPC",
            "workOrderId": "0a",
            "workerId": WorkerId::from_name(WORKER),
            "requesterId": "80ff",
            "requesterNonce": "0c",
            "encryptedSessionKey": hex::encode(sealed_key),
        });
        let Value::Object(mut params) = params else {
            unreachable!("it's an object");
        };
        if let Ivs::Shared(iv) = ivs {
            params.insert("sessionKeyIv".to_owned(), hex::encode(iv).into());
        }
        Self {
            params,
            items: Vec::new(),
            plain: Vec::new(),
            key: SessionKey::new(key).expect("32 bytes"),
            ivs,
            entropy: Counted::default(),
            distorted: false,
            badly_signed: false,
        }
    }

    fn add_item(&mut self, recipe: &mut Recipe<'_>) {
        let index = i64::from(recipe.below(5)) - 1;
        let kind = recipe.below(8);
        let plain = recipe.bytes();
        let mut item = json!({ "index": index });
        match kind {
            0..=2 => item["data"] = self.under_session_key(plain).into(),
            3 | 4 => {
                item["data"] = STANDARD.encode(plain).into();
                item["encryptedDataEncryptionKey"] = "-".into();
                self.distorted |= plain.is_empty();
            }
            5 => self.under_own_key(&mut item, plain),
            6 => {
                // A key that opens and is none.
                let wrapped = self.key.seal(Ivs::Prefixed, plain, &self.entropy);
                item["data"] = self.under_session_key(plain).into();
                item["encryptedDataEncryptionKey"] = hex::encode(wrapped.unwrap()).into();
                item["iv"] = "00".repeat(12).into();
                self.distorted = true;
            }
            _ => {
                item["data"] = STANDARD.encode(plain).into();
                self.distorted = true;
            }
        }
        if recipe.seldom() {
            let right = sha256(&[plain]);
            let wrong = recipe.seldom();
            let claimed = if wrong { sha256(&[&right]) } else { right };
            item["dataHash"] = hex::encode(claimed).into();
            self.distorted |= wrong;
        }
        // Avalon's schema wants items to differ.
        self.distorted |= self.items.contains(&item);
        self.plain.push((index, plain.to_vec()));
        self.items.push(item);
    }

    fn under_session_key(&self, plain: &[u8]) -> String {
        let sealed = self.key.seal(self.ivs, plain, &self.entropy);
        STANDARD.encode(sealed.unwrap())
    }

    /// Wire facts 4.6.
    fn under_own_key(&self, item: &mut Value, plain: &[u8]) {
        let iv: Iv = [5; 12];
        let sealed = self.key.seal(Ivs::Shared(iv), plain, &self.entropy);
        let (_, to_worker) = session();
        let wrapped = self.key.seal(Ivs::Prefixed, to_worker, &self.entropy);
        item["data"] = STANDARD.encode(sealed.unwrap()).into();
        item["encryptedDataEncryptionKey"] = hex::encode(wrapped.unwrap()).into();
        item["iv"] = hex::encode(iv).into();
    }

    fn choose_workload(&mut self, recipe: &mut Recipe<'_>) {
        let name = match recipe.below(6) {
            0..=2 => SHOWS.to_owned(),
            3 => "python-hello".to_owned(),
            4 => "secure-transaction".to_owned(),
            _ => recipe.text(),
        };
        let id = WorkloadId::from_name(&name).map_or(String::new(), |id| id.to_string());
        self.distorted |= name != SHOWS;
        self.params.insert("workloadId".to_owned(), id.into());
    }

    /// Replaces or removes members, before the hash is made.
    fn distort(&mut self, recipe: &mut Recipe<'_>) {
        const MEMBERS: [&str; 12] = [
            "workOrderId",
            "workerId",
            "workloadId",
            "requesterId",
            "requesterNonce",
            "encryptedSessionKey",
            "sessionKeyIv",
            "responseTimeoutMSecs",
            "payloadFormat",
            "dataEncryptionAlgorithm",
            "outData",
            "inData",
        ];
        self.params
            .insert("inData".to_owned(), std::mem::take(&mut self.items).into());
        for _ in 0..recipe.below(3) {
            let member = MEMBERS[usize::from(recipe.below(MEMBERS.len() as u8))];
            self.distorted = true;
            let value: Value = match recipe.below(5) {
                0 => {
                    self.params.remove(member);
                    continue;
                }
                1 => hex::encode(recipe.bytes()).into(),
                2 => recipe.text().into(),
                3 => json!([{ "index": recipe.byte(), "data": STANDARD.encode(recipe.bytes()) }]),
                _ => serde_json::from_slice(recipe.bytes()).unwrap_or_default(),
            };
            self.params.insert(member.to_owned(), value);
        }
    }

    /// Puts the request hash in, made as the worker makes it; now and then another one.
    fn seal(&mut self, recipe: &mut Recipe<'_>) {
        self.set("encryptedRequestHash", "00".into());
        let mut digest = self.hash();
        if recipe.seldom() && recipe.seldom() {
            digest = sha256(&[&digest, recipe.bytes()]);
            self.distorted = true;
        }
        let sealed = self.key.seal(self.ivs, &digest, &self.entropy);
        self.set("encryptedRequestHash", hex::encode(sealed.unwrap()));
    }

    fn hash(&self) -> [u8; 32] {
        let text = Value::Object(self.params.clone()).to_string();
        let members = Members::parse(&text).expect("an object");
        Submit::parse(&members).map_or([0; 32], |order| hash::of_submit(&order))
    }

    fn sign(&mut self, recipe: &mut Recipe<'_>) {
        if !recipe.seldom() {
            return;
        }
        let right = KEYS.requester.sign(&self.hash());
        self.set(
            "verifyingKey",
            KEYS.requester.verifying_key().pem().to_owned(),
        );
        let signature = match recipe.below(4) {
            0 | 1 => right,
            2 => KEYS.worker.sign(&self.hash()),
            _ => recipe.bytes().to_vec(),
        };
        let verifies = KEYS
            .requester
            .verifying_key()
            .verifies(&self.hash(), &signature);
        self.badly_signed = !signature.is_empty() && !verifies;
        self.set("requesterSignature", STANDARD.encode(signature));
    }

    fn set(&mut self, name: &str, text: String) {
        self.params.insert(name.to_owned(), text.into());
    }

    fn check(mut self) {
        let request = json!({
            "jsonrpc": "2.0", "method": "WorkOrderSubmit", "id": 7, "params": self.params,
        });
        match process(&order_frame(1, &request.to_string())) {
            Answered::Keys | Answered::Joining => panic!("an order was taken for something else"),
            Answered::Error(reason) => {
                let signature = reason == Some(Reason::OrderSignature);
                assert!(self.distorted || self.badly_signed, "{reason:?}");
                assert!(self.badly_signed || !signature, "{reason:?}");
            }
            Answered::Result(result) => {
                assert!(!self.badly_signed);
                let ids = ["workOrderId", "workerId", "workloadId", "requesterId"];
                let ids = ids.map(|name| self.params[name].as_str().unwrap_or_default().to_owned());
                let asked = hash::Ids {
                    nonce: self.params["requesterNonce"].as_str().unwrap_or_default(),
                    work_order: &ids[0],
                    worker: &ids[1],
                    workload: &ids[2],
                    requester: &ids[3],
                };
                let verified = result.verify(&KEYS.worker.verifying_key(), asked);
                let verified = verified.expect("the worker's own answer verifies");
                let sealed = STANDARD.decode(&verified.out_data()[0].data).unwrap();
                let output = self.key.open(self.ivs, &sealed).expect("it opens");
                // A detail is sealed so that it never opens as an output, nor the other way round.
                assert!(detail::open(&self.key, &ids[0], &STANDARD.encode(&sealed)).is_err());
                if !self.distorted {
                    self.plain.sort_by_key(|(index, _)| *index);
                    let inputs = self.plain.iter().map(|(_, plain)| plain.as_slice());
                    assert_eq!(*output, shown(inputs));
                }
            }
        }
    }
}
