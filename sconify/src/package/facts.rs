//! What a package says of the enclave in it: as annotations, and as labels where docker shows them.
//!
//! They repeat what is in the image, for those who look at a registry. Who relies on one of them must
//! compare it with the image: `sconify verify`.

use std::path::PathBuf;

use sgx::sigstruct::{self, Sigstruct, VerifiedSigstruct};
use sgx::{Digest, Kind};

use super::created::Created;
use super::documents::Texts;
use super::measuring::Summary;
use super::reference::Reference;
use crate::Error;
use crate::build::provenance::Provenance;
use crate::image::{self, Image};
use crate::package;

/// More than any provenance that a build writes.
const LARGEST_PROVENANCE: u64 = 16 << 20;

/// What is known of an enclave before its stream is read.
pub(super) struct Enclave<'a> {
    image: &'a Image,
    name: &'a str,
    signature: VerifiedSigstruct,
    provenance: Option<Provenance>,
}

/// Whether the signature allows somebody to debug the enclave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// It does: whoever runs it may read its memory.
    Debug,
    /// It does not.
    Release,
}

impl Flavour {
    /// As it stands in annotations.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

impl<'a> Enclave<'a> {
    /// Reads the small members; the signature has to hold.
    pub(super) fn read(image: &'a Image) -> Result<Self, Error> {
        let name = image.name()?;
        let member = image::signature(name);
        let bytes = image.read(&member, sigstruct::SIZE as u64)?;
        let place = || image.path().join(&member);
        let sigstruct = Sigstruct::parse(&bytes).map_err(sgx::Error::from);
        let sigstruct = sigstruct.map_err(Error::of_file(place()))?;
        let signature = sigstruct.verify().map_err(sgx::Error::from);
        Ok(Self {
            image,
            name,
            signature: signature.map_err(Error::of_file(place()))?,
            provenance: provenance(image)?,
        })
    }

    /// The program's name.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// Where the stream is.
    pub(super) fn stream(&self) -> PathBuf {
        self.image.path().join(image::stream(self.name))
    }

    /// Debug or release.
    pub(super) fn flavour(&self) -> Flavour {
        if self.signature.body().allows_debug() {
            Flavour::Debug
        } else {
            Flavour::Release
        }
    }

    /// The measurement, with its kind.
    pub(super) fn measurement(&self) -> Digest {
        Digest::Mrenclave(Kind::Sim, self.signature.body().mrenclave)
    }

    /// The signer, with its kind.
    pub(super) fn signer(&self) -> Digest {
        Digest::Mrsigner(Kind::Sim, self.signature.mrsigner())
    }

    /// Whether the signature is one of this stream, and the program what the stream measures.
    pub(super) fn check(&self, stream: &Summary) -> Result<(), Error> {
        let (signed, measured) = (self.signature.body().mrenclave, stream.mrenclave);
        if signed == measured {
            return self.check_program(stream);
        }
        let refusal = sigstruct::Refusal::Measurement { signed, measured };
        let place = self.image.path().join(image::signature(self.name));
        Err(Error::of_file(place)(sgx::Error::from(refusal)))
    }

    /// Docker runs the program, and not the pages.
    fn check_program(&self, stream: &Summary) -> Result<(), Error> {
        let Some(measured) = stream.program else {
            return Ok(());
        };
        let program = self.image.path().join(self.name);
        let found = self.image.reader(self.name)?.sha256();
        if found.map_err(Error::io("read", &program))? == measured {
            Ok(())
        } else {
            Err(package::Error::Unmeasured { program }.into())
        }
    }

    /// All of it.
    pub(super) fn annotations(&self, stream: &Summary) -> Texts {
        let mut texts = Texts::from([
            (
                "sconce.flavour".to_owned(),
                self.flavour().word().to_owned(),
            ),
            (
                "sconce.measurement".to_owned(),
                self.measurement().to_string(),
            ),
            (
                "sconce.protection".to_owned(),
                "none: measured for the simulated platform".to_owned(),
            ),
            ("sconce.signer".to_owned(), self.signer().to_string()),
        ]);
        let manifest = stream.manifest.as_ref();
        if let Some(table) = manifest.and_then(|manifest| manifest.table.as_ref()) {
            let digest = format!("sha256:{}", table.sha256);
            texts.insert("sconce.workloads".to_owned(), digest);
        }
        if let Some(provenance) = &self.provenance {
            let digest = format!("sha256:{}", provenance.sources.sha256);
            texts.insert("sconce.source".to_owned(), digest);
            let rustc = provenance.toolchain.rustc.clone();
            texts.insert("sconce.rustc".to_owned(), rustc);
        }
        texts
    }
}

/// What every package says, whatever is in it.
pub(super) fn common(to: &Reference, created: Created) -> Texts {
    let of = |key: &str| format!("org.opencontainers.image.{key}");
    Texts::from([
        (of("created"), created.to_string()),
        (of("title"), to.title().to_owned()),
        (of("version"), to.tag().to_owned()),
    ])
}

/// What the program was built from, if the image says it.
fn provenance(image: &Image) -> Result<Option<Provenance>, Error> {
    if image.member(image::PROVENANCE).is_none() {
        return Ok(None);
    }
    let bytes = image.read(image::PROVENANCE, LARGEST_PROVENANCE)?;
    let provenance = str::from_utf8(&bytes).map_err(|error| error.to_string());
    let provenance = provenance
        .and_then(|text| Provenance::parse(text).map_err(|error| error.to_string()))
        .map_err(|what| image::Error::Layout {
            path: image.path().to_owned(),
            document: image::PROVENANCE.to_owned(),
            what,
        })?;
    Ok(Some(provenance))
}
