//! Names of workers.

use std::fmt;
use std::str::FromStr;

use provision::name::is_part;
use provision::{KME_NAMESPACE, SessionName};
use serde::{Deserialize, Serialize};

use super::Error;

/// A worker's name, as in `scone-worker-1`: 1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit
/// first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkerName(String);

impl WorkerName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The session in which the worker's keys stand: nobody else writes in its namespace.
    #[must_use]
    pub fn session(&self) -> SessionName {
        #[expect(
            clippy::expect_used,
            reason = "every name of a worker is a part of a session's name"
        )]
        let session = SessionName::new(KME_NAMESPACE, &self.0).expect("a name");
        session
    }
}

impl FromStr for WorkerName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if is_part(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::Name)
        }
    }
}

impl TryFrom<String> for WorkerName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<WorkerName> for String {
    fn from(name: WorkerName) -> Self {
        name.0
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
