//! Who may write: bearer tokens, of which the server knows only hashes.
//!
//! ```toml
//! [[token]]
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! users = ["alice@example.com", "workers-*"]
//! ```

use std::collections::HashMap;
use std::path::Path;

use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::Error;

/// The tokens that are good, and for whom.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    by_hash: HashMap<[u8; 32], Vec<Pattern>>,
}

/// Users that a token may write.
#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(String),
    /// Everything that begins so; `*` alone is everybody.
    Prefix(String),
}

/// Longest file.
const LONGEST: u64 = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    sha256: String,
    users: Vec<String>,
}

impl Tokens {
    /// Those in a file.
    pub(crate) fn read(file: &Path) -> Result<Self, Error> {
        let unusable = |fault: String| Error::Tokens {
            path: file.to_owned(),
            fault,
        };
        let about = std::fs::metadata(file).map_err(|fault| unusable(fault.to_string()))?;
        if about.len() > LONGEST {
            return Err(unusable("it is longer than 4 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(file).map_err(|fault| unusable(fault.to_string()))?;
        Self::parse(&text).map_err(unusable)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|fault| {
            let line = fault
                .span()
                .map(|span| text[..span.start].matches('\n').count() + 1);
            let place = line
                .map(|line| format!("line {line}: "))
                .unwrap_or_default();
            format!("{place}{}", fault.message())
        })?;
        let mut by_hash = HashMap::new();
        for (number, token) in (1..).zip(file.token) {
            let mut hash = [0; 32];
            hex::decode_to_slice(&token.sha256, &mut hash)
                .map_err(|_| format!("token {number}: sha256 is not 64 hex digits"))?;
            let users = token.users.iter().map(|user| Pattern::parse(user));
            let users = users.collect::<Option<Vec<_>>>().ok_or_else(|| {
                format!("token {number}: an empty user, or a * before the end of one")
            })?;
            if by_hash.insert(hash, users).is_some() {
                return Err(format!("token {number} is there twice"));
            }
        }
        Ok(Self { by_hash })
    }

    /// Whether whoever shows this token may write this user.
    pub(crate) fn allow(&self, token: &str, user: &str) -> bool {
        let hash = digest(&SHA256, token.as_bytes());
        // Looking up a hash tells of the token nothing that the hash does not.
        self.by_hash
            .get(hash.as_ref())
            .is_some_and(|users| users.iter().any(|pattern| pattern.fits(user)))
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (prefix, open) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if prefix.contains('*') || (prefix.is_empty() && !open) {
            return None;
        }
        let prefix = prefix.to_owned();
        Some(if open {
            Self::Prefix(prefix)
        } else {
            Self::Exactly(prefix)
        })
    }

    fn fits(&self, user: &str) -> bool {
        match self {
            Self::Exactly(name) => name == user,
            Self::Prefix(prefix) => user.starts_with(prefix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(token: &str) -> String {
        hex::encode(digest(&SHA256, token.as_bytes()))
    }

    #[test]
    fn a_token_is_good_for_its_users() {
        let text = format!(
            "[[token]]\nsha256 = \"{}\"\nusers = [\"alice\", \"workers/*\"]\n\
             [[token]]\nsha256 = \"{}\"\nusers = [\"*\"]\n",
            hash("one"),
            hash("all")
        );
        let tokens = Tokens::parse(&text).unwrap();
        for (token, user, allowed) in [
            ("one", "alice", true),
            ("one", "alice2", false),
            ("one", "workers/7", true),
            ("one", "worker", false),
            ("all", "anybody", true),
            ("", "alice", false),
            ("two", "alice", false),
        ] {
            assert_eq!(tokens.allow(token, user), allowed, "{token} {user}");
        }
    }

    #[test]
    fn bad_files_say_where() {
        let sha256 = hash("x");
        let token = |sha256: &str, users: &str| {
            format!("[[token]]\nsha256 = \"{sha256}\"\nusers = {users}\n")
        };
        let good = token(&sha256, "[\"a\"]");
        for (bad, says) in [
            ("token".to_owned(), "line 1"),
            (token(&sha256[1..], "[]"), "token 1: sha256"),
            (token("zz", "[]"), "token 1: sha256"),
            (token(&sha256, "[\"\"]"), "token 1: an empty user"),
            (token(&sha256, "[\"a*b\"]"), "a * before the end"),
            (token(&sha256, "\"a\""), "line 3"),
            (format!("{good}{good}"), "token 2 is there twice"),
            (format!("{good}word = 1\n"), "line 4"),
        ] {
            let error = Tokens::parse(&bad).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
        }
        assert!(!Tokens::parse("").unwrap().allow("x", "a"));
    }
}
