//! Keys of JSON as other readers take them.
//!
//! Docker, containerd and registries are written in Go, whose JSON takes a key in any case, and the
//! last one of several. A document that has `Config` beside `config` says one thing here and another
//! one there, with the same digest; so it's refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// The keys of an image layout's documents, as they are written.
pub(super) const OF_LAYOUT: &[&str] = &[
    "annotations",
    "architecture",
    "artifactType",
    "author",
    "Cmd",
    "config",
    "created",
    "data",
    "diff_ids",
    "digest",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "history",
    "imageLayoutVersion",
    "Labels",
    "layers",
    "manifests",
    "mediaType",
    "os",
    "platform",
    "rootfs",
    "schemaVersion",
    "Shell",
    "size",
    "subject",
    "type",
    "urls",
    "User",
    "variant",
    "Volumes",
    "WorkingDir",
];

/// Those of `manifest.json`.
pub(super) const OF_DOCKER: &[&str] = &["Config", "Layers", "LayerSources", "Parent", "RepoTags"];

/// Objects whose keys are data.
const FREE: [&str; 5] = [
    "annotations",
    "ExposedPorts",
    "Labels",
    "LayerSources",
    "Volumes",
];

/// Refuses a document with a key that is there twice, or is one of `known` in another spelling.
pub(super) fn check(document: &[u8], known: &[&str]) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(document);
    Keys(known).deserialize(&mut json)?;
    json.end()
}

/// As Go compares keys.
fn folded(key: &str) -> String {
    let upper = key.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

/// Reads any value for nothing but its keys.
#[derive(Clone, Copy)]
struct Keys<'a>(&'a [&'a str]);

impl Keys<'_> {
    fn fault(self, key: &str, seen: &mut BTreeSet<String>) -> Option<String> {
        let folded_key = folded(key);
        let other = |known: &&&str| folded(known) == folded_key && **known != key;
        if let Some(known) = self.0.iter().find(other) {
            return Some(format!("it has `{}` for `{known}`", key.escape_debug()));
        }
        let twice = !seen.insert(folded_key);
        twice.then(|| format!("it has `{}` twice", key.escape_debug()))
    }
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(fault) = self.fault(&key, &mut seen) {
                return Err(A::Error::custom(fault));
            }
            if FREE.contains(&key.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(self)?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_one_spelling() {
        let check = |text: &str| check(text.as_bytes(), OF_LAYOUT);
        for good in [
            r#"{"config":{"Labels":{"Config":"x","config":"y"},"Entrypoint":["/w"],"Other":null}}"#,
            r#"[1, -1, 1.5, true, "Config", {"a": {"b": []}, "b": {}}]"#,
        ] {
            check(good).unwrap();
        }
        for bad in [
            r#"{"config":{},"Config":{}}"#,
            r#"{"Config":{}}"#,
            r#"{"a":[{"entrypoint":["/x"]}]}"#,
            r#"{"a":1,"A":2}"#,
            r#"{"a":1,"a":2}"#,
            // The long s is an s to Go.
            "{\"layer\u{17f}\":[]}",
            r#"{"layer\u017f":[]}"#,
            r#"{"a":1} {"a":1}"#,
        ] {
            check(bad).unwrap_err();
        }
        super::check(br#"[{"config":"x"}]"#, OF_DOCKER).unwrap_err();
        super::check(br#"[{"Config":"x"}]"#, OF_DOCKER).unwrap();
    }
}
