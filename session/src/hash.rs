//! What identifies a version of a session.

use ring::digest::{Context, SHA256};

use crate::{Hex32, Session};

/// What the hash begins with, so that it is the hash of nothing else.
const PURPOSE: &[u8] = b"sconce/v1/session\0";

impl Session {
    /// The session as anybody may see it who may read it: without the values of its secrets.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut session = self.clone();
        for secret in &mut session.secrets {
            secret.value = None;
        }
        session
    }

    /// SHA-256 of `sconce/v1/session`, a zero byte, and the JSON text of [`Session::public`] (without blanks,
    /// members in the order of their declaration, those that are unset left out).
    ///
    /// It says nothing of the values of secrets: a short one could be guessed from it. Versions of a session
    /// differ all the same, since each names the hash of the one before it.
    #[must_use]
    pub fn hash(&self) -> Hex32 {
        // Made of texts and numbers: writing it can't fail.
        let text = serde_json::to_vec(&self.public()).unwrap_or_default();
        let mut context = Context::new(&SHA256);
        context.update(PURPOSE);
        context.update(&text);
        let mut hash = Hex32([0; 32]);
        hash.0.copy_from_slice(context.finish().as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
name: a/b
version: \"0.3\"
services: [{name: s, command: [/s, --serve], environment: {K: $$SCONE::k$$}}]
secrets: [{name: k, kind: ascii, value: hunter2}]
";

    fn hash(text: &str) -> String {
        Session::parse(text).unwrap().hash().to_string()
    }

    #[test]
    fn the_hash_is_of_everything_but_the_values_of_secrets() {
        let one = hash(TEXT);
        assert_eq!(
            one,
            "925129a3d3cf3f16a30c501f57a9eedfcdaed9df9050a6208dbb5976ee3fe8c9"
        );
        assert_eq!(one, hash(&TEXT.replace("hunter2", "hunter3")));
        assert_eq!(one, hash(&format!("# a remark\n{TEXT}")));
        for (from, to) in [
            ("name: a/b", "name: a/c"),
            ("\"0.3\"", "\"0.3.10\""),
            ("--serve", "--serves"),
            ("{K: ", "{L: "),
            ("kind: ascii", "kind: binary"),
        ] {
            let other = TEXT.replace(from, to).replace("value: hunter2", "size: 4");
            assert_ne!(one, hash(&other), "{to}");
        }
        let next = format!("{TEXT}predecessor: {one}\n");
        assert_ne!(one, hash(&next));
    }
}
