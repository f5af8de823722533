//! What a host itself answers: errors, as a worker's reply frame.
//!
//! Their id is 0, as in every worker's reply to a request that it didn't read (wire facts, 6.1): a
//! host doesn't look into bodies.

use protocol::Reason;
use protocol::envelope::ErrorObject;
use protocol::processor::error_frame;

/// The worker was lost while it had the request; it may have run it in part or whole.
pub(crate) fn lost() -> Vec<u8> {
    error_frame(None, &ErrorObject::for_manager(Reason::WorkerLost))
}

/// The worker was lost before it began the request: it may be given to another at once.
pub(crate) fn not_started() -> Vec<u8> {
    let mut error = ErrorObject::for_manager(Reason::WorkerLost);
    error.data.get_or_insert_default().started = Some(false);
    error_frame(None, &error)
}

/// The request is over the size limit.
pub(crate) fn too_long() -> Vec<u8> {
    error_frame(None, &ErrorObject::for_manager(Reason::LimitSize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_a_workers_error_frames() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            text(not_started()),
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":1,"message":"Workers were lost while they processed the work order","data":{"reason":"worker.lost","started":false}}}"#
        );
        assert!(text(lost()).ends_with(r#""data":{"reason":"worker.lost"}}}"#));
        assert!(text(too_long()).contains(r#""error":{"code":2,"#));
    }
}
