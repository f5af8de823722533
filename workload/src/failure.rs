//! Why a workload has no answer.

use std::fmt;

/// Why a workload has no answer.
///
/// Its [`Display`](fmt::Display) text is the message for the requester, who alone receives it,
/// encrypted. It may therefore speak of inputs, and must never be logged.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The inputs are not what the workload takes (`workload.input`).
    Input(String),
    /// The workload has failed on inputs that it takes (`workload.failed`).
    Failed(String),
}

impl Failure {
    /// The inputs are not what the workload takes.
    pub fn input(message: impl fmt::Display) -> Self {
        Self::Input(message.to_string())
    }

    /// The workload has failed on inputs that it takes.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// The message for the requester.
    pub fn message(&self) -> &str {
        match self {
            Self::Input(message) | Self::Failed(message) => message,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// Says which kind it is and keeps the message back, so that `{:?}` in a log gives nothing away.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input(_) => "Input(..)",
            Self::Failed(_) => "Failed(..)",
        })
    }
}

impl std::error::Error for Failure {}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::Failed(message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_keeps_the_message_back() {
        let failure = Failure::input("the password 1234 is too short");
        assert_eq!(format!("{failure:?}"), "Input(..)");
        assert_eq!(failure.to_string(), "the password 1234 is too short");
    }
}
