//! An image as one that containers are made of, without a daemon.
//!
//! The same input gives the same bytes, wherever and whenever: one layer that is not compressed,
//! entries in the order of their names, one time, JSON in one form. Large members are read once and
//! never held in memory; the digests are computed beside the writing, and the enclave's stream is
//! measured on its way, so that no package says a measurement that is not its own.

mod created;
mod destination;
mod documents;
mod error;
mod facts;
mod hashing;
mod layer;
mod measuring;
mod options;
mod program;
mod reference;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::documents::{Blob, Nothing, Runtime, Texts};
use self::facts::Enclave;
use self::layer::Contents;
use crate::image::Image;

pub use created::Created;
pub use error::Error;
pub use facts::Flavour;
pub use options::{Owner, Place, Variable};
pub use reference::Reference;

/// What is to be packaged.
#[derive(Debug)]
pub struct Plan {
    /// The enclave image, if there is one.
    pub image: Option<Image>,
    /// A program beside it, or alone.
    pub program: Option<PathBuf>,
    /// The name of the package.
    pub to: Reference,
    /// The time in all of it.
    pub created: Created,
    /// Refuse what can be debugged.
    pub release: bool,
    /// A program and its arguments, separated by blanks; the program alone without.
    pub command: Option<String>,
    /// The environment of a container.
    pub environment: Vec<Variable>,
    /// Who a container runs as; root without.
    pub user: Option<Owner>,
    /// Empty folders of that user.
    pub folders: Vec<Place>,
}

impl Plan {
    /// Of a program, or an image, with nothing special.
    #[must_use]
    pub fn new(image: Option<Image>, program: Option<PathBuf>, to: Reference) -> Self {
        Self {
            image,
            program,
            to,
            created: Created::default(),
            release: false,
            command: None,
            environment: Vec::new(),
            user: None,
            folders: Vec::new(),
        }
    }
}

/// Where a package goes.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// A tar.
    Archive(&'a Path),
    /// A folder that is an image layout.
    Layout(&'a Path),
}

/// What was packaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packaged {
    /// Where it is.
    pub path: PathBuf,
    /// The name of the package.
    pub reference: String,
    /// The digest of the manifest.
    pub manifest: String,
    /// The digest of the configuration.
    pub config: String,
    /// The digest of the layer.
    pub layer: String,
    /// Bytes of the layer.
    pub size: u64,
    /// The enclave's measurement, with its kind.
    #[serde(rename = "mrenclave")]
    pub measurement: Option<String>,
    /// Its signer, with its kind.
    #[serde(rename = "mrsigner")]
    pub signer: Option<String>,
    /// Debug or release.
    pub flavour: Option<Flavour>,
}

/// Writes a package. `progress` is told how many bytes of members more are done.
///
/// # Errors
///
/// [`Error`] for a plan that makes no package; errors of the image and the signature in it; those of
/// writing. What was at the destination before is left alone then.
pub fn write(
    plan: &Plan,
    destination: Destination<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Packaged, crate::Error> {
    let enclave = plan.image.as_ref().map(Enclave::read).transpose()?;
    if let (true, Some(enclave), Some(image)) = (plan.release, &enclave, &plan.image)
        && enclave.flavour() == Flavour::Debug
    {
        let image = image.path().to_owned();
        return Err(Error::Debug { image }.into());
    }
    let mut contents = Contents::default();
    if let (Some(image), Some(enclave)) = (&plan.image, &enclave) {
        contents.add_image(image, enclave.name())?;
    }
    let mut start = enclave.as_ref().map(|enclave| enclave.name().to_owned());
    if let Some(program) = &plan.program {
        let (name, reader) = program::open(program)?;
        contents.add_program(&name, reader)?;
        start = Some(name);
    }
    for folder in &plan.folders {
        contents.add_private(folder.name(), plan.user.unwrap_or_default())?;
    }
    let runtime = runtime(plan, &contents, start)?;
    let package = Package {
        plan,
        enclave,
        contents,
        runtime,
    };
    let (path, written) = match destination {
        Destination::Archive(path) => (path, destination::archive(path, &package, progress)?),
        Destination::Layout(path) => (path, destination::layout(path, &package, progress)?),
    };
    let enclave = package.enclave.as_ref();
    Ok(Packaged {
        path: path.to_owned(),
        reference: plan.to.to_string(),
        manifest: written.manifest.digest(),
        config: written.config.digest(),
        layer: written.layer.digest(),
        size: written.layer.size,
        measurement: enclave.map(|enclave| enclave.measurement().to_string()),
        signer: enclave.map(|enclave| enclave.signer().to_string()),
        flavour: enclave.map(Enclave::flavour),
    })
}

/// A package whose parts are known but for what its layer comes to.
struct Package<'a> {
    plan: &'a Plan,
    enclave: Option<Enclave<'a>>,
    contents: Contents<'a>,
    runtime: Runtime,
}

/// The documents beside a layer.
struct Documents {
    config: Vec<u8>,
    manifest: Vec<u8>,
    index: Vec<u8>,
    docker: Vec<u8>,
}

/// The blobs that were written.
struct Written {
    layer: Blob,
    config: Blob,
    manifest: Blob,
}

impl Package<'_> {
    /// Writes the layer, and makes the documents that go with it.
    fn layer(
        &self,
        out: impl std::io::Write,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Documents, Written), crate::Error> {
        let created = self.plan.created;
        let (layer, stream) = self.contents.write(out, path, created, progress)?;
        let mut annotations = facts::common(&self.plan.to, created);
        if let Some(enclave) = &self.enclave {
            let stream = stream.map_err(crate::Error::of_file(enclave.stream()))?;
            enclave.check(&stream)?;
            annotations.extend(enclave.annotations(&stream));
        }
        Ok(self.documents(annotations, layer))
    }

    fn documents(&self, annotations: Texts, layer: Blob) -> (Documents, Written) {
        let to = &self.plan.to;
        let runtime = Runtime {
            labels: annotations.clone(),
            ..self.runtime.clone()
        };
        let config = documents::config(&runtime, self.plan.created, &layer);
        let config_blob = Blob::of(&config);
        let manifest = documents::manifest(&annotations, config_blob, layer);
        let manifest_blob = Blob::of(&manifest);
        let documents = Documents {
            index: documents::index(names(to), manifest_blob),
            docker: documents::docker(&to.to_string(), &config_blob, &layer),
            config,
            manifest,
        };
        let written = Written {
            layer,
            config: config_blob,
            manifest: manifest_blob,
        };
        (documents, written)
    }
}

/// The names of an image in an index, as those who read one look for them.
fn names(to: &Reference) -> Texts {
    Texts::from([
        ("io.containerd.image.name".to_owned(), to.full()),
        (
            "org.opencontainers.image.ref.name".to_owned(),
            to.tag().to_owned(),
        ),
    ])
}

/// How a container is started.
fn runtime(
    plan: &Plan,
    contents: &Contents<'_>,
    start: Option<String>,
) -> Result<Runtime, crate::Error> {
    let default = start.map(|program| format!("/{program}"));
    let command = plan.command.clone().or(default).unwrap_or_default();
    let mut words = command.split_whitespace().map(str::to_owned);
    let program = words.next();
    let is_there = |program: &String| {
        let name = program.strip_prefix('/');
        name.is_some_and(|name| contents.has_program(name))
    };
    if !program.as_ref().is_some_and(is_there) {
        // Nobody has to look at an option that was not given.
        if let (None, Some(image), Some(name)) = (&plan.command, &plan.image, &program) {
            return Err(crate::image::Error::Missing {
                path: image.path().to_owned(),
                name: name.trim_start_matches('/').to_owned(),
            }
            .into());
        }
        return Err(Error::Option {
            option: "--command",
            value: command.clone(),
            what: "does not begin with the absolute path of a program in the package",
        }
        .into());
    }
    let volumes = plan.folders.iter().map(Place::absolute);
    Ok(Runtime {
        cmd: words.collect(),
        entrypoint: program.into_iter().collect(),
        env: plan
            .environment
            .iter()
            .map(|variable| variable.as_str().to_owned())
            .collect(),
        labels: Texts::new(),
        user: plan.user.map(|user| user.to_string()).unwrap_or_default(),
        volumes: volumes.map(|path| (path, Nothing {})).collect(),
        working_dir: "/".to_owned(),
    })
}

impl fmt::Display for Packaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "package      {}", self.path.display())?;
        writeln!(f, "name         {}", self.reference)?;
        writeln!(f, "manifest     {}", self.manifest)?;
        writeln!(f, "config       {}", self.config)?;
        writeln!(f, "layer        {}, {} bytes", self.layer, self.size)?;
        let (Some(measurement), Some(signer), Some(flavour)) =
            (&self.measurement, &self.signer, self.flavour)
        else {
            return f.write_str("measurement  none: no enclave is in it");
        };
        writeln!(f, "measurement  {measurement}")?;
        writeln!(f, "signer       {signer}")?;
        match flavour {
            Flavour::Debug => f.write_str("flavour      debug: whoever runs it may read its memory"),
            Flavour::Release => f.write_str(
                "flavour      release; on the simulated platform whoever runs it may read its memory too",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
