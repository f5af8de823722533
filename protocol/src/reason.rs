//! Every error on the wire: its codes, its text and its stable reason.
//!
//! One table serves worker, manager, listener and requester. Texts are static: no input and no
//! inner exception appears in clear. Texts marked "Avalon" are what its own listener and worker
//! say, letter for letter, because clients print and sometimes match them.

use std::fmt;

/// Why a request or a work order failed: `error.data.reason` on the wire.
///
/// Each reason has a page in `docs/errors/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The body isn't JSON.
    RequestJson,
    /// The JSON-RPC envelope is wrong, or the method isn't known.
    RequestEnvelope,
    /// A parameter is missing, unknown, or of the wrong form.
    RequestMember,
    /// The body, or a part of it, is larger than the limit.
    LimitSize,
    /// The body nests deeper than the limit.
    LimitDepth,
    /// The body arrived too slowly.
    LimitSlow,
    /// Too many connections or orders of one requester.
    LimitRate,
    /// A method for operators was called without the operator's token.
    AccessDenied,
    /// No worker of that id is registered.
    WorkerUnknown,
    /// A worker of that id is registered already.
    WorkerTaken,
    /// The order id has been used before.
    OrderTaken,
    /// The requester's nonce has been used before.
    OrderReplayed,
    /// No order of that id is stored.
    OrderUnknown,
    /// The order isn't finished yet.
    OrderPending,
    /// Something cryptographic about the order is wrong; it's never said what.
    OrderIntegrity,
    /// The requester's signature is present and wrong.
    OrderSignature,
    /// No worker took the order within its time to live.
    OrderExpired,
    /// No receipt of that order is stored.
    ReceiptUnknown,
    /// The order has a receipt already.
    ReceiptTaken,
    /// The receipt says something of the order that isn't so.
    ReceiptMismatch,
    /// The signature of a receipt or of an update isn't valid.
    ReceiptSignature,
    /// An update is signed by a key that has no part in the order.
    ReceiptForeign,
    /// The status can't follow, or can't be said yet.
    ReceiptStatus,
    /// The very same update was made before.
    ReceiptRepeated,
    /// The receipt has as many updates as it may have.
    ReceiptFull,
    /// The receipt has no update at that place.
    ReceiptIndex,
    /// The queue or the store is full.
    Busy,
    /// The worker has no workload of that id.
    WorkloadUnknown,
    /// The workload refused its input.
    WorkloadInput,
    /// The workload reported a failure.
    WorkloadFailed,
    /// The workload panicked.
    WorkloadPanicked,
    /// The workload's output is larger than the limit.
    WorkloadOutput,
    /// The workload ran over its time limit.
    WorkloadTime,
    /// Workers were lost while they had the order, too often.
    WorkerLost,
    /// A fault of the platform's own.
    Internal,
}

use Reason as R;

impl Reason {
    /// Every reason, in the order of the table in `docs/errors/`.
    pub const ALL: &'static [Reason] = &[
        R::RequestJson,
        R::RequestEnvelope,
        R::RequestMember,
        R::LimitSize,
        R::LimitDepth,
        R::LimitSlow,
        R::LimitRate,
        R::AccessDenied,
        R::WorkerUnknown,
        R::WorkerTaken,
        R::OrderTaken,
        R::OrderReplayed,
        R::OrderUnknown,
        R::OrderPending,
        R::OrderIntegrity,
        R::OrderSignature,
        R::OrderExpired,
        R::ReceiptUnknown,
        R::ReceiptTaken,
        R::ReceiptMismatch,
        R::ReceiptSignature,
        R::ReceiptForeign,
        R::ReceiptStatus,
        R::ReceiptRepeated,
        R::ReceiptFull,
        R::ReceiptIndex,
        R::Busy,
        R::WorkloadUnknown,
        R::WorkloadInput,
        R::WorkloadFailed,
        R::WorkloadPanicked,
        R::WorkloadOutput,
        R::WorkloadTime,
        R::WorkerLost,
        R::Internal,
    ];

    /// The stable dotted code, as in `order.integrity`.
    pub const fn code(self) -> &'static str {
        match self {
            R::RequestJson => "request.json",
            R::RequestEnvelope => "request.envelope",
            R::RequestMember => "request.member",
            R::LimitSize => "limit.size",
            R::LimitDepth => "limit.depth",
            R::LimitSlow => "limit.slow",
            R::LimitRate => "limit.rate",
            R::AccessDenied => "access.denied",
            R::WorkerUnknown => "worker.unknown",
            R::WorkerTaken => "worker.taken",
            R::OrderTaken => "order.taken",
            R::OrderReplayed => "order.replayed",
            R::OrderUnknown => "order.unknown",
            R::OrderPending => "order.pending",
            R::OrderIntegrity => "order.integrity",
            R::OrderSignature => "order.signature",
            R::OrderExpired => "order.expired",
            R::ReceiptUnknown => "receipt.unknown",
            R::ReceiptTaken => "receipt.taken",
            R::ReceiptMismatch => "receipt.mismatch",
            R::ReceiptSignature => "receipt.signature",
            R::ReceiptForeign => "receipt.foreign",
            R::ReceiptStatus => "receipt.status",
            R::ReceiptRepeated => "receipt.repeated",
            R::ReceiptFull => "receipt.full",
            R::ReceiptIndex => "receipt.index",
            R::Busy => "busy",
            R::WorkloadUnknown => "workload.unknown",
            R::WorkloadInput => "workload.input",
            R::WorkloadFailed => "workload.failed",
            R::WorkloadPanicked => "workload.panicked",
            R::WorkloadOutput => "workload.output",
            R::WorkloadTime => "workload.time",
            R::WorkerLost => "worker.lost",
            R::Internal => "internal",
        }
    }

    /// The reason with this dotted code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }

    /// `error.code` towards clients (EEA work-order codes; see [`ClientCode`]).
    pub const fn client_code(self) -> i64 {
        match self {
            R::AccessDenied | R::ReceiptForeign => ClientCode::ACCESS_DENIED,
            R::OrderPending => ClientCode::PENDING,
            R::OrderSignature | R::ReceiptSignature => ClientCode::INVALID_SIGNATURE,
            R::LimitRate | R::Busy => ClientCode::BUSY,
            R::OrderIntegrity
            | R::OrderExpired
            | R::WorkloadUnknown
            | R::WorkloadInput
            | R::WorkloadFailed
            | R::WorkloadPanicked
            | R::WorkloadOutput
            | R::WorkloadTime
            | R::WorkerLost => ClientCode::FAILED,
            R::Internal => ClientCode::UNKNOWN,
            _ => ClientCode::INVALID_PARAMETER,
        }
    }

    /// Whether an accepted order that fails so has ended, and will never be answered.
    pub const fn ends_the_order(self) -> bool {
        matches!(
            self,
            R::OrderIntegrity
                | R::OrderSignature
                | R::OrderExpired
                | R::WorkloadUnknown
                | R::WorkloadInput
                | R::WorkloadFailed
                | R::WorkloadPanicked
                | R::WorkloadOutput
                | R::WorkloadTime
                | R::WorkerLost
        )
    }

    /// `error.code` of a worker's reply frame (0 to 6, as Avalon's Python worker has them).
    pub const fn worker_code(self) -> i64 {
        match self {
            R::Internal | R::WorkerLost => 1,
            R::OrderSignature => 4,
            _ => 2,
        }
    }

    /// The text that goes out when the place that found the fault has no better one.
    pub const fn text(self) -> &'static str {
        match self {
            R::RequestJson => "The body is not a JSON text",
            R::RequestEnvelope => "The body is not a JSON-RPC 2.0 request",
            R::RequestMember => "A parameter is missing, unknown or of the wrong form",
            R::LimitSize => "The request is larger than this server accepts",
            R::LimitDepth => "The request nests deeper than this server accepts",
            R::LimitSlow => "The request did not arrive in time",
            R::LimitRate => "Too many requests. Please try again later",
            R::AccessDenied => "This method needs the operator's token",
            // Avalon; the listener puts the worker id after the first word.
            R::WorkerUnknown => "Worker Id not found in the database. Hence invalid parameter",
            R::WorkerTaken => "Worker Id already exists in the database. Hence invalid parameter",
            // Avalon
            R::OrderTaken | R::OrderReplayed => {
                "Work order id already exists in the database. Hence invalid parameter"
            }
            // Avalon
            R::OrderUnknown => "Work order Id not found in the database. Hence invalid parameter",
            // Avalon
            R::OrderPending => "Work order result is yet to be updated",
            // Avalon
            R::OrderIntegrity => "Work order integrity check failed",
            R::OrderSignature => "The requester's signature is not valid",
            R::OrderExpired => "No worker took the work order in time",
            // Avalon; the listener puts the order id between.
            R::ReceiptUnknown => {
                "Work order receipt not found in the database. Hence invalid parameter"
            }
            // Avalon
            R::ReceiptTaken => "Work order receipt already exists. Hence invalid parameter",
            R::ReceiptMismatch => "The receipt does not fit the work order",
            R::ReceiptSignature => "The signature of the receipt is not valid",
            R::ReceiptForeign => "Only the receipt's creator and its worker may update it",
            R::ReceiptStatus => "The receipt cannot have this status now",
            R::ReceiptRepeated => "The receipt has this update already",
            R::ReceiptFull => "The receipt has as many updates as it may have",
            R::ReceiptIndex => "There is no update at this index. Hence invalid parameter",
            R::Busy => "Too many work orders are waiting. Please try again later",
            // Avalon
            R::WorkloadUnknown
            | R::WorkloadInput
            | R::WorkloadFailed
            | R::WorkloadPanicked
            | R::WorkloadOutput
            | R::WorkloadTime => "Error processing work load",
            R::WorkerLost => "Workers were lost while they processed the work order",
            R::Internal => "Internal error",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Codes of `error.code` towards clients: the EEA specification's table for work orders.
#[derive(Clone, Copy, Debug)]
pub struct ClientCode;

impl ClientCode {
    /// The order failed.
    pub const FAILED: i64 = 1;
    /// Invalid parameter format or value.
    pub const INVALID_PARAMETER: i64 = 2;
    /// Access denied.
    pub const ACCESS_DENIED: i64 = 3;
    /// Invalid signature.
    pub const INVALID_SIGNATURE: i64 = 4;
    /// Accepted, and not finished yet.
    pub const PENDING: i64 = 5;
    /// Busy; try again later.
    pub const BUSY: i64 = 8;
    /// Unknown error.
    pub const UNKNOWN: i64 = 10;
}

/// What the listener shows for a code that some other worker gave without a reason.
///
/// The mapping of Avalon's manager: value errors become "invalid parameter", unknown workloads
/// "invalid workload", and all else "failed".
pub const fn client_code_of_foreign(worker_code: i64) -> i64 {
    match worker_code {
        -8 => 2,
        -1 => 10,
        -12 => 9,
        _ => ClientCode::FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_found_again() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code("order.nonsense"), None);
    }

    #[test]
    fn replays_look_like_taken_ids() {
        assert_eq!(Reason::OrderTaken.text(), Reason::OrderReplayed.text());
        assert_eq!(
            Reason::OrderTaken.client_code(),
            Reason::OrderReplayed.client_code()
        );
    }
}
