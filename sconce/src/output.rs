//! How answers look in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// One output: as text where it is one, as base64 otherwise.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputView<'a> {
    /// UTF-8.
    Text(&'a str),
    /// Any bytes.
    Base64(String),
}

impl<'a> OutputView<'a> {
    pub(crate) fn new(output: &'a [u8]) -> Self {
        match std::str::from_utf8(output) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Base64(STANDARD.encode(output)),
        }
    }
}
