//! The documents of an image layout, in one form only: keys in the order of the alphabet, no blanks.
//!
//! Source: OCI image specification 1.1 (config.md, manifest.md, image-index.md, image-layout.md); the
//! tar of `docker save` (`manifest.json`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::created::Created;

/// The one version of the layout.
pub(super) const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// Text pairs that are written sorted.
pub(super) type Texts = BTreeMap<String, String>;

/// A blob: its digest and size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blob {
    pub(super) sha256: [u8; 32],
    pub(super) size: u64,
}

impl Blob {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Self {
            sha256,
            size: bytes.len() as u64,
        }
    }

    pub(super) fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(self.sha256))
    }

    /// Where it is kept in the layout.
    pub(super) fn path(&self) -> String {
        format!("blobs/sha256/{}", hex::encode(self.sha256))
    }

    fn descriptor(self, media_type: &'static str) -> Descriptor {
        Descriptor {
            annotations: Texts::new(),
            digest: self.digest(),
            media_type,
            size: self.size,
        }
    }
}

/// How a container of the image is started.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Runtime {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cmd: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<String>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub(super) labels: Texts,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) user: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) volumes: BTreeMap<String, Nothing>,
    pub(super) working_dir: String,
}

/// `{}`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Nothing {}

#[derive(Serialize)]
struct Descriptor {
    #[serde(skip_serializing_if = "Texts::is_empty")]
    annotations: Texts,
    digest: String,
    #[serde(rename = "mediaType")]
    media_type: &'static str,
    size: u64,
}

/// The configuration.
pub(super) fn config(runtime: &Runtime, created: Created, layer: &Blob) -> Vec<u8> {
    #[derive(Serialize)]
    struct Config<'a> {
        architecture: &'static str,
        config: &'a Runtime,
        created: String,
        history: [Step; 1],
        os: &'static str,
        rootfs: RootFs,
    }
    #[derive(Serialize)]
    struct Step {
        created: String,
        created_by: &'static str,
    }
    #[derive(Serialize)]
    struct RootFs {
        diff_ids: [String; 1],
        #[serde(rename = "type")]
        kind: &'static str,
    }
    json(&Config {
        architecture: "amd64",
        config: runtime,
        created: created.to_string(),
        history: [Step {
            created: created.to_string(),
            created_by: "sconify package",
        }],
        os: "linux",
        rootfs: RootFs {
            diff_ids: [layer.digest()],
            kind: "layers",
        },
    })
}

/// The manifest.
pub(super) fn manifest(annotations: &Texts, config: Blob, layer: Blob) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Manifest<'a> {
        annotations: &'a Texts,
        config: Descriptor,
        layers: [Descriptor; 1],
        media_type: &'static str,
        schema_version: u8,
    }
    json(&Manifest {
        annotations,
        config: config.descriptor(CONFIG_TYPE),
        layers: [layer.descriptor(LAYER_TYPE)],
        media_type: MANIFEST_TYPE,
        schema_version: 2,
    })
}

/// `index.json`, with the names that the image goes by.
pub(super) fn index(names: Texts, manifest: Blob) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index {
        manifests: [Descriptor; 1],
        media_type: &'static str,
        schema_version: u8,
    }
    let mut descriptor = manifest.descriptor(MANIFEST_TYPE);
    descriptor.annotations = names;
    json(&Index {
        manifests: [descriptor],
        media_type: INDEX_TYPE,
        schema_version: 2,
    })
}

/// `manifest.json`, which older versions of docker read instead.
pub(super) fn docker(name: &str, config: &Blob, layer: &Blob) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Image<'a> {
        config: String,
        layers: [String; 1],
        repo_tags: [&'a str; 1],
    }
    json(&[Image {
        config: config.path(),
        layers: [layer.path()],
        repo_tags: [name],
    }])
}

fn json(value: &impl Serialize) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "texts, numbers and lists always serialise"
    )]
    serde_json::to_vec(value).expect("texts, numbers and lists serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object of a text has its keys in the order of the alphabet.
    fn assert_canonical(bytes: &[u8]) {
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let mut sorted = value.clone();
        sorted.sort_all_objects();
        assert_eq!(serde_json::to_vec(&sorted).unwrap(), bytes);
    }

    #[test]
    fn documents_have_one_form() {
        let blob = Blob::of(b"blob");
        let texts = Texts::from([("b".into(), "2".into()), ("a".into(), "\"1\"".into())]);
        let runtime = Runtime {
            cmd: vec!["a".into()],
            entrypoint: vec!["b".into()],
            env: vec!["C=d".into()],
            labels: texts.clone(),
            user: "1:1".into(),
            volumes: BTreeMap::from([("/data".into(), Nothing {})]),
            working_dir: "/".into(),
        };
        for document in [
            config(&runtime, Created::default(), &blob),
            config(&Runtime::default(), Created::default(), &blob),
            manifest(&texts, blob, blob),
            index(texts.clone(), blob),
            docker("a:b", &blob, &blob),
            LAYOUT.as_bytes().to_vec(),
        ] {
            assert_canonical(&document);
        }
    }
}
