//! The JSON of the HTTP interface.
//!
//! Names as in the messages (snake case), bytes in base64 (standard alphabet, padded), 64-bit numbers as
//! decimal text, enumerations by name, times in RFC 3339. Members that hold nothing are left out: epoch 0
//! has no `epoch`. On input, numbers are taken for text and for names too, `null` is nothing, and members
//! that aren't known are passed over, as the directory of 2017 did; what is known must be in its form.

mod form;
mod time;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use form::{bytes, bytes_list, decimal, is_default, or_default, signatures};

use crate::messages::{Committed, EntryUpdate, GetEntryResponse, SignedKv};

/// A text that isn't the JSON it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no JSON, or a member has another form than the interface gives it.
    #[error("{reason} (line {line}, column {column})")]
    Form {
        /// What is wrong; never a value out of the text.
        reason: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The body of a PUT has no update.
    #[error("neither `update` nor `entry_update` is there: a PUT carries an EntryUpdate")]
    NoUpdate,
    /// The body of a PUT has two.
    #[error("both `update` and `entry_update` are there: send one of them")]
    TwoUpdates,
}

impl Error {
    /// The stable code of this failure.
    pub fn code(&self) -> &'static str {
        "kt.form"
    }
}

/// Reads a message: a [`GetEntryResponse`], a [`History`](crate::messages::History), or a part of them.
///
/// # Errors
///
/// If `text` is no JSON of that message.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|fault| Error::of(&fault))
}

/// Reads the body of a PUT: an [`EntryUpdate`], or one inside `entry_update`.
///
/// # Errors
///
/// If `text` is no JSON of that, or has no update or both.
pub fn read_put(text: &[u8]) -> Result<EntryUpdate, Error> {
    #[derive(Deserialize)]
    struct Body {
        entry_update: Option<EntryUpdate>,
        update: Option<SignedKv>,
        committed: Option<Committed>,
    }
    let body: Body = read(text)?;
    match (body.entry_update, body.update) {
        (Some(_), Some(_)) => Err(Error::TwoUpdates),
        (Some(wrapped), None) => Ok(wrapped),
        (None, Some(update)) => Ok(EntryUpdate {
            update,
            committed: body.committed,
        }),
        (None, None) => Err(Error::NoUpdate),
    }
}

/// Reads the answer to a PUT: what is inside `proof`, or else the answer itself.
///
/// # Errors
///
/// If `text` is no JSON of that.
pub fn read_put_answer(text: &[u8]) -> Result<GetEntryResponse, Error> {
    #[derive(Deserialize)]
    struct Answer {
        proof: Option<GetEntryResponse>,
    }
    match read::<Answer>(text)?.proof {
        Some(proof) => Ok(proof),
        None => read(text),
    }
}

/// Writes a message, compactly, its members in the order of the interface.
///
/// # Errors
///
/// If a time in it is outside the years 1 to 9999.
pub fn write(message: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(message).map_err(|fault| Error::of(&fault))
}

/// Writes the answer to a PUT: the members of the answer, and the whole of it again inside `proof`.
///
/// # Errors
///
/// If a time in it is outside the years 1 to 9999.
pub fn write_put_answer(answer: &GetEntryResponse) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        top: &'a GetEntryResponse,
        proof: &'a GetEntryResponse,
    }
    write(&Answer {
        top: answer,
        proof: answer,
    })
}

impl Error {
    fn of(fault: &serde_json::Error) -> Self {
        let text = fault.to_string();
        let place = format!(" at line {} column {}", fault.line(), fault.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        // What was there instead stands before this word, and may be anybody's secret.
        let reason = match text.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => text.to_owned(),
        };
        Self::Form {
            reason,
            line: fault.line(),
            column: fault.column(),
        }
    }
}
