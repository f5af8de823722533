//! A session as a whole.

use serde::{Deserialize, Serialize};
use serde_saphyr::{Error as YamlError, MergeKeyPolicy};

use super::{AccessPolicy, Hex32, Image, Secret, Security, Service, Version, Volume};
use crate::{Located, Place};

/// Bytes that a session may have.
const MAX_LENGTH: usize = 1 << 20;

/// How deep mappings and lists may lie in each other. The deepest key lies in seven.
const MAX_DEPTH: usize = 16;

/// A session of SCONE's CAS, also called a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its name, with those of its namespaces and a `/` behind each.
    pub name: String,
    /// The version of the session language; 0.1 if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// In the form before 0.3: `create`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The hash of the session that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Hex32>,
    /// Who may do what with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_policy: Option<AccessPolicy>,
    /// What it asks of machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// Programs that are let in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// Files that they have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Files that outlive them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Values that they get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
}

/// What the form before 0.3 says of its own hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// CAS makes the session.
    Create,
}

impl Session {
    /// Reads a session and checks what its keys say together. Anchors, aliases, merge keys and tags
    /// are refused: the session language has none.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: with line and column for what isn't YAML or not a key of a
    /// session, with the key for what its value can't be. No value is repeated.
    pub fn parse(text: &str) -> Result<Self, Located> {
        if text.len() > MAX_LENGTH {
            return Err(Located::text("it is too long for a session"));
        }
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
            reject_unsupported_tags: true,
            merge_keys: MergeKeyPolicy::Error,
            budget: serde_saphyr::budget! {
                max_anchors: 0,
                max_aliases: 0,
                max_documents: 1,
                max_depth: MAX_DEPTH,
            },
        };
        let session: Self =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| located(&error))?;
        session.check()?;
        Ok(session)
    }

    /// The text of the session. It's the same for equal sessions, and [`Session::parse`] reads it.
    ///
    /// # Errors
    ///
    /// A message if a text holds what YAML can't.
    pub fn to_yaml(&self) -> Result<String, Located> {
        let options = serde_saphyr::ser_options! { compact_list_indent: false };
        serde_saphyr::to_string_with_options(self, options)
            .map_err(|error| Located::text(error.to_string()))
    }
}

/// The place and the message, in our words where the reader's would repeat a value or speak of its own
/// options.
fn located(error: &YamlError) -> Located {
    let what = match error {
        YamlError::SerdeInvalidType { expected, .. }
        | YamlError::SerdeInvalidValue { expected, .. }
        | YamlError::SerdeInvalidLength { expected, .. } => format!("expected {expected}"),
        YamlError::SerdeUnknownVariant { expected, .. } => {
            format!("unknown value, expected one of {}", expected.join(", "))
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            format!("`{}` stands there twice", key.escape_default())
        }
        YamlError::DuplicateMappingKey { .. } => "a key stands there twice".to_owned(),
        YamlError::InvalidScalar { ty, .. } => format!("it is no {ty}"),
        YamlError::InvalidBooleanStrict { .. } => "it is neither true nor false".to_owned(),
        YamlError::MergeKeyNotAllowed { .. } => "a session has no merge keys".to_owned(),
        YamlError::UnsupportedTag { .. } => "a session has no tags".to_owned(),
        YamlError::NonFiniteFloat { .. } => "expected a text in quotes".to_owned(),
        YamlError::NullIntoString { .. } => "expected a text, found nothing".to_owned(),
        YamlError::Eof { .. } => "it is empty or ends too early".to_owned(),
        YamlError::Budget { .. } => {
            "a session is one document without anchors and aliases, of no great size".to_owned()
        }
        other => without_place(&other.to_string()).replace('\n', ", "),
    };
    match error.location() {
        Some(location) => Located::place(
            Place {
                line: usize::try_from(location.line()).unwrap_or(usize::MAX),
                column: usize::try_from(location.column()).unwrap_or(usize::MAX),
            },
            what,
        ),
        None => Located::text(what),
    }
}

fn without_place(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(what, _)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let message = Session::parse(text).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    #[test]
    fn unknown_keys_are_refused_where_they_stand() {
        for (text, place) in [
            ("name: a\nextra: 1\n", "line 2, column 1: "),
            (
                "name: a\nservices:\n  - name: b\n    mrenclave: []\n",
                "line 4, column 5: ",
            ),
            (
                "name: a\naccess_policy: {reed: [CREATOR]}\n",
                "line 2, column 17: ",
            ),
            (
                "name: a\nsecurity: {attestation: {ignore: []}}\n",
                "line 2, column 26: ",
            ),
            (
                "name: a\nimages: [{name: i, injection_files: [{path: /p, mode: 4}]}]\n",
                "line 2, column 49: ",
            ),
            (
                "name: a\nvolumes: [{name: v, export: {sesion: b}}]\n",
                "line 2, column 30: ",
            ),
            (
                "name: a\nsecrets: [{name: s, kind: ascii, length: 4}]\n",
                "line 2, column 34: ",
            ),
        ] {
            let message = refused(text);
            assert!(message.starts_with(place), "{text}: {message}");
            assert!(message.contains("unknown field"), "{text}: {message}");
        }
    }

    #[test]
    fn what_yaml_has_and_sessions_have_not_is_refused() {
        for (text, what) in [
            ("name: &a b\npredecessor: *a\n", "anchors"),
            ("name: a\n---\nname: b\n", "one document"),
            ("name: !secret a\n", "tags"),
            (
                "name: a\nservices: [{name: b, environment: {<<: {A: b}}}]\n",
                "merge",
            ),
            ("name: a\nname: b\n", "twice"),
            ("name: a\nservices: [\n", ""),
            ("", "empty"),
            ("- a\n", ""),
            ("name: [a]\n", ""),
            ("name:\n", "nothing"),
        ] {
            let message = refused(text);
            assert!(message.contains(what), "{text}: {message}");
        }
        assert!(refused(&"[".repeat(5000)).contains("line 1"));
        assert!(refused(&"a".repeat(MAX_LENGTH + 1)).contains("too long"));
    }

    #[test]
    fn values_of_another_kind_are_refused_and_not_repeated() {
        for text in [
            "name: a\npredecessor: hunter2\n",
            "name: a\nversion: hunter2\n",
            "name: a\ndigest: hunter2\n",
            "name: a\nsecrets: [{name: s, kind: hunter2}]\n",
            "name: a\nsecrets: [{name: s, kind: ascii, size: hunter2}]\n",
            "name: a\nsecrets: [{name: s, kind: ascii, value: [hunter2]}]\n",
            "name: a\nsecrets: [{name: s, kind: private-key, migrate: hunter2}]\n",
            "name: a\nservices: [{name: b, fspf_key: hunter2}]\n",
            "name: a\nservices: [{name: b, fspf_tag: hunter2}]\n",
            "name: a\nservices: [{name: b, mrenclaves: [hunter2]}]\n",
            "name: a\nservices: [{name: b, attestation: hunter2}]\n",
            "name: a\nsecurity: {attestation: {tolerate: [hunter2]}}\n",
            "name: a\nsecurity: {attestation: {ignore_advisories: hunter2}}\n",
        ] {
            let message = refused(text);
            assert!(message.starts_with("line 2, column "), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{text}: {message}");
        }
    }
}
