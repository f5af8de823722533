//! Who may do what with a session.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::placeholder;

/// Who may do what. What is left out is the creator's alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessPolicy {
    /// Who may read the session, without the secrets that CAS has made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<Entity>>,
    /// Who may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Vec<Entity>>,
    /// Who may make sessions in its namespace; those of `update` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_sessions: Option<Vec<Entity>>,
}

impl AccessPolicy {
    /// Everything is the creator's alone.
    #[must_use]
    pub fn creator() -> Self {
        Self {
            read: Some(vec![Entity::Creator]),
            update: Some(vec![Entity::Creator]),
            create_sessions: None,
        }
    }

    /// The lists with their keys.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&'static str, &[Entity])> {
        let lists = [
            ("read", &self.read),
            ("update", &self.update),
            ("create_sessions", &self.create_sessions),
        ];
        lists
            .into_iter()
            .filter_map(|(key, list)| Some((key, list.as_deref()?)))
    }
}

/// Who someone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entity {
    /// Who made the session.
    Creator,
    /// Everybody.
    Any,
    /// Nobody.
    None,
    /// Who has the key of this certificate.
    Certificate(String),
    /// Who has the key with this hash.
    KeyHash(String),
    /// Whom a secret of the session tells.
    Secret(String),
}

impl From<String> for Entity {
    fn from(text: String) -> Self {
        match text.as_str() {
            "CREATOR" => Self::Creator,
            "ANY" => Self::Any,
            "NONE" => Self::None,
            other if other.starts_with(placeholder::OPEN) => Self::Secret(text),
            other if other.starts_with("-----BEGIN CERTIFICATE-----") => Self::Certificate(text),
            _ => Self::KeyHash(text),
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creator => "CREATOR",
            Self::Any => "ANY",
            Self::None => "NONE",
            Self::Certificate(text) | Self::KeyHash(text) | Self::Secret(text) => text,
        })
    }
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Entity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
