//! The manifest of an image that lies somewhere.

use sgx::sigstruct::Sigstruct;

use super::{Error, Manifest, Program, TrustedContent};
use crate::config::Config;
use crate::files::format::{self, Entry, Mode, Node};
use crate::image::{self, Image};
use crate::located::Located;

/// What a member may have that is read whole.
const MAX_MEMBER: u64 = 64 << 20;

/// What an image holds, as far as Gramine has to know it.
#[derive(Debug)]
pub struct Contents {
    config: Config,
    content: ([u8; 32], u64),
    debug: bool,
    regions: Vec<String>,
    files: Vec<TrustedContent>,
    left_out: Vec<(String, Mode)>,
}

impl Contents {
    /// Reads an image: its parameters, its signature, its file manifest, and everything that the
    /// manifest of Gramine is to pin. Whether this is what was measured, `sconify verify` says.
    ///
    /// # Errors
    ///
    /// Those of reading the image and what it holds.
    pub fn read(image: &Image) -> Result<Self, crate::Error> {
        let name = image.name()?;
        let config = image.read(image::CONFIG, MAX_MEMBER)?;
        let config = String::from_utf8(config)
            .map_err(|_| manifest_fault(image, Located::text("its enclave.toml is no text")))?;
        let config = Config::parse(&config)?;
        let mut contents = Self {
            content: digest(image, name)?,
            debug: signed_for_debug(image, name)?,
            config,
            regions: Vec::new(),
            files: Vec::new(),
            left_out: Vec::new(),
        };
        if image.member(image::MANIFEST).is_some() {
            contents.read_files(image)?;
        }
        Ok(contents)
    }

    /// The text of Gramine's manifest, with these arguments after the program's name.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] for what can't stand in a manifest.
    pub fn text(&self, arguments: &[String]) -> Result<String, Error> {
        let program = Program {
            config: &self.config,
            content: self.content,
            arguments,
            debug: self.debug,
            regions: &self.regions,
            files: &self.files,
        };
        Manifest::text_for_image(&program).map_err(|fault| Error::Manifest {
            origin: "the manifest".to_owned(),
            fault,
        })
    }

    /// The parameters.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Regions that Gramine can't be given: what is encrypted only we can open, and what isn't
    /// protected it would have to take as it is.
    #[must_use]
    pub fn left_out(&self) -> &[(String, Mode)] {
        &self.left_out
    }

    fn read_files(&mut self, image: &Image) -> Result<(), crate::Error> {
        let bytes = image.read(image::MANIFEST, MAX_MEMBER)?;
        let manifest =
            format::Manifest::decode(&bytes).map_err(|refusal| crate::files::Error::Manifest {
                path: image.path().to_owned(),
                refusal,
            })?;
        for region in manifest.regions() {
            let path = region.path.as_str().to_owned();
            match region.mode {
                Mode::Authenticated => self.regions.push(path),
                mode => self.left_out.push((path, mode)),
            }
        }
        for Entry { path, node } in manifest.entries() {
            let path = path.as_str();
            let region = manifest.region_of(path).map(|region| region.mode);
            if matches!(node, Node::File(_)) && region == Some(Mode::Authenticated) {
                let (sha256, _) = digest(image, &format!("{}{path}", image::FILES))?;
                self.files.push(TrustedContent {
                    path: path.to_owned(),
                    sha256,
                });
            }
        }
        Ok(())
    }
}

fn digest(image: &Image, member: &str) -> Result<([u8; 32], u64), crate::Error> {
    let reader = image.reader(member)?;
    let sha256 = reader
        .sha256()
        .map_err(crate::Error::io("read", image.path().join(member)))?;
    Ok((sha256, reader.len()))
}

/// Whether the image's own signature asks for an enclave that can be debugged. Without one, it doesn't.
fn signed_for_debug(image: &Image, name: &str) -> Result<bool, crate::Error> {
    let member = image::signature(name);
    if image.member(&member).is_none() {
        return Ok(false);
    }
    let bytes = image.read(&member, MAX_MEMBER)?;
    let signature = Sigstruct::parse(&bytes)
        .map_err(|wrong| manifest_fault(image, Located::key(member, wrong.to_string())))?;
    Ok(signature.body().attributes.is_debug())
}

fn manifest_fault(image: &Image, fault: Located) -> Error {
    Error::Manifest {
        origin: image.path().display().to_string(),
        fault,
    }
}
