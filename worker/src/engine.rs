//! Bytes in, bytes out: the whole work of the enclave, without input or output of its own.
//!
//! [`Engine::open`] does everything up to the workload; the [`Job`] that it returns is proof that
//! the order's cryptography held, since nothing else makes one. [`Engine::process`] is both steps
//! in one call.
//!
//! # What can go wrong in the protocol, and what is done about it
//!
//! - *Padding and tag oracles.* Whatever is wrong with the cryptography of an order gives one
//!   answer (`order.integrity`), after the same work: a session key that doesn't open is replaced
//!   by a random one, and the rest is done with that.
//! - *Short keys and odd initialisation vectors* are refused the same way, as is an order that
//!   names another worker.
//! - *Texts without ends.* The hashes cover texts with nothing between them, so one hash fits many
//!   orders. What could be moved from one member to the next is refused: the worker id is this
//!   worker's, a longer workload id wins, an initialisation vector stands only where it's used, a
//!   data hash is checked. (Nonce and order id can be cut elsewhere; the listener refuses that as
//!   a replay.)
//! - *A requester's signature* that is there must verify. That it's there can't be enforced: it
//!   stands outside the hash.
//! - *A workload's own message* may hold its inputs. It leaves encrypted, for the requester.

mod job;
mod pool;

pub use job::Job;

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::answer::OneTimeKey;
use protocol::crypto::rsa::DecryptionKey;
use protocol::envelope::{self, ErrorObject, Limits};
use protocol::methods::Method;
use protocol::methods::submit::Submit;
use protocol::opening::Unwrap;
use protocol::processor::{Request, Signup, error_frame};
use protocol::{Entropy, Reason, opening};
use serde_json::value::RawValue;
use tee::Tee;
use workload::Description;

use crate::keys::WorkerKeys;

/// Tells how much time has passed; never the date, which the host could forge.
pub trait Clock: Send + Sync {
    /// Time since some moment that stays the same.
    fn elapsed(&self) -> Duration;
}

/// The system's monotonic clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// One worker: its keys and its table of workloads.
pub struct Engine {
    keys: WorkerKeys,
    find: Find,
    pool: pool::Processor,
}

/// The workload with an id, as [`crate::table::find`] gives it.
pub type Find = fn(&str) -> Option<&'static Description>;

/// What is to be done with a frame.
pub enum Step {
    /// Answer this.
    Reply(Vec<u8>),
    /// Run a workload.
    Run(Arc<Job>),
}

impl Engine {
    /// A worker with `keys` that runs the workloads that `find` knows.
    pub fn new(keys: WorkerKeys, find: Find) -> Self {
        Self {
            keys,
            find,
            pool: pool::Processor::default(),
        }
    }

    /// The same on a platform that vouches for it, whose quotes pools ask for.
    #[must_use]
    pub fn vouched(mut self, platform: Box<dyn Tee>) -> Self {
        self.pool.vouched(platform);
        self
    }

    /// The same with this key for pools, in place of one that is made when a pool first asks for it: for
    /// whoever has to know it beforehand.
    #[must_use]
    pub fn with_pool_key(mut self, key: DecryptionKey) -> Self {
        self.pool.with_key(key);
        self
    }

    /// The worker's keys.
    pub fn keys(&self) -> &WorkerKeys {
        &self.keys
    }

    /// Answers one frame.
    pub fn process(&self, frame: &[u8], entropy: &dyn Entropy, clock: &dyn Clock) -> Vec<u8> {
        match self.open(frame, entropy) {
            Step::Reply(reply) => reply,
            Step::Run(job) => {
                let started = clock.elapsed();
                let reply = job.run(&self.keys, entropy);
                let time = clock.elapsed().saturating_sub(started);
                if time > job.time_limit() {
                    job.overdue(entropy)
                } else {
                    reply
                }
            }
        }
    }

    /// Does everything about one frame but running the workload.
    pub fn open(&self, frame: &[u8], entropy: &dyn Entropy) -> Step {
        match Request::parse(frame) {
            Ok(Request::Signup) => Step::Reply(signup(self.keys.signup())),
            Ok(Request::Order(text)) => self.order(&text, self.keys.decryption(), None, entropy),
            Ok(Request::PoolOrder { request, keys }) => match self.pool.open(&keys) {
                Ok(given) => self.order(&request, &given.data, Some(given.one_time), entropy),
                Err(error) => refused(&error),
            },
            Ok(Request::Nonce(digits)) => bare(self.pool.nonce(digits, entropy)),
            Ok(Request::UniqueKey { key, signature }) => {
                bare(Ok(self.pool.verify(&key, &signature)))
            }
            Ok(Request::PoolSignup(key)) => match self.pool.signup(&self.keys, &key) {
                Ok(answer) => Step::Reply(signup(&answer)),
                Err(error) => refused(&error),
            },
            Err(fault) => {
                let error = ErrorObject::for_manager(fault.reason());
                refused(&error.saying(fault.to_string()))
            }
        }
    }

    fn order(
        &self,
        text: &str,
        keys: &dyn Unwrap,
        one_time: Option<OneTimeKey>,
        entropy: &dyn Entropy,
    ) -> Step {
        let request = match envelope::parse(text, Limits::default()) {
            Ok(request) => request,
            Err(refused) => return Step::Reply(refused_frame(refused.id, &refused.error)),
        };
        if Method::from_name(&request.method) != Some(Method::WorkOrderSubmit) {
            let error =
                ErrorObject::for_manager(Reason::RequestEnvelope).saying(envelope::UNKNOWN_METHOD);
            return Step::Reply(error_frame(Some(request.id), &error));
        }
        let order = match Submit::parse(&request.params) {
            Ok(order) => order,
            Err(error) => return Step::Reply(refused_frame(Some(request.id), &error)),
        };
        let id = order.work_order_id.as_str();
        match self.decrypt(&order, request.id, keys, one_time, entropy) {
            Ok(step) => step,
            Err(reason) => {
                let error = ErrorObject::for_manager(reason).about(id);
                Step::Reply(error_frame(Some(request.id), &error))
            }
        }
    }

    fn decrypt(
        &self,
        order: &Submit<'_>,
        id: &RawValue,
        keys: &dyn Unwrap,
        one_time: Option<OneTimeKey>,
        entropy: &dyn Entropy,
    ) -> Result<Step, Reason> {
        let addressed = order.worker_id == *self.keys.worker_id();
        let opened = opening::open(order, addressed, keys, entropy)?;
        let name = order.workload_id.name();
        let found = name.as_deref().and_then(self.find);
        if found.is_some() && self.hash_covers_a_longer_name(order) {
            return Err(Reason::OrderIntegrity);
        }
        Ok(match found {
            Some(workload) => Step::Run(Arc::new(Job::new(workload, order, id, opened, one_time))),
            None => Step::Reply(job::unknown_workload(order, id, opened, entropy)),
        })
    }
}

impl Engine {
    /// Whether the texts of workload and requester, which the request hash covers without anything
    /// between them, could also be cut behind a longer workload id that is known here. Then the
    /// order was, with near certainty, one for that workload, and somebody on the way has moved
    /// the end of its id to the requester's.
    fn hash_covers_a_longer_name(&self, order: &Submit<'_>) -> bool {
        let Some(mut name) = order.workload_id.name() else {
            return false;
        };
        let requester = order.requester_id.as_str().as_bytes();
        requester
            .chunks_exact(2)
            .map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            // No workload id has other characters, nor is any longer than 64.
            .take_while(u8::is_ascii_graphic)
            .take(64)
            .any(|character| {
                name.push(char::from(character));
                (self.find)(&name).is_some()
            })
    }
}

fn signup(answer: &Signup) -> Vec<u8> {
    // Made of strings and a number: writing it can't fail.
    serde_json::to_vec(answer).unwrap_or_default()
}

/// An answer without an envelope, as Avalon's worker has some.
fn bare(answer: Result<String, ErrorObject>) -> Step {
    match answer {
        Ok(answer) => Step::Reply(answer.into_bytes()),
        Err(error) => refused(&error),
    }
}

fn refused(error: &ErrorObject) -> Step {
    Step::Reply(error_frame(None, error))
}

/// Avalon's worker gives code 1 for an order that is JSON and yet no order; its text, without the
/// inner exception, stays in front.
fn refused_frame(id: Option<&RawValue>, error: &ErrorObject) -> Vec<u8> {
    let reason = error.reason().unwrap_or(Reason::RequestMember);
    let mut frame = ErrorObject::for_manager(reason);
    if reason == Reason::RequestJson {
        frame = frame.saying("Error loading JSON: the order is not a JSON text");
    } else {
        frame.code = 1;
        frame = frame.saying(format!("Error processing work order: {}", error.message));
    }
    error_frame(id, &frame)
}
