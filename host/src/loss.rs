//! Why a program is given up.

use std::io;

/// Why a program is of no use any more, in words that follow "lost the program: ".
#[derive(Debug, thiserror::Error)]
pub(crate) enum Loss {
    #[error("it closed its socket")]
    Closed,
    #[error("it closed its socket in the middle of a frame")]
    Cut,
    #[error("its socket failed: {0}")]
    Failed(#[from] io::Error),
    #[error("it says that it ends: {0}")]
    Ending(String),
    #[error("it says that its worker's entry in the key directory is not its own")]
    Foreign,
    #[error("it broke the protocol: {0}")]
    Frame(#[from] link::Error),
    #[error("it broke the protocol: {0}")]
    Conduct(&'static str),
    #[error("it was not ready in time")]
    Slow,
    #[error("it has requests and says nothing")]
    Silent,
    #[error("the host is stopping")]
    Unwanted,
}

impl Loss {
    /// Whether the program is beyond being asked to exit.
    pub(crate) fn is_misconduct(&self) -> bool {
        match self {
            Self::Cut | Self::Frame(_) | Self::Conduct(_) | Self::Slow | Self::Silent => true,
            Self::Closed | Self::Failed(_) | Self::Ending(_) | Self::Foreign | Self::Unwanted => {
                false
            }
        }
    }
}
