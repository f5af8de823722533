//! A worker's engine, with the committed test keys: bytes in, bytes out.

use crate::support::{Answered, process};

/// `data` is a frame from a manager.
pub fn run(data: &[u8]) {
    if let Answered::Result(result) = process(data) {
        // Only whoever knew a session key gets a result; seeds do, and copies of them.
        assert!(!result.worker_signature.is_empty());
    }
}
