//! What a request is refused with.

use std::time::Duration;

use transparency::mutation;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The user's id, a parameter or the path is not what it has to be.
    #[error("{0}")]
    Request(String),
    /// The body is not an update in JSON.
    #[error("{0}")]
    Body(String),
    /// The body is longer than is taken.
    #[error("a body has at most {0} bytes")]
    TooLong(usize),
    /// The body has not arrived in time.
    #[error("the body did not arrive within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// Somebody else's entry, or nobody's credentials.
    #[error("{0}")]
    Credentials(&'static str),
    /// The update's index, commitment or profile is not the user's.
    #[error("{0}")]
    Commitment(String),
    /// An application's own check of its data.
    #[error("{app}: {fault}")]
    App {
        /// The application's id.
        app: String,
        /// What is wrong with its data.
        fault: String,
    },
    /// The update can't follow what stands there.
    #[error("{0}")]
    Mutation(mutation::Error),
    /// Another update of the entry came first.
    #[error("{0}")]
    Overtaken(&'static str),
    /// An epoch that is not there.
    #[error("{0}")]
    Range(String),
    /// Too many ids that nobody has asked for before.
    #[error("too many users that nobody has asked for before; come again in {} ms", .0.as_millis())]
    Rate(Duration),
    /// There is no room for more updates before the next epoch.
    #[error("too many updates wait for the next epoch; send it again after that")]
    Busy,
    /// The directory can't do its work; what happened stands in its log.
    #[error("the directory cannot answer; its log says why")]
    Internal,
}

impl Refusal {
    /// The stable code of its kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "directory.request",
            Self::Body(_) => "directory.body",
            Self::TooLong(_) | Self::TooSlow(_) => "directory.limit",
            Self::Credentials(_) => "directory.credentials",
            Self::Commitment(_) => "directory.commitment",
            Self::App { .. } => "directory.app",
            Self::Mutation(fault) => fault.code(),
            Self::Overtaken(_) => "directory.mutation",
            Self::Range(_) => "directory.range",
            Self::Rate(_) | Self::Busy => "directory.busy",
            Self::Internal => "directory.internal",
        }
    }

    /// The text that the directory of 2017 answered with, where it had one.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Request(_) | Self::Commitment(_) | Self::App { .. } | Self::Range(_) => {
                "Invalid request".to_owned()
            }
            Self::Mutation(_) | Self::Overtaken(_) => "Invalid mutation".to_owned(),
            Self::Credentials(_) => "Permission denied".to_owned(),
            Self::Internal => "Internal error".to_owned(),
            other => other.to_string(),
        }
    }

    /// The code of gRPC that stands in answers.
    pub(crate) fn grpc(&self) -> u8 {
        match self {
            Self::TooSlow(_) => 4,
            Self::Credentials(_) => 7,
            Self::Rate(_) => 8,
            Self::Range(_) => 11,
            Self::Internal => 13,
            Self::Busy => 14,
            _ => 3,
        }
    }

    /// The status of HTTP.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::TooLong(_) => 413,
            Self::TooSlow(_) => 408,
            Self::Credentials(_) => 403,
            Self::Rate(_) => 429,
            Self::Internal => 500,
            Self::Busy => 503,
            _ => 400,
        }
    }
}
