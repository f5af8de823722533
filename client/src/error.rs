//! Why an operation failed.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use protocol::answer::NotVerified;
use protocol::envelope::ErrorObject;
use protocol::reason::ClientCode;
use protocol::record::{BadDetails, Status};
use protocol::requester::{AnswerError, BuildError};
use protocol::{Reason, WorkOrderId, WorkerId, receipt};

use crate::EvidenceError;
use crate::directory::Refusal;
use crate::tls::fault_of;

/// Why an operation of the client failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The listener's address can't be used.
    #[error("{uri:?} cannot be used as a listener's address: {fault}")]
    Uri {
        /// The address as it was given.
        uri: String,
        /// What is wrong with it, and what to do.
        fault: &'static str,
    },
    /// A file with certificates, or this system's, can't be used.
    #[error("{0}")]
    Tls(String),
    /// The listener can't be told from somebody else.
    #[error("the listener at {uri} is not trusted: {fault}")]
    NotTrusted {
        /// The listener's address.
        uri: String,
        /// Why not.
        fault: String,
    },
    /// No connection, or it broke.
    #[error("cannot reach the listener at {uri}: {fault}")]
    Transport {
        /// The listener's address.
        uri: String,
        /// The innermost cause.
        fault: String,
        /// The whole chain of causes.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The listener took the request and gave no answer in time.
    #[error("the listener gave no answer within {} s", after.as_secs_f32())]
    CallTimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The reply isn't a success of HTTP, so no listener made it.
    #[error("HTTP status {0} instead of an answer; check that the address is a listener's")]
    Status(u16),
    /// The reply is larger than the limit.
    #[error("the reply is longer than {limit} bytes")]
    TooLarge {
        /// The limit; see [`Options::max_reply`](crate::Options::max_reply).
        limit: usize,
    },
    /// The reply isn't what the method answers.
    #[error("the reply is not {expected}; check that the address is a listener's")]
    Reply {
        /// What was expected.
        expected: &'static str,
    },
    /// The listener or the worker answered with an error.
    #[error(transparent)]
    Rpc(#[from] Box<RpcError>),
    /// The worker doesn't take orders.
    #[error("worker {worker} is {}, not active; choose another", status.name())]
    NotActive {
        /// The worker.
        worker: WorkerId,
        /// What it is instead.
        status: Status,
    },
    /// The worker's record has no keys that can be used.
    #[error("the record of worker {worker} cannot be used: {source}")]
    Keys {
        /// The worker.
        worker: WorkerId,
        /// What is wrong with them.
        source: BadDetails,
    },
    /// The worker's verification key hasn't signed its encryption key.
    #[error(
        "the record of worker {worker} cannot be used: its encryption key is not signed, so \
         anybody may have put it there"
    )]
    UnsignedKeys {
        /// The worker.
        worker: WorkerId,
    },
    /// The worker's evidence is refused, so nothing is encrypted to it.
    #[error("worker {worker} is not verified: {source}")]
    Evidence {
        /// The worker.
        worker: WorkerId,
        /// Why.
        source: Box<EvidenceError>,
    },
    /// The worker's keys are not those that its directory has, or nothing shows that they are, so nothing is
    /// encrypted to it.
    #[error("worker {worker} is not the one in the directory: {source}")]
    Directory {
        /// The worker.
        worker: WorkerId,
        /// Why.
        source: Box<Refusal>,
    },
    /// The order can't be built.
    #[error("the order cannot be built: {0}")]
    Build(#[from] BuildError),
    /// The answer isn't the worker's answer to this order, or doesn't open.
    #[error("the answer to order {order} is refused: {source}")]
    NotVerified {
        /// The order.
        order: WorkOrderId,
        /// What is wrong with it.
        source: AnswerError,
    },
    /// The order wasn't finished in time; it may still be.
    #[error("order {order} was not finished within {} s; ask for it again later", after.as_secs_f32())]
    TimedOut {
        /// The order.
        order: WorkOrderId,
        /// How long was waited.
        after: Duration,
    },
    /// The order has no result yet.
    #[error("order {order} is not finished; ask for it again later")]
    NotFinished {
        /// The order.
        order: WorkOrderId,
    },
    /// A receipt or an update of it isn't signed by those who may.
    #[error("the receipt of order {order} is refused: {source}")]
    Receipt {
        /// The order.
        order: WorkOrderId,
        /// What is wrong with it.
        source: receipt::NotVerified,
    },
    /// What the listener says of a receipt doesn't go together.
    #[error("the receipt of order {order} is refused: {fault}")]
    InconsistentReceipt {
        /// The order.
        order: WorkOrderId,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl Error {
    /// Whether asking the same again may help: the connection, or the server for now.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::CallTimedOut { .. } => true,
            Self::Status(status) => (500..600).contains(status) && *status != 501,
            Self::Rpc(error) => error.code == ClientCode::BUSY,
            _ => false,
        }
    }

    /// Whether an answer arrived and was refused because it isn't the worker's.
    pub fn is_forgery(&self) -> bool {
        matches!(
            self,
            Self::NotVerified {
                source: AnswerError::NotVerified(
                    NotVerified::Signature(_) | NotVerified::OtherOrder(_)
                ),
                ..
            }
        )
    }

    /// Names the address and the innermost cause: "connection refused" stands three deep.
    pub(crate) fn transport(uri: &str, source: impl StdError + Send + Sync + 'static) -> Self {
        let uri = uri.to_owned();
        match fault_of(&source) {
            Some(rustls::Error::InvalidCertificate(fault)) => {
                let fault = fault.to_string();
                return Self::NotTrusted { uri, fault };
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                return Self::Transport {
                    uri,
                    fault: "it does not speak TLS; write http:// instead of https://".to_owned(),
                    source: Box::new(source),
                };
            }
            _ => {}
        }
        let mut cause: &dyn StdError = &source;
        let mut fault = None;
        while let Some(deeper) = cause.source() {
            cause = deeper;
            if cause
                .downcast_ref::<hyper::Error>()
                .is_some_and(hyper::Error::is_parse)
            {
                fault =
                    Some("what answers is not HTTP; write https:// if it speaks TLS".to_owned());
            }
        }
        Self::Transport {
            uri,
            fault: fault.unwrap_or_else(|| cause.to_string()),
            source: Box::new(source),
        }
    }
}

/// An error that the listener or the worker answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcError {
    /// EEA work-order code; see [`ClientCode`].
    pub code: i64,
    /// Why, if the server says so in terms that this version knows.
    pub reason: Option<Reason>,
    /// The server's text.
    pub message: String,
    /// The order that it's about.
    pub work_order_id: Option<String>,
    /// The workload's own message to the requester, decrypted.
    pub detail: Option<String>,
}

impl RpcError {
    /// An error as it came; a detail stays encrypted and is left out.
    pub(crate) fn new(error: ErrorObject) -> Self {
        Self {
            code: error.code,
            reason: error.reason(),
            work_order_id: error.data.and_then(|data| data.work_order_id),
            message: error.message.into_owned(),
            detail: None,
        }
    }

    /// Whether it says that the order isn't finished (5 pending, 6 scheduled, 7 processing).
    pub fn is_pending(&self) -> bool {
        is_pending(self.code)
    }
}

pub(crate) fn is_pending(code: i64) -> bool {
    (ClientCode::PENDING..=ClientCode::PENDING + 2).contains(&code)
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {}", self.message, self.code)?;
        if let Some(reason) = self.reason {
            write!(f, ", {reason}")?;
        }
        f.write_str(")")?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl StdError for RpcError {}
