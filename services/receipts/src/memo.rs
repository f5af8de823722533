use protocol::crypto::sha256;
use protocol::methods::submit::Submit;
use protocol::{RequesterId, WorkerId, hash};
use serde_json::value::RawValue;

/// What is kept of an order's request after its body is gone, for its receipt to be compared with.
///
/// As bytes, at most 105 of them:
///
/// | bytes | content |
/// |---|---|
/// | 1 | 1, the version |
/// | 32 | the request hash |
/// | 32 | SHA-256 of the worker id's length (4 bytes, big-endian), the worker id, the requester id |
/// | the rest | the `id` of the JSON-RPC request, as it was written; nothing if it was longer than 40 |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderMemo {
    request_hash: [u8; 32],
    parties: [u8; 32],
    submit_id: Option<String>,
}

const VERSION: u8 = 1;

/// Longest `id` that is kept.
const LONGEST_ID: usize = 40;

impl OrderMemo {
    /// What is kept of an order that came in a request with this `id`.
    pub fn of(order: &Submit<'_>, id: &RawValue) -> Self {
        let id = id.get();
        Self {
            request_hash: hash::of_submit(order),
            parties: parties(&order.worker_id, &order.requester_id),
            submit_id: (id.len() <= LONGEST_ID).then(|| id.to_owned()),
        }
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let id = self.submit_id.as_deref().unwrap_or_default().as_bytes();
        [&[VERSION], &self.request_hash[..], &self.parties, id].concat()
    }

    /// From bytes; `None` if they are no memo.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (request_hash, rest) = rest.split_first_chunk()?;
        let (parties, id) = rest.split_first_chunk()?;
        let id = std::str::from_utf8(id).ok()?;
        let is_number = |text: &str| {
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if id.len() > LONGEST_ID || !(id.is_empty() || is_number(id)) {
            return None;
        }
        Some(Self {
            request_hash: *request_hash,
            parties: *parties,
            submit_id: Some(id).filter(|id| !id.is_empty()).map(str::to_owned),
        })
    }

    /// The order's request hash.
    pub fn request_hash(&self) -> &[u8; 32] {
        &self.request_hash
    }

    /// Whether the order is of this requester for this worker.
    pub fn is_between(&self, worker: &WorkerId, requester: &RequesterId) -> bool {
        self.parties == parties(worker, requester)
    }

    /// The `id` of the request that submitted the order, if it was short enough to be kept.
    pub fn submit_id(&self) -> Option<&str> {
        self.submit_id.as_deref()
    }
}

fn parties(worker: &WorkerId, requester: &RequesterId) -> [u8; 32] {
    let worker = worker.as_str().as_bytes();
    // An id has at most `HexText::MAX_ID` characters.
    let length = u32::try_from(worker.len()).unwrap_or(u32::MAX);
    let requester = requester.as_str().as_bytes();
    sha256(&[&length.to_be_bytes(), worker, requester])
}

#[cfg(test)]
mod tests {
    use protocol::json::Members;
    use store::Submission;

    use super::*;

    fn memo(id: &str) -> OrderMemo {
        let long = "a".repeat(256);
        let params = format!(
            r#"{{"responseTimeoutMSecs":1,"payloadFormat":"JSON-RPC","workOrderId":"{long}",
            "workerId":"{long}","workloadId":"0c","requesterId":"{long}","requesterNonce":"0e",
            "encryptedSessionKey":"0F","encryptedRequestHash":"10",
            "inData":[{{"index":0,"data":"AAAA"}}]}}"#
        );
        let order = Members::parse(&params).unwrap();
        let id = RawValue::from_string(id.to_owned()).unwrap();
        OrderMemo::of(&Submit::parse(&order).unwrap(), &id)
    }

    #[test]
    fn bytes_and_back() {
        for id in ["7", "-1", &"9".repeat(LONGEST_ID)] {
            let memo = memo(id);
            let bytes = memo.encode();
            assert!(bytes.len() <= Submission::MAX_MEMO);
            assert_eq!(OrderMemo::decode(&bytes).unwrap(), memo);
            assert_eq!(memo.submit_id(), Some(id));
        }
        let long = memo(&"9".repeat(LONGEST_ID + 1));
        assert_eq!(long.submit_id(), None);
        assert_eq!(OrderMemo::decode(&long.encode()), Some(long));
    }

    #[test]
    fn other_bytes_are_no_memo() {
        let good = memo("7").encode();
        for length in 0..65 {
            assert_eq!(OrderMemo::decode(&good[..length]), None, "{length}");
        }
        for bad in [&b"x"[..], b"-", b"7 ", b"\xff", &[b'9'; LONGEST_ID + 1]] {
            assert_eq!(OrderMemo::decode(&[&good[..65], bad].concat()), None);
        }
        assert_eq!(OrderMemo::decode(&[&[2], &good[1..]].concat()), None);
    }

    #[test]
    fn the_parties_are_two_texts() {
        let between = |worker: &str, requester: &str| {
            let worker = WorkerId::new(worker).unwrap();
            parties(&worker, &RequesterId::new(requester).unwrap())
        };
        assert_ne!(between("ab", "cd"), between("abc", "d"));
        assert_ne!(between("ab", "cd"), between("AB", "cd"));
    }
}
