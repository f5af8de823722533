//! OCI image layouts, and tars of `docker save`: from their documents to the one layer.
//!
//! Source: OCI image specification 1.1, image-layout.md, manifest.md and config.md. Documents may have
//! members that are unknown here, as the specification asks; known ones have one spelling.

use std::collections::BTreeMap;
use std::path::Path;

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Error, Members, Package, Reader, archive, spelling};

/// The file that makes a folder an image layout.
pub(super) const LAYOUT: &str = "oci-layout";
/// The document of a tar of `docker save`.
pub(super) const DOCKER: &str = "manifest.json";

const INDEX: &str = "index.json";

/// Larger than any document that says something about a single image.
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// A name that an image goes by, in an index.
const REFERENCE: &str = "org.opencontainers.image.ref.name";
/// The same with the repository, as containerd and docker write it.
const FULL_REFERENCE: &str = "io.containerd.image.name";

#[derive(Deserialize)]
struct Layout {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
    #[serde(default)]
    config: Runtime,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Runtime {
    cmd: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

impl Runtime {
    /// What a container runs.
    fn start(&self) -> Vec<String> {
        let parts = [&self.entrypoint, &self.cmd];
        parts.into_iter().flatten().flatten().cloned().collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The members of the image in a layout.
pub(super) fn open_layout(path: &Path, outer: &Members) -> Result<(Members, Package), Error> {
    let layout = Documents { path, outer };
    let version: Layout = layout.parse(LAYOUT, &layout.read(LAYOUT)?)?;
    if version.version != "1.0.0" {
        let what = format!("layout version {:?} is unknown", version.version);
        return Err(layout.refusal(LAYOUT, what));
    }
    let index: Index = layout.parse(INDEX, &layout.read(INDEX)?)?;
    let entry = layout.only(INDEX, "images", &index.manifests)?;
    if !is_manifest(&entry.media_type) {
        let what = format!("{:?} is no image manifest", entry.media_type);
        return Err(layout.refusal(INDEX, what));
    }
    let (name, bytes, manifest_digest) = layout.document(entry)?;
    let manifest: Manifest = layout.parse(&name, &bytes)?;
    let layer = layout.only(&name, "layers", &manifest.layers)?;
    if !is_plain_layer(&layer.media_type) {
        let what = format!(
            "its layer is {:?}, compressed or unknown; `skopeo copy … docker-archive:FILE` and \
             `docker save` give a tar that is not",
            layer.media_type
        );
        return Err(layout.refusal(&name, what));
    }
    let (config_name, config_bytes, config_digest) = layout.document(&manifest.config)?;
    let config: Config = layout.parse(&config_name, &config_bytes)?;
    let (tar, layer_digest) = layout.blob(layer)?;
    layout.check_layer(&config_name, &config, layer_digest)?;
    layout.check_docker(&config_name, &layout.place(layer)?.0)?;
    let references = [REFERENCE, FULL_REFERENCE];
    let package = Package {
        manifest: Some(manifest_digest),
        config: config_digest,
        layer: layer_digest,
        annotations: manifest.annotations,
        references: references
            .iter()
            .filter_map(|key| entry.annotations.get(*key).cloned())
            .collect(),
        start: config.config.start(),
    };
    Ok((list_layer(path, &tar)?, package))
}

/// The members of the image in a tar of `docker save`.
pub(super) fn open_docker(path: &Path, outer: &Members) -> Result<(Members, Package), Error> {
    let saved = Documents { path, outer };
    let images: Vec<Saved> = saved.parse(DOCKER, &saved.read(DOCKER)?)?;
    let image = saved.only(DOCKER, "images", &images)?;
    let layer = saved.only(DOCKER, "layers", &image.layers)?;
    let config_bytes = saved.read(&image.config)?;
    let config: Config = saved.parse(&image.config, &config_bytes)?;
    let config_digest = sha256(&config_bytes);
    // Its name is its digest, by which docker calls the image.
    if !image.config.contains(&hex::encode(config_digest)) {
        let what = format!("it is sha256:{}", hex::encode(config_digest));
        return Err(saved.mismatch(&image.config, what));
    }
    let tar = outer.reader(path, layer)?;
    let layer_digest = tar.sha256().map_err(Error::io("read", path))?;
    saved.check_layer(&image.config, &config, layer_digest)?;
    let package = Package {
        manifest: None,
        config: config_digest,
        layer: layer_digest,
        start: config.config.start(),
        annotations: config.config.labels.unwrap_or_default(),
        references: image.repo_tags.clone().unwrap_or_default(),
    };
    Ok((list_layer(path, &tar)?, package))
}

/// Lists a layer. There is none below it, so it has nothing to take away.
fn list_layer(path: &Path, tar: &Reader) -> Result<Members, Error> {
    let members = archive::list(path, tar)?;
    let names = members.members.keys();
    for name in names.chain(&members.folders) {
        if name.split('/').any(|part| part.starts_with(".wh.")) {
            let what = "takes away something of another layer, and there is none";
            return Err(Error::member(path, name, what));
        }
    }
    Ok(members)
}

struct Documents<'a> {
    path: &'a Path,
    outer: &'a Members,
}

impl Documents<'_> {
    fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        self.outer.read(self.path, name, LARGEST_DOCUMENT)
    }

    fn parse<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, Error> {
        let known = match name {
            DOCKER => spelling::OF_DOCKER,
            _ => spelling::OF_LAYOUT,
        };
        spelling::check(bytes, known).map_err(|error| self.refusal(name, error.to_string()))?;
        serde_json::from_slice(bytes).map_err(|error| self.refusal(name, error.to_string()))
    }

    /// The one of a list that must have one.
    fn only<'a, T>(&self, name: &str, what: &str, list: &'a [T]) -> Result<&'a T, Error> {
        match list {
            [one] => Ok(one),
            _ => Err(self.refusal(name, format!("it has {} {what}, not one", list.len()))),
        }
    }

    /// A small blob: its name, its bytes, and their digest.
    fn document(&self, descriptor: &Descriptor) -> Result<(String, Vec<u8>, [u8; 32]), Error> {
        let (name, expected) = self.place(descriptor)?;
        let bytes = self.read(&name)?;
        self.compare(
            &name,
            descriptor,
            bytes.len() as u64,
            expected,
            sha256(&bytes),
        )?;
        Ok((name, bytes, expected))
    }

    /// A large blob, which has been read once, and its digest.
    fn blob(&self, descriptor: &Descriptor) -> Result<(Reader, [u8; 32]), Error> {
        let (name, expected) = self.place(descriptor)?;
        let reader = self.outer.reader(self.path, &name)?;
        let found = reader.sha256().map_err(Error::io("read", self.path))?;
        self.compare(&name, descriptor, reader.len(), expected, found)?;
        Ok((reader, expected))
    }

    fn place(&self, descriptor: &Descriptor) -> Result<(String, [u8; 32]), Error> {
        let digits = descriptor.digest.strip_prefix("sha256:");
        let digest = digits.and_then(|digits| Some((digits, parse_digest(digits)?)));
        let (digits, digest) = digest.ok_or_else(|| {
            let what = format!("{:?} is no SHA-256 digest", descriptor.digest);
            self.refusal(INDEX, what)
        })?;
        Ok((format!("blobs/sha256/{digits}"), digest))
    }

    fn compare(
        &self,
        name: &str,
        descriptor: &Descriptor,
        size: u64,
        expected: [u8; 32],
        found: [u8; 32],
    ) -> Result<(), Error> {
        if size != descriptor.size {
            let what = format!("it has {size} bytes and not {}", descriptor.size);
            return Err(self.mismatch(name, what));
        }
        if found != expected {
            let what = format!("it is sha256:{}", hex::encode(found));
            return Err(self.mismatch(name, what));
        }
        Ok(())
    }

    fn check_layer(&self, name: &str, config: &Config, layer: [u8; 32]) -> Result<(), Error> {
        let listed = self.only(name, "layers", &config.rootfs.diff_ids)?;
        let found = format!("sha256:{}", hex::encode(layer));
        if *listed == found {
            Ok(())
        } else {
            let what = format!("it is {found}, and {name} lists another");
            Err(self.mismatch("the layer", what))
        }
    }

    /// `docker load` goes by `manifest.json`, others by the index: both have to say the same.
    fn check_docker(&self, config: &str, layer: &str) -> Result<(), Error> {
        if !self.outer.members.contains_key(DOCKER) {
            return Ok(());
        }
        let images: Vec<Saved> = self.parse(DOCKER, &self.read(DOCKER)?)?;
        let image = self.only(DOCKER, "images", &images)?;
        if image.config == config && image.layers == [layer] {
            Ok(())
        } else {
            let what = format!("it is another image than that of {INDEX}: `docker load` takes it");
            Err(self.refusal(DOCKER, what))
        }
    }

    fn refusal(&self, document: &str, what: String) -> Error {
        Error::Layout {
            path: self.path.to_owned(),
            document: document.to_owned(),
            what,
        }
    }

    fn mismatch(&self, name: &str, what: String) -> Error {
        Error::Digest {
            path: self.path.to_owned(),
            name: name.to_owned(),
            what,
        }
    }
}

fn is_manifest(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json"
    )
}

fn is_plain_layer(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar"
    )
}

/// 64 digits, in lower case as the specification wants them.
fn parse_digest(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    (hex::encode(bytes) == digits).then_some(bytes)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest(&SHA256, bytes).as_ref());
    array
}
