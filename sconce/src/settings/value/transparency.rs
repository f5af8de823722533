//! Kinds of values that only the key directory has.

use directory::Witness;
use serde_json::Value as Json;

use super::{Raw, Value};

/// A domain, as DNS writes names.
pub(crate) struct Domain<'a>(pub(crate) &'a mut String);

/// Witnesses of a log.
pub(crate) struct Witnesses<'a>(pub(crate) &'a mut Vec<Witness>);

impl Value for Domain<'_> {
    fn wanted(&self) -> String {
        "a domain such as \"keys.example.com\"".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let text = raw.text()?;
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.clone_into(self.0))
    }

    fn shown(&self) -> Json {
        self.0.as_str().into()
    }
}

impl Value for Witnesses<'_> {
    fn wanted(&self) -> String {
        "a list such as [\"NAME+HASH+KEY@http://HOST:PORT\"]".to_owned()
    }

    fn take(&mut self, raw: &Raw) -> Option<()> {
        let witness = |text: &String| {
            // No key has this in it: it ends in base64.
            let (key, url) = text.rsplit_once("@http")?;
            let (name, rest) = key.split_once('+')?;
            let is_key = !name.is_empty() && rest.split_once('+').is_some();
            is_key.then(|| Witness {
                key: key.to_owned(),
                url: format!("http{url}"),
            })
        };
        *self.0 = raw.list()?.iter().map(witness).collect::<Option<_>>()?;
        Some(())
    }

    fn shown(&self) -> Json {
        let texts = self.0.iter().map(|one| format!("{}@{}", one.key, one.url));
        texts.collect::<Vec<_>>().into()
    }
}
