//! One line under a note.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Error, keys};

/// What each line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// One signature under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The id of the key: the start of a hash over its name and bytes.
    pub key_id: u32,
    /// The signature; of a cosignature, after its time (seconds since 1970, `u64`).
    pub bytes: Vec<u8>,
}

impl Signature {
    /// The signature in one line `— name base64`, with or without its newline.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn parse(line: &str) -> Result<Self, Error> {
        parse(line.strip_suffix('\n').unwrap_or(line), 1)
    }
}

impl fmt::Display for Signature {
    /// The line `— name base64`, without its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.to_be_bytes(), &self.bytes[..]].concat();
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
}

pub(super) fn parse(text: &str, line: usize) -> Result<Signature, Error> {
    let fault = |what| Error::Form { line, what };
    let (name, encoded) = text
        .strip_prefix(DASH)
        .and_then(|rest| rest.split_once(' '))
        .ok_or(fault("a signature is an em dash, a name and base64"))?;
    if !keys::is_name(name) {
        return Err(fault("the name has spaces or a plus sign, or is empty"));
    }
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| fault("the signature is no base64"))?;
    let (key_id, bytes) = bytes
        .split_first_chunk()
        .filter(|(_, rest)| !rest.is_empty())
        .ok_or(fault("the signature is too short"))?;
    Ok(Signature {
        name: name.to_owned(),
        key_id: u32::from_be_bytes(*key_id),
        bytes: bytes.to_vec(),
    })
}
