//! Who may write: a bearer token, or, in development, a header that is believed.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::Desk;
use crate::Refusal;

/// What the tests of 2017 authenticated with.
const USER_ID: &str = "grpc-metadata-userid";

impl Desk {
    /// Whether these headers allow to write this user.
    pub(super) fn may_write(&self, user: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.development
            && let Some(claimed) = headers.get(USER_ID)
        {
            let own = claimed.as_bytes() == user.as_bytes();
            return own
                .then_some(())
                .ok_or(Refusal::Credentials("the header names another user"));
        }
        let Some(authorization) = headers.get(AUTHORIZATION) else {
            return Err(Refusal::Credentials(
                "writing needs a token: Authorization: Bearer TOKEN",
            ));
        };
        let token = authorization.to_str().ok().and_then(token_of);
        let token = token.ok_or(Refusal::Credentials(
            "the header Authorization is not a word and a token",
        ))?;
        match self.tokens.allow(token, user) {
            true => Ok(()),
            false => Err(Refusal::Credentials("the token is not good for this user")),
        }
    }
}

/// The second of exactly two words; the first, `Bearer` or `OAuth`, says nothing.
fn token_of(header: &str) -> Option<&str> {
    let mut words = header.split_ascii_whitespace();
    let (_, token) = (words.next()?, words.next()?);
    words.next().is_none().then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words() {
        assert_eq!(token_of("OAuth abc"), Some("abc"));
        assert_eq!(token_of("Bearer  abc "), Some("abc"));
        for bad in ["", "abc", "Bearer a b", " "] {
            assert_eq!(token_of(bad), None, "{bad}");
        }
    }
}
