//! Frames between a host and the manager: who is there, and who still is.
//!
//! A host connects a `DEALER` socket to the manager's `ROUTER` and sends one JSON frame a message;
//! the manager answers each with one. The token keeps strangers on the same machine from
//! registering keys of their own under a worker's name; it proves nothing to a requester, who
//! trusts the worker's evidence and nothing else.

use serde::{Deserialize, Serialize};

/// What a host's endpoint of the manager begins with if both are on one machine: the path of the
/// manager's Unix socket follows. There the same messages go in frames of the link.
pub const LOCAL: &str = "unix:";

/// Most orders that one worker process may take at once.
pub const MAX_CAPACITY: u32 = 1024;

/// Whether `name` can be a worker's: 1 to 64 characters of `[A-Za-z0-9._-]`.
pub fn is_worker_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(good)
}

/// What a host tells the manager.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HostMessage {
    /// A worker process is ready behind `endpoint`.
    Join {
        /// Shared secret between the manager and its hosts.
        token: String,
        /// 32 hex digits that name this host process.
        instance: String,
        /// The worker's name, as in `scone-worker-1`; its id is the SHA-256 of it.
        worker: String,
        /// ZeroMQ endpoint of the host's `ROUTER`, as in `tcp://127.0.0.1:40001`. Empty if it has
        /// none, which only a host on the manager's own machine may say: orders come to it on the
        /// line that it joined on.
        endpoint: String,
        /// Orders that the worker takes at once; 1 to [`MAX_CAPACITY`].
        capacity: u32,
        /// Process id of the worker program, for the operator's eyes.
        pid: u32,
        /// Seconds that an order may take here, waiting behind others included. Silence for longer
        /// means that the worker hangs.
        patience: u32,
    },
    /// Still there; sent every second.
    Alive {
        /// As in `Join`.
        token: String,
        /// As in `Join`.
        instance: String,
    },
    /// No more orders, please: the worker ends or restarts.
    Leave {
        /// As in `Join`.
        token: String,
        /// As in `Join`.
        instance: String,
    },
}

/// What the manager answers.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ManagerMessage {
    /// To `Join`: the manager will connect and ask for the worker's keys.
    Joined,
    /// To `Alive` and `Leave`.
    Ok,
    /// To `Alive`: this instance isn't known (the manager restarted); join again.
    Unknown,
    /// The message is refused; joining again with the same values won't help.
    Refused {
        /// Why, for the operator's log.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_names() {
        for good in ["scone-worker-1", "a", "A_b.9", &"x".repeat(64)] {
            assert!(is_worker_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "a\n", "é", &"x".repeat(65)] {
            assert!(!is_worker_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn frames_are_tagged_json() {
        let join = HostMessage::Join {
            token: "t".into(),
            instance: "i".into(),
            worker: "scone-worker-1".into(),
            endpoint: "tcp://127.0.0.1:1".into(),
            capacity: 4,
            pid: 9,
            patience: 30,
        };
        let text = serde_json::to_string(&join).unwrap();
        assert!(text.starts_with(r#"{"type":"join","token":"t""#), "{text}");
        assert_eq!(serde_json::from_str::<HostMessage>(&text).unwrap(), join);
        assert!(serde_json::from_str::<HostMessage>(r#"{"type":"join","x":1}"#).is_err());
        assert_eq!(
            serde_json::to_string(&ManagerMessage::Ok).unwrap(),
            r#"{"type":"ok"}"#
        );
    }
}
