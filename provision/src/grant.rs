//! What a program is given.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::text::{Base64, read};
use crate::{Error, MAX_GRANT};

/// What a session gives to one of its services. It is secret: it can't be printed, and is wiped when
/// dropped.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The program's arguments, the program itself first; empty if the session says nothing of them.
    #[serde(default)]
    pub command: Vec<String>,
    /// The working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pwd: Option<String>,
    /// Variables of its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files that only it sees.
    #[serde(default)]
    pub files: Vec<File>,
}

/// A file that only the program sees.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its absolute path.
    pub path: String,
    /// Its content.
    pub content: Base64,
}

impl Grant {
    /// Its JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Form`] if it is longer than [`MAX_GRANT`].
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        // As large as most get, so that few copies stay where it grew.
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        // Made of strings: writing it can't fail.
        let written = serde_json::to_writer(&mut *text, self);
        if written.is_err() || text.len() > MAX_GRANT {
            return Err(too_long());
        }
        Ok(text)
    }

    /// Reads its JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Form`], which quotes nothing of it.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        if text.len() > MAX_GRANT {
            return Err(too_long());
        }
        read(WHAT, text).map_err(|_| Error::Form {
            what: WHAT,
            fault: "its members are others".to_owned(),
        })
    }

    /// A variable of the environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }
}

/// What errors call it.
const WHAT: &str = "grant";

fn too_long() -> Error {
    Error::Form {
        what: WHAT,
        fault: format!("it is longer than {MAX_GRANT} bytes"),
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.command.zeroize();
        self.environment.values_mut().for_each(Zeroize::zeroize);
        for file in &mut self.files {
            file.content.0.zeroize();
        }
    }
}

impl ZeroizeOnDrop for Grant {}
