//! Why a request is not fulfilled, and how that is answered.

use protocol::EntropyFailed;
use protocol::crypto::KeyError;
use provision::api::{Failure, Fault};

use crate::server::{Content, Reply};
use crate::{cas, journal, kme, state};

/// Why a request is not fulfilled. It says nothing secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing is there.
    #[error("the vault has nothing called {0}")]
    Path(String),
    /// It is there, and something else can be done with it.
    #[error("that can't be done with {0}")]
    Method(String),
    /// The request's content is not in its form.
    #[error("{0}")]
    Form(String),
    /// Others are having as many keys made as are made at once.
    #[error("the vault is making keys for as many sessions as it does at once")]
    Busy,
    /// About sessions and releases.
    #[error(transparent)]
    Cas(#[from] cas::Error),
    /// About workers and their keys.
    #[error(transparent)]
    Kme(#[from] kme::Error),
    /// About the wire of releases.
    #[error(transparent)]
    Provision(#[from] provision::Error),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The state can't be written.
    #[error(transparent)]
    State(#[from] state::Unknown),
    /// The platform gives no evidence.
    #[error(transparent)]
    Tee(#[from] tee::Error),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
    /// No keys can be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Problem {
    /// Its code, with a page of that name in `docs/errors`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path(_) | Self::Method(_) | Self::Form(_) | Self::Busy | Self::Provision(_) => {
                "vault.request"
            }
            Self::Cas(error) => error.code(),
            Self::Kme(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Tee(error) => error.code(),
            Self::Entropy(_) | Self::Key(_) => "kme.generation",
        }
    }

    /// The status of HTTP that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Path(_) => 404,
            Self::Method(_) => 405,
            Self::Busy => 503,
            Self::Form(_) | Self::Provision(_) => 400,
            Self::Cas(error) => error.status(),
            Self::Kme(error) => error.status(),
            Self::Journal(journal::Error::Long { .. }) => 413,
            Self::Journal(_) | Self::State(_) | Self::Tee(_) => 503,
            Self::Entropy(_) | Self::Key(_) => 503,
        }
    }

    /// What to do next, where that is not plain.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Path(_) | Self::Method(_) | Self::Form(_) => {
                Some("see docs/vault.md for what the vault can be asked")
            }
            Self::Busy => Some("try again in a few seconds"),
            Self::Cas(error) => error.advice(),
            Self::Kme(error) => Some(error.advice()),
            _ => None,
        }
    }

    /// The answer that says so.
    pub(super) fn reply(&self) -> Reply {
        let failure = Failure {
            error: Fault {
                code: self.code().to_owned(),
                message: self.to_string(),
                advice: self.advice().map(str::to_owned),
            },
        };
        json(self.status(), &failure)
    }
}

/// An answer in JSON.
pub(super) fn json(status: u16, body: &impl serde::Serialize) -> Reply {
    // Made of strings and numbers: writing it can't fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply {
        status,
        content: Content::Json,
        body: body.into(),
    }
}
