//! Images and volumes: which files a service has beside its own.

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::Reference;
use super::values::{FspfKey, Hex16, Hex32, OneOrMany, Sensitive};

/// Files that services have, beside their own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its name, in services.
    pub name: String,
    /// Volumes, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<ImageVolume>,
    /// Files into which secrets are put.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub injection_files: Vec<InjectionFile>,
}

/// A volume, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImageVolume {
    /// A volume of the session.
    pub name: String,
    /// Its absolute path.
    pub path: String,
    /// What becomes of changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_policy: Option<UpdatePolicy>,
}

/// A file into which secrets are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectionFile {
    /// Its absolute path.
    pub path: String,
    /// What it holds; what is at the path if unset.
    pub content: Option<Sensitive>,
}

/// What becomes of changes to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdatePolicy {
    /// They are kept, and an older state put back is noticed.
    RollbackProtected,
    /// They are forgotten.
    Ephemeral,
    /// They are kept, and an older state put back is not noticed.
    NoRollbackProtection,
}

/// Encrypted files that outlive a service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its name, in images.
    pub name: String,
    /// The key of a volume that is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fspf_key: Option<FspfKey>,
    /// Its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fspf_tag: Option<Hex16>,
    /// Sessions that may import it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<OneOrMany<Export>>,
    /// The volume of another session that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<VolumeImport>,
}

/// A session that may import a volume: as a reference, or below `to` if more is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Export {
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Only as it is when it has this hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_hash: Option<Hex32>,
    /// The session, where something is said beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Reference>,
    /// What it may do with changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_policy: Option<UpdatePolicy>,
}

/// A volume of another session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeImport {
    /// The session.
    pub session: String,
    /// Only as it is when it has this hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_hash: Option<Hex32>,
    /// The volume's name there; the same as here if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
}

impl Serialize for InjectionFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(content) = &self.content else {
            return serializer.serialize_str(&self.path);
        };
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("content", content)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for InjectionFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Mapping {
            path: String,
            content: Option<Sensitive>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = InjectionFile;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a path, or a mapping of path and content")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<InjectionFile, E> {
                Ok(InjectionFile {
                    path: path.to_owned(),
                    content: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<InjectionFile, A::Error> {
                let file = Mapping::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(InjectionFile {
                    path: file.path,
                    content: file.content,
                })
            }
        }

        deserializer.deserialize_any(Either)
    }
}
