//! `WorkOrderSubmit` and `WorkOrderGetResult` (wire facts 3.1 to 3.4).

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use monitor::Refusal;
use protocol::crypto::sha256;
use protocol::envelope::ErrorObject;
use protocol::json::Members;
use protocol::methods::GetResult;
use protocol::methods::submit::Submit;
use protocol::record::Status;
use protocol::{Reason, WorkOrderId};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Digest, Error, OrderId, ReplayKey, State, Submission, Submitted};
use tokio::time::sleep;

use crate::config::Mode;
use crate::receipts;
use crate::repeat::PAUSES;
use crate::rpc::{Answer, Service};

/// Avalon's answer to an accepted order.
const COMPUTING: &str =
    "Work order is computing. Please query for WorkOrderGetResult to view the result";

impl Service {
    /// Takes an order in. From the check of the worker on, errors name the order.
    pub(crate) async fn submit(&self, params: &Members<'_>, id: &RawValue, text: &str) -> Answer {
        let begin = Instant::now();
        let monitor = &self.config.monitor;
        let order = Submit::parse(params)?;
        let name = order.work_order_id.as_str();
        let requester = order.requester_id.as_str();
        self.requesters.take(requester).map_err(|wait| {
            monitor.refused(Refusal::Rate);
            too_often(wait).about(name)
        })?;
        self.check_items(&order)
            .map_err(|error| error.about(name))?;
        self.accept(&order, id, text)
            .await
            .map_err(|error| error.about(name))?;
        monitor.accepted(begin.elapsed());
        tracing::trace!(order = name, "an order was accepted");
        let wait = self.patience(order.response_timeout_ms);
        let answer = self.outcome(&order.work_order_id, wait, COMPUTING).await;
        if !wait.is_zero() {
            monitor.sync_submitted(begin.elapsed());
        }
        answer
    }

    /// Answers with an order's result, however often it's asked.
    pub(crate) async fn get_result(&self, params: &Members<'_>) -> Answer {
        let asked = GetResult::parse(params)?;
        let pending = Reason::OrderPending.text();
        self.outcome(&asked.work_order_id, self.config.result_wait, pending)
            .await
    }

    async fn accept(
        &self,
        order: &Submit<'_>,
        id: &RawValue,
        text: &str,
    ) -> Result<(), ErrorObject> {
        self.check_worker(order).await?;
        let signature = order.requester_signature.as_bytes();
        if STANDARD.decode(signature).is_err() {
            return Err(ErrorObject::for_client(Reason::RequestMember)
                .saying("Invalid data format for requesterSignature"));
        }
        let (refusal, error) = match self.store(order, id, text).await {
            Ok(Submitted::Accepted) => return Ok(()),
            Ok(Submitted::AlreadyAccepted | Submitted::DuplicateOrder) => (
                Refusal::OrderTaken,
                ErrorObject::for_client(Reason::OrderTaken),
            ),
            Ok(Submitted::Replayed) => (
                Refusal::OrderReplayed,
                ErrorObject::for_client(Reason::OrderReplayed),
            ),
            Ok(Submitted::Full) => (Refusal::Orders, ErrorObject::for_client(Reason::Busy)),
            Err(error) => (
                Refusal::Store,
                failed("an order could not be stored", &error),
            ),
        };
        self.config.monitor.refused(refusal);
        Err(error)
    }

    /// What is never taken has been refused already, while the order was read.
    fn check_items(&self, order: &Submit<'_>) -> Result<(), ErrorObject> {
        let limits = self.limits();
        for items in [&order.in_data, &order.out_data] {
            let with_own_key = items.iter().filter(|item| item.has_own_key()).count();
            let refused = if items.len() > limits.items {
                "The work order has more items than this server accepts"
            } else if with_own_key > limits.own_keys {
                "The work order has more items with keys of their own than this server accepts"
            } else {
                continue;
            };
            return Err(ErrorObject::for_client(Reason::LimitSize).saying(refused));
        }
        Ok(())
    }

    async fn check_worker(&self, order: &Submit<'_>) -> Result<(), ErrorObject> {
        let unknown = ErrorObject::for_client(Reason::WorkerUnknown);
        match self.status_of(&order.worker_id).await? {
            Some(Status::Active) => Ok(()),
            None => Err(unknown.saying(format!("worker {} doesn't exists", order.worker_id))),
            Some(Status::OffLine) => {
                Err(unknown.saying("The worker is off-line and takes no work orders"))
            }
            Some(Status::Decommissioned) => {
                Err(unknown.saying("The worker is decommissioned and takes no work orders"))
            }
            Some(Status::Compromised) => {
                Err(unknown.saying("The worker is compromised and takes no work orders"))
            }
        }
    }

    /// Stores an order; an outcome that is unknown is asked for again.
    async fn store(
        &self,
        order: &Submit<'_>,
        id: &RawValue,
        text: &str,
    ) -> Result<Submitted, Error> {
        let memo = receipts::memo_of(order, id);
        let digest = Digest(sha256(&[text.as_bytes()]));
        // Made anew for each try: bodies are large, and a second try is rare.
        let submission = || Submission {
            partition: order.worker_id.as_str().into(),
            order: order_id(&order.work_order_id),
            replays: replay_keys(order),
            digest,
            body: text.as_bytes().to_vec(),
            memo: memo.clone(),
        };
        let mut in_doubt = false;
        for pause in PAUSES {
            match self.orders.submit(submission()).await {
                Err(Error::Unknown(_)) => in_doubt = true,
                Err(Error::Unavailable(_)) => {}
                answer => return answer.map(|submitted| settle(submitted, in_doubt)),
            }
            sleep(pause).await;
        }
        match self.orders.submit(submission()).await {
            // An earlier call may have stored it all the same.
            Err(Error::Unavailable(why)) if in_doubt => Err(Error::Unknown(why)),
            answer => answer.map(|submitted| settle(submitted, in_doubt)),
        }
    }

    /// How long a submit may wait for the result.
    fn patience(&self, wanted_ms: i64) -> Duration {
        match self.config.mode {
            Mode::Async => Duration::ZERO,
            Mode::Sync { longest } => {
                let wanted = u64::try_from(wanted_ms).unwrap_or(0);
                longest.min(Duration::from_millis(wanted))
            }
        }
    }

    /// An order's result, if it's there within `wait`; else code 5 with the text `pending`.
    async fn outcome(&self, id: &WorkOrderId, wait: Duration, pending: &'static str) -> Answer {
        let still = || {
            ErrorObject::for_client(Reason::OrderPending)
                .saying(pending)
                .about(id.as_str())
        };
        // Submitting without waiting needs no look: there is nothing to see yet.
        if wait.is_zero() && pending == COMPUTING {
            return Err(still());
        }
        let order = order_id(id);
        let mut state = self.orders.wait(&order, wait).await;
        for pause in PAUSES {
            if !matches!(state, Err(Error::Unavailable(_) | Error::Unknown(_))) {
                break;
            }
            sleep(pause).await;
            state = self.orders.get(&order).await;
        }
        match state {
            Ok(State::Queued | State::Leased) => Err(still()),
            Ok(State::Finished(result)) => open(&result, id),
            Ok(State::Unknown | State::Evicted) => {
                Err(ErrorObject::for_client(Reason::OrderUnknown).about(id.as_str()))
            }
            // Not "busy", whatever it is: that would say that a submit was not accepted.
            Err(error) => {
                tracing::error!(%error, "an order could not be read");
                Err(ErrorObject::for_client(Reason::Internal).about(id.as_str()))
            }
        }
    }
}

/// An order that a call of ours in doubt has stored is ours.
fn settle(submitted: Submitted, in_doubt: bool) -> Submitted {
    match submitted {
        Submitted::AlreadyAccepted if in_doubt => Submitted::Accepted,
        other => other,
    }
}

pub(crate) fn order_id(id: &WorkOrderId) -> OrderId {
    OrderId::from(id.as_str())
}

/// What may be used once with a worker.
///
/// The requester's nonce, each part with its length in front; and the text of nonce and ids that
/// the request hash covers. That text has no lengths: a digit moved from the nonce to the order id
/// makes another nonce and another id under the same hash, and so must be refused as well.
fn replay_keys(order: &Submit<'_>) -> Vec<ReplayKey> {
    let hashed = protocol::hash::Ids::of(order).hash();
    let mut key = b"ids ".to_vec();
    key.extend_from_slice(&hashed);
    vec![nonce_key(order), ReplayKey::new(key)]
}

fn nonce_key(order: &Submit<'_>) -> ReplayKey {
    let parts = [
        order.worker_id.as_str(),
        order.requester_id.as_str(),
        order.requester_nonce.as_str(),
    ];
    let mut key = b"nonce ".to_vec();
    for part in parts {
        // Ids and nonces have at most `HexText::MAX_ID` characters.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(part.as_bytes());
    }
    ReplayKey::new(key)
}

/// The answer to whoever comes too often.
pub(crate) fn too_often(wait: Duration) -> ErrorObject {
    ErrorObject::for_client(Reason::LimitRate).again_after(wait)
}

/// What the manager stored when the order ended.
#[derive(Deserialize)]
struct Ended {
    result: Option<Box<RawValue>>,
    error: Option<ErrorObject>,
}

pub(crate) fn open(stored: &[u8], id: &WorkOrderId) -> Answer {
    match serde_json::from_slice(stored) {
        Ok(Ended {
            result: Some(result),
            error: None,
        }) => Ok(result),
        // One error may have ended many orders, so it's here that it gets the id.
        Ok(Ended {
            result: None,
            error: Some(error),
        }) => Err(error.about(id.as_str())),
        _ => {
            tracing::error!(order = id.as_str(), "a stored result is damaged");
            Err(ErrorObject::for_client(Reason::Internal).about(id.as_str()))
        }
    }
}

/// The answer to a call that the store refused or didn't perform. Where surely nothing happened,
/// the same request may come again.
pub(crate) fn failed(what: &'static str, error: &Error) -> ErrorObject {
    tracing::error!(%error, "{what}");
    ErrorObject::for_client(match error {
        Error::Refused(_) | Error::Unavailable(_) => Reason::Busy,
        _ => Reason::Internal,
    })
}
