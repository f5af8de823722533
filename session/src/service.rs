//! Services: programs that CAS lets in, and what it gives them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sgx::{Digest, Kind, Mrenclave};

use super::values::{FspfKey, Hex16, Hex32, OneOrMany};

/// A program that CAS lets in, and what it is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// With the session's name it makes `SCONE_CONFIG_ID`.
    pub name: String,
    /// An image of the session: its volumes and files are given, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Enclaves with one of these measurements may be this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mrenclaves: Option<Vec<Hex32>>,
    /// The newer way to say so: any of these will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<OneOrMany<Factors>>,
    /// The arguments, the program's name first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// The working folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pwd: Option<String>,
    /// All of the environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The file that protects the file system, inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fspf_path: Option<String>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fspf_key: Option<FspfKey>,
    /// Its tag: the state of all files at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fspf_tag: Option<Hex16>,
    /// In the form before 0.3: names for groups of services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// A command line: split at blanks, unless it's a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Command(pub OneOrMany<String>);

/// What an enclave must be: all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Factors {
    /// It has one of these measurements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mrenclave: Option<OneOrMany<Hex32>>,
    /// It's signed so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
}

/// Who has signed an enclave, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// The signer.
    pub mrsigner: Hex32,
    /// ISVPRODID.
    pub isvprodid: u16,
    /// ISVSVN: just this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isvsvn: Option<u16>,
    /// At least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isvsvn_min: Option<u16>,
    /// At most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isvsvn_max: Option<u16>,
}

impl Service {
    /// The measurements that it names, with their kind. Only who has them from SCONE's own tools knows
    /// whether they are right.
    pub fn measurements(&self) -> impl Iterator<Item = Digest> {
        let variants = self.attestation.iter().flat_map(OneOrMany::as_slice);
        let newer = variants.filter_map(|factors| factors.mrenclave.as_ref());
        let older = self.mrenclaves.iter().flatten();
        let all = older.chain(newer.flat_map(OneOrMany::as_slice));
        all.map(|digest| Digest::Mrenclave(Kind::Scone, Mrenclave(digest.0)))
    }
}
