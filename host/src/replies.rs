//! What a host itself answers: errors, in the shape of a worker's reply.

use protocol::Reason;
use serde::Serialize;

/// A worker's error reply (`avalon` wire, worker codes). The id is 0, as in every reply to a request
/// that wasn't read: a host doesn't look into bodies.
#[derive(Serialize)]
struct Reply {
    jsonrpc: &'static str,
    id: u8,
    error: Fault,
}

#[derive(Serialize)]
struct Fault {
    code: i64,
    message: &'static str,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<bool>,
}

/// The worker was lost while it had the request; it may have run it in part or whole.
pub(crate) fn lost() -> Vec<u8> {
    reply(Reason::WorkerLost, None)
}

/// The worker was lost before it began the request: it may be given to another at once.
pub(crate) fn not_started() -> Vec<u8> {
    reply(Reason::WorkerLost, Some(false))
}

/// The request is over the size limit.
pub(crate) fn too_long() -> Vec<u8> {
    reply(Reason::LimitSize, None)
}

fn reply(reason: Reason, started: Option<bool>) -> Vec<u8> {
    let reply = Reply {
        jsonrpc: "2.0",
        id: 0,
        error: Fault {
            code: reason.worker_code(),
            message: reason.text(),
            data: Data {
                reason: reason.code(),
                started,
            },
        },
    };
    // Strings and integers: writing them can't fail, and an empty reply still frees the peer.
    serde_json::to_vec(&reply).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_have_the_shape_of_a_workers() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            text(not_started()),
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":1,"message":"Workers were lost while they processed the work order","data":{"reason":"worker.lost","started":false}}}"#
        );
        assert!(text(lost()).ends_with(r#""data":{"reason":"worker.lost"}}}"#));
        assert!(text(too_long()).contains(r#""code":2,"#));
    }
}
