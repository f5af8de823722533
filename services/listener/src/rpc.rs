//! JSON-RPC: the envelope, the operators' token, one function a method.

use std::sync::Arc;

use protocol::Reason;
use protocol::envelope::{self, ErrorObject, Request, UNKNOWN_METHOD};
use protocol::methods::Method;
use serde_json::value::RawValue;
use store::Orders;
use workers::Registry;

use crate::config::{Limits, ListenerConfig};

/// Answers bodies.
pub(crate) struct Service {
    pub(crate) config: ListenerConfig,
    pub(crate) orders: Arc<dyn Orders>,
    pub(crate) registry: Registry,
}

/// What a method answers: the `result` member, or the `error` member.
pub(crate) type Answer = Result<Box<RawValue>, ErrorObject>;

impl Service {
    pub(crate) fn new(config: ListenerConfig, orders: Arc<dyn Orders>, registry: Registry) -> Self {
        Self {
            config,
            orders,
            registry,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// The reply to a body; `authorization` is the header of that name.
    pub(crate) async fn answer(&self, body: &[u8], authorization: Option<&[u8]>) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(body) else {
            let error = ErrorObject::for_client(Reason::RequestJson);
            return envelope::failure(None, &error.saying("The body is not UTF-8"));
        };
        let limits = envelope::Limits {
            depth: self.config.limits.depth,
        };
        let request = match envelope::parse(text, limits) {
            Ok(request) => request,
            Err(refused) => return envelope::failure(refused.id, &refused.error),
        };
        match self.dispatch(&request, text, authorization).await {
            Ok(result) => envelope::success(request.id, &result),
            Err(error) => envelope::failure(Some(request.id), &error),
        }
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
            tracing::warn!(method = method.name(), "a method for operators was refused");
            return Err(ErrorObject::for_client(Reason::AccessDenied));
        }
        let params = &request.params;
        match method {
            Method::WorkOrderSubmit => self.submit(params, text).await,
            Method::WorkOrderGetResult => self.get_result(params).await,
            Method::WorkerLookUp => self.look_up(params).await,
            Method::WorkerLookUpNext => self.look_up_next(params).await,
            Method::WorkerRetrieve => self.retrieve(params).await,
            Method::WorkerRegister => self.register(params).await,
            Method::WorkerUpdate => self.update(params).await,
            Method::WorkerSetStatus => self.set_status(params).await,
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

const BEARER: &[u8] = b"Bearer ";

/// `value` as the result of a method; made of strings and numbers, it can be written.
pub(crate) fn result(value: &impl serde::Serialize) -> Answer {
    serde_json::value::to_raw_value(value).map_err(|_| ErrorObject::for_client(Reason::Internal))
}
