//! What stands beside the stream in an image. None of it is measured.

use sgx::sigstruct::Sigstruct;

use crate::build::Provenance;
use crate::config::{self, Config};
use crate::image::{self, Image};
use crate::symbols::Symbols;

/// Longer files of their kind no image has.
const MAX_SYMBOLS: u64 = 256 << 20;
const MAX_PROVENANCE: u64 = 16 << 20;

/// An image but for its stream. What is missing is `None`; what is there and can't be used is a
/// fault.
#[derive(Debug)]
pub struct Beside {
    /// The image.
    pub image: Image,
    /// The program's name.
    pub program: String,
    /// Who signed it; unchecked.
    pub sigstruct: Option<Sigstruct>,
    /// The parameters as they were given.
    pub config: Option<Config>,
    /// Functions and variables; none if the image has no file of them.
    pub symbols: Symbols,
    /// What it was made of and with.
    pub provenance: Option<Provenance>,
    /// Members that can't be used, and why.
    pub faults: Vec<(String, String)>,
}

impl Beside {
    pub(super) fn of(image: Image) -> Result<Self, image::Error> {
        let program = image.name()?.to_owned();
        let mut faults = Vec::new();
        let signature = image::signature(&program);
        let sigstruct = part(&image, &signature, 1 << 16, &mut faults, |bytes| {
            Sigstruct::parse(bytes).map_err(|error| error.to_string())
        });
        let config = part(
            &image,
            image::CONFIG,
            config::MAX_LENGTH as u64,
            &mut faults,
            |bytes| Config::parse(text(bytes)?).map_err(|error| error.to_string()),
        );
        let symbols = part(&image, image::SYMBOLS, MAX_SYMBOLS, &mut faults, |bytes| {
            Symbols::parse(text(bytes)?).map_err(|error| error.to_string())
        });
        let provenance = part(
            &image,
            image::PROVENANCE,
            MAX_PROVENANCE,
            &mut faults,
            |bytes| Provenance::parse(text(bytes)?).map_err(|error| error.to_string()),
        );
        Ok(Self {
            image,
            program,
            sigstruct,
            config,
            symbols: symbols.unwrap_or_default(),
            provenance,
            faults,
        })
    }

    /// Members for people and other tools, which whoever carries the image can change unnoticed.
    #[must_use]
    pub fn informative(&self) -> Vec<&'static str> {
        let mut members = INFORMATIVE.to_vec();
        members.retain(|member| self.image.member(member).is_some());
        members
    }

    /// Members that are no part of an enclave image, such as the host's program in a package.
    #[must_use]
    pub fn foreign(&self) -> Vec<&str> {
        let (stream, signature) = (
            image::stream(&self.program),
            image::signature(&self.program),
        );
        let own = [
            self.program.as_str(),
            &stream,
            &signature,
            image::CONFIG,
            image::MANIFEST,
        ];
        let brings_files = self.image.member(image::MANIFEST).is_some();
        let is_own = |name: &str| {
            let is_file = name
                .strip_prefix(image::FILES)
                .is_some_and(|rest| rest.starts_with('/'));
            own.contains(&name) || INFORMATIVE.contains(&name) || brings_files && is_file
        };
        let names = self.image.members().map(|(name, _)| name);
        names.filter(|name| !is_own(name)).collect()
    }
}

/// What images have for people and other tools.
const INFORMATIVE: [&str; 4] = [
    image::SYMBOLS,
    image::PROVENANCE,
    image::GRAMINE,
    image::SCONE,
];

fn part<T>(
    image: &Image,
    member: &str,
    limit: u64,
    faults: &mut Vec<(String, String)>,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Option<T> {
    image.member(member)?;
    let bytes = image.read(member, limit).map_err(|error| error.to_string());
    match bytes.and_then(|bytes| parse(&bytes)) {
        Ok(value) => Some(value),
        Err(fault) => {
            faults.push((member.to_owned(), fault));
            None
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|error| format!("it is no text: {error}"))
}
