//! Why a directory gave no answer.

use std::time::Duration;

use serde::Deserialize;

/// Why a directory gave no answer that can be read. Texts are whoever answered's, except addresses and times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Its address can't be used.
    #[error(
        "{uri:?} cannot be used as a directory's address: write it as in http://127.0.0.1:8080"
    )]
    Uri {
        /// The address as it was given.
        uri: String,
    },
    /// A file with certificates, or this system's, can't be used.
    #[error("{0}")]
    Tls(String),
    /// No connection, it broke, or it's with somebody else.
    #[error("cannot reach the directory at {uri}: {fault}")]
    Unreachable {
        /// Its address.
        uri: String,
        /// The innermost cause.
        fault: String,
    },
    /// It took the request and gave no answer in time.
    #[error("the directory gave no answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// It answered with an error.
    #[error("the directory refuses: {message} (HTTP status {status})")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// The status of gRPC.
        code: Option<i64>,
        /// The reason as a code of this project's, if it gave one.
        reason: Option<String>,
        /// Its text.
        message: String,
    },
    /// The answer is longer than the limit.
    #[error("the directory's answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit; see [`Options::max_reply`](crate::Options::max_reply).
        limit: usize,
    },
    /// The answer isn't what was asked for.
    #[error("the directory's answer is not {expected}: {fault}")]
    Form {
        /// What was expected.
        expected: &'static str,
        /// What is wrong with it.
        fault: String,
    },
}

/// What a directory answers when it refuses.
#[derive(Deserialize)]
struct Told {
    error: String,
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    reason: Option<String>,
    /// What it is about; directories of 2017 have none.
    #[serde(default)]
    detail: Option<String>,
}

/// Longest text of a directory's that is passed on, in characters.
const LONGEST: usize = 400;

impl Error {
    /// Its code, which has a page in `docs/errors`: the directory's own, if it gave one.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused {
                reason: Some(reason),
                ..
            } => reason,
            Self::Refused { .. } | Self::TooLarge { .. } | Self::Form { .. } => "directory.answer",
            _ => "directory.unreachable",
        }
    }

    /// Whether it may be gone when the same is tried again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        let told: Option<Told> = serde_json::from_slice(body).ok();
        let (code, reason, message) = match told {
            Some(told) => {
                let detail = told.detail.filter(|detail| !detail.is_empty());
                (told.code, told.reason, detail.unwrap_or(told.error))
            }
            None => (None, None, String::from_utf8_lossy(body).trim().to_owned()),
        };
        Self::Refused {
            status,
            code,
            reason: reason.filter(|reason| is_code(reason)),
            message: message.chars().take(LONGEST).collect(),
        }
    }

    /// What keeps any exchange over HTTP from working.
    pub(super) fn of_http(error: crate::Error) -> Self {
        use crate::Error as E;
        match error {
            E::Uri { uri, .. } => Self::Uri { uri },
            E::Tls(fault) => Self::Tls(fault),
            E::NotTrusted { uri, fault } | E::Transport { uri, fault, .. } => {
                Self::Unreachable { uri, fault }
            }
            E::CallTimedOut { after } => Self::TimedOut { after },
            E::TooLarge { limit } => Self::TooLarge { limit },
            other => Self::Form {
                expected: "one of HTTP",
                fault: other.to_string(),
            },
        }
    }
}

/// Whether a text looks like one of this project's codes: `topic.name`.
fn is_code(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 64
        && text
            .split_once('.')
            .is_some_and(|(topic, name)| is_word(topic) && is_word(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_and_bounded() {
        let told = Error::refused(
            400,
            br#"{"error":"Invalid mutation","code":3,"reason":"kt.previous"}"#,
        );
        assert_eq!(told.code(), "kt.previous");
        assert!(told.to_string().contains("Invalid mutation"), "{told}");
        let told = Error::refused(
            400,
            br#"{"error":"Invalid request","code":3,"reason":"directory.app","detail":"pgp: no"}"#,
        );
        assert!(told.to_string().contains("pgp: no"), "{told}");
        let long = Error::refused(502, "x".repeat(10_000).as_bytes());
        assert_eq!(long.code(), "directory.answer");
        assert!(long.is_passing());
        assert!(long.to_string().len() < 500);
        let forged = Error::refused(400, br#"{"error":"","reason":"A\u001b[1m.b"}"#);
        assert_eq!(forged.code(), "directory.answer");
    }
}
