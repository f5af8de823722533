//! What managers of pools ask over HTTP: work orders to the vault itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attestation::Time;
use protocol::answer::{Asked, Signer};
use protocol::crypto::secp256k1::SigningKey;
use protocol::envelope::{self, ErrorObject, Limits};
use protocol::methods::submit::Submit;
use protocol::opening::{self, Opened};
use protocol::pool::{self, KmeMethod};
use protocol::{Entropy, Reason};
use serde_json::value::RawValue;

use super::kept::{Pool, PoolKeys, Secrets};
use super::{order, registration};
use crate::cas::Cas;
use crate::state::{Decision, State};

/// Unique keys that wait for their processors to register: the oldest makes room.
const MAX_WAITING: usize = 256;

/// Hex digits that a processor's nonce may have.
const NONCE: std::ops::RangeInclusive<usize> = 16..=128;

/// What answers managers. Pools are not in it: they are in the [state](crate::state).
pub struct Desk {
    pub(super) entropy: Arc<dyn Entropy>,
    /// Unique keys that have been given, each for one registration; they end with the program.
    waiting: Mutex<VecDeque<Unique>>,
    /// The keys of the pool, read once.
    keys: Mutex<Option<(Secrets, Arc<PoolKeys>)>>,
}

/// A unique key, by its name.
struct Unique {
    id: String,
    key: SigningKey,
}

/// What is decided of a request: its plaintext answer, or why there is none.
pub(super) type Answered = Decision<Result<String, ErrorObject>>;

impl Desk {
    /// A desk at which nobody waits.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            entropy,
            waiting: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// Whether answering this request may change the state.
    #[must_use]
    pub fn may_change(body: &[u8]) -> bool {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let request = envelope::parse(text, Limits::default()).ok();
        let method = request.and_then(|request| KmeMethod::from_name(&request.method));
        method == Some(KmeMethod::Register)
    }

    /// The answer to a request in JSON-RPC, which is JSON, too.
    pub fn answer(&self, state: &State, cas: &Cas, body: &[u8], now: Time) -> Decision<Vec<u8>> {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let request = match envelope::parse(text, Limits::default()) {
            Ok(request) => request,
            Err(refused) => return failure(refused.id, &refused.error),
        };
        let Some(method) = KmeMethod::from_name(&request.method) else {
            let error = ErrorObject::for_client(Reason::RequestEnvelope);
            return failure(Some(request.id), &error.saying(envelope::UNKNOWN_METHOD));
        };
        let order = match Submit::parse(&request.params) {
            Ok(order) => order,
            Err(error) => return failure(Some(request.id), &error),
        };
        self.order(state, cas, method, &order, now)
            .map(|answered| frame(request.id, &order, answered))
    }

    /// Opens a work order to the vault, does what it asks, and seals the answer.
    fn order(
        &self,
        state: &State,
        cas: &Cas,
        method: KmeMethod,
        order: &Submit<'_>,
        now: Time,
    ) -> Answered {
        let Some(pool) = state.kme.pool() else {
            return Decision::only(Err(refused("this vault has no pool")));
        };
        let opened = self.open(pool, method, order);
        let (keys, opened) = match opened {
            Ok(opened) => opened,
            Err(reason) => return Decision::only(Err(ErrorObject::for_client(reason))),
        };
        let inputs: Vec<&[u8]> = opened.inputs.iter().map(|input| input.as_slice()).collect();
        let done = match (method, &inputs[..]) {
            (KmeMethod::UniqueKey, [nonce, ..]) => Decision::only(self.unique_key(nonce)),
            (KmeMethod::Register, [registration, ..]) => {
                registration::decide(self, pool, cas, registration, now)
            }
            (KmeMethod::PreProcess, [request, processor, ..]) => {
                Decision::only(order::keys(self, pool, &keys, request, processor))
            }
            _ => Decision::only(Err(refused("an input is missing"))),
        };
        let asked = Asked {
            work_order: order.work_order_id.as_str(),
            worker: order.worker_id.as_str(),
            workload: order.workload_id.as_str(),
            requester: order.requester_id.as_str(),
            session_key: &opened.session_key,
            ivs: opened.ivs,
        };
        done.map(|output| {
            let signer = Signer::Published(&keys.signing);
            let sealed = asked.answer(output?.as_bytes(), signer, &*self.entropy);
            let sealed = sealed.map_err(|_| ErrorObject::for_client(Reason::Internal))?;
            // Made of strings and numbers: writing it can't fail.
            Ok(serde_json::to_string(&sealed).unwrap_or_default())
        })
    }

    /// What is in an order. Its worker id is one that the manager makes up, and means nothing.
    fn open(
        &self,
        pool: &Pool,
        method: KmeMethod,
        order: &Submit<'_>,
    ) -> Result<(Arc<PoolKeys>, Opened), Reason> {
        let keys = self.keys(pool).ok_or(Reason::Internal)?;
        let addressed = order.workload_id.name().as_deref() == Some(method.workload());
        let opened = opening::open(order, addressed, &keys.decryption, &*self.entropy)?;
        Ok((keys, opened))
    }

    /// A fresh unique key: status, name, and its signature over itself and the processor's nonce.
    fn unique_key(&self, nonce: &[u8]) -> Result<String, ErrorObject> {
        let fits = NONCE.contains(&nonce.len()) && nonce.iter().all(u8::is_ascii_hexdigit);
        let nonce = std::str::from_utf8(nonce).ok().filter(|_| fits);
        let nonce = nonce.ok_or_else(|| refused("a nonce has 16 to 128 hex digits"))?;
        let key = SigningKey::generate(&*self.entropy);
        let key = key.map_err(|_| ErrorObject::for_client(Reason::Internal))?;
        let id = pool::unique_id(&key.verifying_key());
        let answer = format!("0 {id} {}", pool::sign_unique(&key, nonce));
        let mut waiting = self.waiting();
        if waiting.len() >= MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(Unique { id, key });
        Ok(answer)
    }

    /// Whether a unique key of this name has been given and not been used.
    pub(super) fn awaits(&self, id: &str) -> bool {
        self.waiting().iter().any(|unique| unique.id == id)
    }

    /// Uses a unique key, which can be done once.
    pub(super) fn spend(&self, id: &str) -> Option<SigningKey> {
        let mut waiting = self.waiting();
        let at = waiting.iter().position(|unique| unique.id == id)?;
        waiting.remove(at).map(|unique| unique.key)
    }

    /// The pool's keys, read when they are first needed.
    pub(super) fn keys(&self, pool: &Pool) -> Option<Arc<PoolKeys>> {
        let mut kept = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, keys)) = &*kept
            && of == pool.secrets()
        {
            return Some(Arc::clone(keys));
        }
        let keys = Arc::new(pool.secrets().keys().ok()?);
        *kept = Some((pool.secrets().clone(), Arc::clone(&keys)));
        Some(keys)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Unique>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn refused(what: &'static str) -> ErrorObject {
    ErrorObject::for_client(Reason::RequestMember).saying(what)
}

fn failure(id: Option<&RawValue>, error: &ErrorObject) -> Decision<Vec<u8>> {
    Decision::only(envelope::failure(id, error))
}

fn frame(id: &RawValue, order: &Submit<'_>, answered: Result<String, ErrorObject>) -> Vec<u8> {
    let about = |error: ErrorObject| error.about(order.work_order_id.as_str());
    match answered.map(RawValue::from_string) {
        Ok(Ok(result)) => envelope::success(id, &result),
        Ok(Err(_)) => envelope::failure(Some(id), &ErrorObject::for_client(Reason::Internal)),
        Err(error) => envelope::failure(Some(id), &about(error)),
    }
}
