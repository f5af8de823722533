//! Who may speak as a host: whoever shows the token.

use std::sync::{Mutex, PoisonError};

use monitor::Throttle;
use protocol::membership::{HostMessage, ManagerMessage};
use protocol::token::Token;

/// Stands before the queues of what hosts say, so that strangers take no place in them.
pub(crate) struct Gate {
    token: Token,
    wrong_tokens: Mutex<Throttle>,
}

impl Gate {
    pub(crate) fn new(token: Token) -> Self {
        Self {
            token,
            wrong_tokens: Mutex::default(),
        }
    }

    /// The message in a frame whose sender shows the token; any other's answer.
    pub(crate) fn admit(&self, frame: &[u8]) -> Result<HostMessage, ManagerMessage> {
        let Ok(message) = serde_json::from_slice(frame) else {
            return Err(refused("not a message of a host of this release"));
        };
        let (HostMessage::Join { token, .. }
        | HostMessage::Alive { token, .. }
        | HostMessage::Leave { token, .. }) = &message;
        if self.token.is(token.as_bytes()) {
            return Ok(message);
        }
        let mut wrong_tokens = self
            .wrong_tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = wrong_tokens.pass() {
            tracing::warn!(suppressed, "a host showed a wrong token");
        }
        Err(refused(
            "the token is wrong, give the host the manager's token",
        ))
    }
}

/// A refusal that says why.
pub(crate) fn refused(reason: impl Into<String>) -> ManagerMessage {
    ManagerMessage::Refused {
        reason: reason.into(),
    }
}

/// An answer as it goes to a host.
pub(crate) fn frame_of(answer: &ManagerMessage) -> Vec<u8> {
    // It's made of strings: writing it can't fail.
    serde_json::to_vec(answer).unwrap_or_default()
}
