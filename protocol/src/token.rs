//! Bearer tokens: a host's towards the manager, an operator's towards the listener.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::crypto::sha256;

/// A shared secret that callers show. It can be compared, and never printed.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// The text can't be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has 16 to 256 visible ASCII characters and no blanks")]
pub struct NotAToken;

impl Token {
    /// Takes 16 to 256 visible ASCII characters, such as 32 random bytes in hex.
    pub fn new(text: impl Into<String>) -> Result<Self, NotAToken> {
        let text = Zeroizing::new(text.into());
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (16..=256).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(NotAToken)
        }
    }

    /// Whether `shown` is this token. How long that takes tells nothing about where they differ:
    /// digests are compared, in constant time.
    pub fn is(&self, shown: &[u8]) -> bool {
        let same = sha256(&[self.0.as_bytes()]).ct_eq(&sha256(&[shown]));
        same.into()
    }

    /// The text, to be shown to whoever asks for it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_the_token() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdeF",
            "0123456789abcdef0",
        ] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn short_long_and_blank_texts_are_refused() {
        for bad in [
            "",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdef\n",
            &"x".repeat(257),
        ] {
            assert!(Token::new(bad).is_err(), "{bad:?}");
        }
    }
}
