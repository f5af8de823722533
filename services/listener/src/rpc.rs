//! JSON-RPC: the envelope, the operators' token, one function a method.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use entrance::Buckets;
use monitor::{Refusal, Throttle};
use protocol::Reason;
use protocol::envelope::{self, ErrorData, ErrorObject, Request, UNKNOWN_METHOD};
use protocol::json;
use protocol::methods::Method;
use receipts::Receipts;
use serde_json::value::RawValue;
use store::Orders;
use workers::Registry;

use crate::config::{Limits, ListenerConfig};
use crate::memory::{Budget, Held, Share};
use crate::receipts::Keeper;

/// Answers bodies.
pub(crate) struct Service {
    pub(crate) config: ListenerConfig,
    pub(crate) requesters: Buckets,
    pub(crate) budget: Budget,
    pub(crate) orders: Arc<dyn Orders>,
    pub(crate) registry: Registry,
    pub(crate) receipts: Receipts,
    /// Of warnings that operators' methods were refused.
    denials: Mutex<Throttle>,
    _keeper: Keeper,
}

/// What a method answers: the `result` member, or the `error` member.
pub(crate) type Answer = Result<Box<RawValue>, ErrorObject>;

impl Service {
    /// Must be called within a Tokio runtime.
    pub(crate) fn new(
        config: ListenerConfig,
        orders: Arc<dyn Orders>,
        registry: Registry,
        receipts: Receipts,
    ) -> Self {
        Self {
            _keeper: Keeper::start(&receipts, config.receipt_retention),
            requesters: Buckets::new(config.limits.requester_rate),
            budget: Budget::new(&config.limits),
            denials: Mutex::default(),
            config,
            orders,
            registry,
            receipts,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The reply to a body; `authorization` is the header of that name, and `share` the memory that
    /// the sender may take.
    pub(crate) async fn answer(
        &self,
        body: &[u8],
        authorization: Option<&[u8]>,
        share: Share<'_>,
    ) -> Text {
        let Ok(text) = std::str::from_utf8(body) else {
            self.note(None, Some(Reason::RequestJson));
            let error = ErrorObject::for_client(Reason::RequestJson);
            return Text::of(envelope::failure(
                None,
                &error.saying("The body is not UTF-8"),
            ));
        };
        let limits = envelope::Limits {
            depth: self.config.limits.depth,
        };
        let request = match envelope::parse(text, limits) {
            Ok(request) => request,
            Err(refused) => {
                self.note(None, refused.error.reason());
                return Text::of(envelope::failure(refused.id, &refused.error));
            }
        };
        let answer = self.dispatch(&request, text, authorization).await;
        let answer = answer.and_then(|result| match share.hold(result.get().len()) {
            Some(held) => Ok((result, held)),
            None => Err(self.no_room(&request)),
        });
        let error = answer.as_ref().err().and_then(ErrorObject::reason);
        self.note(Method::from_name(&request.method), error);
        match answer {
            Ok((result, held)) => Text {
                bytes: envelope::success(request.id, &result),
                held: Some(held),
            },
            Err(error) => Text::of(envelope::failure(Some(request.id), &error)),
        }
    }

    /// Instead of an answer for which there is no memory. It can be fetched later; of a submit it
    /// must not be said that it may come again.
    fn no_room(&self, request: &Request<'_>) -> ErrorObject {
        self.config.monitor.refused(Refusal::Memory);
        let submit = Method::from_name(&request.method) == Some(Method::WorkOrderSubmit);
        let reason = if submit {
            Reason::OrderPending
        } else {
            Reason::LimitRate
        };
        let error = ErrorObject::for_client(reason);
        let order = request.params.get("workOrderId").and_then(json::string);
        match order {
            Some(order) => error.about(&order),
            None => error,
        }
    }

    /// Counts an answer.
    pub(crate) fn note(&self, method: Option<Method>, error: Option<Reason>) {
        self.config.monitor.answered(method, error);
    }

    async fn dispatch(
        &self,
        request: &Request<'_>,
        text: &str,
        authorization: Option<&[u8]>,
    ) -> Answer {
        let Some(method) = Method::from_name(&request.method) else {
            return Err(ErrorObject::for_client(Reason::RequestEnvelope).saying(UNKNOWN_METHOD));
        };
        if method.is_for_operators() && !self.is_operator(authorization) {
            self.warn_of_denial(method);
            return Err(ErrorObject::for_client(Reason::AccessDenied));
        }
        let params = &request.params;
        match method {
            Method::WorkOrderSubmit => self.submit(params, request.id, text).await,
            Method::WorkOrderGetResult => self.get_result(params).await,
            Method::WorkerLookUp => self.look_up(params).await,
            Method::WorkerLookUpNext => self.look_up_next(params).await,
            Method::WorkerRetrieve => self.retrieve(params).await,
            Method::WorkOrderReceiptCreate => self.create_receipt(params).await,
            Method::WorkOrderReceiptUpdate => self.update_receipt(params).await,
            Method::WorkOrderReceiptRetrieve => self.retrieve_receipt(params).await,
            Method::WorkOrderReceiptUpdateRetrieve => self.retrieve_receipt_update(params).await,
            Method::WorkOrderReceiptLookUp => self.look_up_receipts(params).await,
            Method::WorkOrderReceiptLookUpNext => self.look_up_next_receipts(params).await,
            Method::WorkerRegister => self.register(params).await,
            Method::WorkerUpdate => self.update(params).await,
            Method::WorkerSetStatus => self.set_status(params).await,
        }
    }

    fn warn_of_denial(&self, method: Method) {
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = denials.pass() {
            let method = method.name();
            tracing::warn!(method, suppressed, "a method for operators was refused");
        }
    }

    /// Without a token of ours nobody is one.
    fn is_operator(&self, authorization: Option<&[u8]>) -> bool {
        let shown = authorization.and_then(|header| {
            let (scheme, token) = header.split_at_checked(BEARER.len())?;
            scheme.eq_ignore_ascii_case(BEARER).then_some(token)
        });
        match (&self.config.operator_token, shown) {
            (Some(token), Some(shown)) => token.is(shown.trim_ascii()),
            _ => false,
        }
    }
}

/// A reply's body and the memory that it takes of all answers' together.
pub(crate) struct Text {
    bytes: Vec<u8>,
    held: Option<Held>,
}

impl Text {
    fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, held: None }
    }
}

impl From<Text> for Bytes {
    /// The memory counts until the last of it is written.
    fn from(text: Text) -> Self {
        match text.held {
            None => text.bytes.into(),
            Some(_) => Self::from_owner(text),
        }
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

const BEARER: &[u8] = b"Bearer ";

/// The success of a method without a result: an error with code 0 (wire facts 3.9 and 3.10).
pub(crate) fn success(text: &'static str) -> Answer {
    Err(ErrorObject {
        code: 0,
        message: text.into(),
        data: None::<Box<ErrorData>>,
    })
}

/// `value` as the result of a method; made of strings and numbers, it can be written.
pub(crate) fn result(value: &impl serde::Serialize) -> Answer {
    serde_json::value::to_raw_value(value).map_err(|_| ErrorObject::for_client(Reason::Internal))
}
