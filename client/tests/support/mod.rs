//! A listener with one worker behind it, all in the test's own process: real HTTP, real
//! cryptography, and hooks to spoil what is answered.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub(crate) mod evidence;
mod receipts;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::{OutItem, WorkOrderResult};
use protocol::crypto::aes::{Ivs, SessionKey};
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::envelope::ErrorObject;
use protocol::processor::Signup;
use protocol::record::WorkerRecord;
use protocol::{Reason, SystemEntropy, WorkerId};
use serde_json::{Value, json};

/// The worker that there is.
pub(crate) const WORKER: &str = "scone-worker-1";

type Edit = Box<dyn Fn(&mut Value) + Send + Sync>;

/// How the listener behaves. The defaults are those of an honest one that has the answer ready.
pub(crate) struct Fake {
    /// How often get-result says "pending" first.
    pub(crate) pending: usize,
    /// Answers the submit itself.
    pub(crate) sync: bool,
    /// The order ends with this error instead of a result; the text is the workload's message.
    pub(crate) failure: Option<(Reason, &'static str)>,
    /// Pages of worker ids, by number, of a look-up that never says that it is over; otherwise
    /// there is one, with the one worker.
    pub(crate) pages: Option<fn(usize) -> Vec<WorkerId>>,
    /// Spoils the worker's record.
    pub(crate) edit_record: Edit,
    /// Spoils the result before it's signed.
    pub(crate) edit_before_signing: Edit,
    /// Spoils any reply of get-result, or of a submit in synchronous mode.
    pub(crate) edit_reply: Edit,
    /// Spoils any reply of a receipt's method that has a result.
    pub(crate) edit_receipt: Edit,
    /// The reply's content type.
    pub(crate) content_type: &'static str,
    /// The HTTP status line's end.
    pub(crate) status: &'static str,
    /// Bytes instead of any reply.
    pub(crate) raw: Option<Vec<u8>>,
    /// Calls that find the connection closed before any is answered.
    pub(crate) refuse: usize,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            pending: 0,
            sync: false,
            failure: None,
            pages: None,
            edit_record: Box::new(|_| ()),
            edit_before_signing: Box::new(|_| ()),
            edit_reply: Box::new(|_| ()),
            edit_receipt: Box::new(|_| ()),
            content_type: "application/json",
            status: "200 OK",
            raw: None,
            refuse: 0,
        }
    }
}

/// A running listener; it ends with the test.
pub(crate) struct Listener {
    /// Its address.
    pub(crate) uri: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<(String, Value)>,
    heads: Vec<String>,
    orders: HashMap<String, Order>,
    receipts: receipts::Book,
    refused: usize,
}

struct Order {
    polls: usize,
    outcome: Value,
}

impl Listener {
    /// Methods called so far, with their parameters.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Heads of the HTTP requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }

    /// The calls of one method.
    pub(crate) fn calls_of(&self, method: &str) -> Vec<Value> {
        let calls = self.calls().into_iter();
        calls.filter(|(m, _)| m == method).map(|(_, p)| p).collect()
    }
}

impl Fake {
    /// Starts listening on a free port.
    pub(crate) fn start(self) -> Listener {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", socket.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (fake, shared) = (Arc::new(self), Arc::clone(&state));
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let (fake, state) = (Arc::clone(&fake), Arc::clone(&shared));
                std::thread::spawn(move || fake.serve(stream.unwrap(), &state));
            }
        });
        Listener { uri, state }
    }

    fn serve(&self, stream: TcpStream, state: &Mutex<State>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some((head, body)) = read_request(&mut reader) {
            {
                let mut state = state.lock().unwrap();
                state.heads.push(head);
                state.refused += 1;
                if state.refused <= self.refuse {
                    return;
                }
            }
            let reply = match &self.raw {
                Some(raw) => raw.clone(),
                None => self.answer(&body, state),
            };
            let head = format!(
                "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
                self.status,
                self.content_type,
                reply.len()
            );
            if writer.write_all(head.as_bytes()).is_err() || writer.write_all(&reply).is_err() {
                return;
            }
        }
    }

    fn answer(&self, body: &[u8], state: &Mutex<State>) -> Vec<u8> {
        let request: Value = serde_json::from_slice(body).unwrap();
        let method = request["method"].as_str().unwrap().to_owned();
        let params = request["params"].clone();
        let mut state = state.lock().unwrap();
        state.calls.push((method.clone(), params.clone()));
        let mut reply = match method.as_str() {
            "WorkerLookUp" | "WorkerLookUpNext" => self.look_up(&state),
            "WorkerRetrieve" => self.record(&params),
            "WorkOrderSubmit" => self.submit(&params, &mut state),
            "WorkOrderGetResult" => self.result(&params, &mut state),
            receipts if receipts.starts_with("WorkOrderReceipt") => {
                let mut reply = state.receipts.answer(receipts, &params);
                if reply.get("result").is_some() {
                    (self.edit_receipt)(&mut reply);
                }
                reply
            }
            _ => error(ErrorObject::for_client(Reason::RequestEnvelope)),
        };
        reply["id"] = request["id"].clone();
        reply["jsonrpc"] = "2.0".into();
        if method == "WorkOrderGetResult" || (self.sync && method == "WorkOrderSubmit") {
            (self.edit_reply)(&mut reply);
        }
        serde_json::to_vec(&reply).unwrap()
    }

    fn look_up(&self, state: &State) -> Value {
        let looked_up = |(method, _): &&(String, Value)| method.starts_with("WorkerLookUp");
        let page = state.calls.iter().filter(looked_up).count() - 1;
        let (total, ids) = match self.pages {
            Some(pages) => (u32::MAX, pages(page)),
            None => (1, vec![WorkerId::from_name(WORKER)]),
        };
        json!({"result": {"totalCount": total, "lookupTag": ids.last(), "ids": ids}})
    }

    fn record(&self, params: &Value) -> Value {
        if params["workerId"] != WorkerId::from_name(WORKER).as_str() {
            return error(ErrorObject::for_client(Reason::WorkerUnknown));
        }
        let mut record = serde_json::to_value(WorkerRecord::of_signup(&signup())).unwrap();
        (self.edit_record)(&mut record);
        json!({ "result": record })
    }

    fn submit(&self, params: &Value, state: &mut State) -> Value {
        let id = params["workOrderId"].as_str().unwrap().to_owned();
        if state.orders.contains_key(&id) {
            return error(ErrorObject::for_client(Reason::OrderTaken).about(&id));
        }
        let outcome = self.work(params);
        let order = Order {
            polls: 0,
            outcome: outcome.clone(),
        };
        state.orders.insert(id.clone(), order);
        if self.sync {
            outcome
        } else {
            error(ErrorObject::for_client(Reason::OrderPending).about(&id))
        }
    }

    fn result(&self, params: &Value, state: &mut State) -> Value {
        let id = params["workOrderId"].as_str().unwrap();
        let Some(order) = state.orders.get_mut(id) else {
            return error(ErrorObject::for_client(Reason::OrderUnknown).about(id));
        };
        order.polls += 1;
        if order.polls <= self.pending {
            return error(ErrorObject::for_client(Reason::OrderPending).about(id));
        }
        order.outcome.clone()
    }

    /// What the worker makes of an order: "Hello " and the first input.
    fn work(&self, order: &Value) -> Value {
        let entropy = SystemEntropy::new();
        let text = |name: &str| order[name].as_str().unwrap().to_owned();
        let session = hex::decode(text("encryptedSessionKey")).unwrap();
        let session = SessionKey::new(&keys().1.open(&session).unwrap()).unwrap();
        if let Some((reason, detail)) = self.failure {
            let order = text("workOrderId");
            let sealed = protocol::detail::seal(&session, &order, detail, &entropy);
            let mut fault = ErrorObject::for_client(reason).about(&order);
            fault.data.as_mut().unwrap().detail = Some(sealed.unwrap());
            return error(fault);
        }
        let ivs = match order["sessionKeyIv"].as_str() {
            Some(iv) => Ivs::Shared(hex::decode(iv).unwrap().try_into().unwrap()),
            None => Ivs::Prefixed,
        };
        let item = &order["inData"][0];
        let sealed = STANDARD.decode(item["data"].as_str().unwrap()).unwrap();
        let plain = if item["encryptedDataEncryptionKey"] == "-" {
            sealed
        } else {
            session.open(ivs, &sealed).unwrap().to_vec()
        };
        let output = session.seal(ivs, &[b"Hello ", plain.as_slice()].concat(), &entropy);
        let result = WorkOrderResult {
            workload_id: text("workloadId"),
            work_order_id: text("workOrderId"),
            worker_id: text("workerId"),
            requester_id: text("requesterId"),
            worker_nonce: STANDARD.encode("ABCDEFGHIJKLMNOP"),
            out_data: vec![OutItem::new(0, &output.unwrap())],
            worker_signature: String::new(),
            ext_verification_key: None,
            ext_verification_key_signature: None,
        };
        let mut result = serde_json::to_value(result).unwrap();
        (self.edit_before_signing)(&mut result);
        let mut result: WorkOrderResult = serde_json::from_value(result).unwrap();
        result.worker_signature = STANDARD.encode(keys().0.sign(&result.hash()));
        json!({ "result": result })
    }
}

fn error(error: ErrorObject) -> Value {
    json!({ "error": error })
}

/// The worker's keys: made once for each test program, since RSA keys take their time.
pub(crate) fn keys() -> &'static (SigningKey, DecryptionKey) {
    static KEYS: OnceLock<(SigningKey, DecryptionKey)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let signing = SigningKey::generate(&SystemEntropy::new()).unwrap();
        (signing, DecryptionKey::generate().unwrap())
    })
}

/// What the worker signs with.
pub(crate) fn worker_key() -> &'static SigningKey {
    &keys().0
}

fn signup() -> Signup {
    let (signing, decryption) = keys();
    let encryption = decryption.encryption_key().unwrap();
    let signature = signing.sign(&sha256(&[encryption.pem().as_bytes()]));
    Signup {
        verifying_key: signing.verifying_key().pem().to_owned(),
        encryption_key: encryption.pem().to_owned(),
        encryption_key_signature: hex::encode(signature),
        ..Signup::default()
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
