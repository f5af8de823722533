//! What is kept of an order, and what comes of it.

use std::borrow::Cow;
use std::fmt;

use protocol::answer::WorkOrderResult;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::envelope::ErrorObject;
use protocol::{WorkOrderId, requester};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{Error, RpcError};

/// What a requester keeps of an order to verify and open its answer. Secret: it holds the session
/// key.
pub struct Pending {
    /// Ids, nonce and session key.
    pub request: requester::Pending,
    /// The key that must have signed the answer: the one that was checked before the order was sent.
    pub worker_key: VerifyingKey,
}

impl Pending {
    /// The order's id.
    pub fn id(&self) -> &WorkOrderId {
        &self.request.work_order_id
    }

    /// Verifies and decrypts an answer's `result`.
    ///
    /// # Errors
    ///
    /// [`Error::Reply`] if it isn't a result, [`Error::NotVerified`] if it isn't the worker's answer
    /// to this order.
    pub fn open(&self, result: &RawValue) -> Result<Answer, Error> {
        let result: WorkOrderResult =
            serde_json::from_str(result.get()).map_err(|_| Error::Reply {
                expected: "a work order's result",
            })?;
        let outputs = self
            .request
            .open_result(&result, &self.worker_key)
            .map_err(|source| Error::NotVerified {
                order: self.id().clone(),
                source,
            })?;
        Ok(Answer {
            work_order_id: self.id().clone(),
            outputs,
        })
    }

    /// An error about this order, with the workload's message decrypted.
    pub(crate) fn explain(&self, error: ErrorObject) -> Error {
        let detail = error
            .data
            .as_ref()
            .and_then(|data| data.detail.as_deref())
            .and_then(|detail| self.request.open_detail(detail).ok());
        let mut error = RpcError::new(error);
        error.detail = detail;
        Box::new(error).into()
    }
}

/// A worker's answer: verified, and decrypted. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    work_order_id: WorkOrderId,
    outputs: Vec<Zeroizing<Vec<u8>>>,
}

impl Answer {
    /// The order's id.
    pub fn work_order_id(&self) -> &WorkOrderId {
        &self.work_order_id
    }

    /// The outputs, by index. Workloads of ours have one.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.outputs.iter().map(|output| output.as_slice())
    }

    /// The first output; empty if there is none.
    pub fn bytes(&self) -> &[u8] {
        self.outputs.first().map_or(&[], |output| output.as_slice())
    }

    /// The first output as text; what isn't UTF-8 is replaced by U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }
}

impl fmt::Debug for Answer {
    /// The order and the outputs' sizes; never what stands in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("work_order_id", &self.work_order_id)
            .field(
                "sizes",
                &self.outputs().map(<[u8]>::len).collect::<Vec<_>>(),
            )
            .finish()
    }
}
