//! Outside vectors of quotes: evidence, and what has to become of it.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::vectors;

/// Evidence, under one root and at one time.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The quote.
    pub quote: Vec<u8>,
    /// Its collateral, JSON.
    pub collateral: Vec<u8>,
    /// The only trusted root, DER.
    pub root: Vec<u8>,
    /// Whether that is Intel's.
    pub intel: bool,
    /// The time of verification, in seconds since 1970.
    pub now: u64,
    /// What has to become of it.
    pub expected: Expected,
    /// Whether the peer that the vectors were checked with, dcap-qvl, accepted it.
    pub peer_accepts: bool,
}

/// What has to become of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It is genuine, and says this.
    Accept {
        /// The status of platform and quoting enclave.
        status: String,
        /// The advisories that apply.
        advisories: Vec<String>,
    },
    /// It is refused.
    Reject {
        /// At this check.
        stage: String,
    },
    /// Either, by a rule that the format leaves open.
    Any,
}

/// The cases, if there are vectors here.
///
/// # Panics
///
/// If they are not in their form.
pub fn cases() -> Option<Vec<Case>> {
    let folder = vectors::folder("sgx")?.join("quotes");
    let text = fs::read(folder.join("cases.json")).expect("cases.json is there");
    let listed: Vec<Listed> = serde_json::from_slice(&text).expect("cases.json is in its form");
    Some(listed.into_iter().map(|one| one.load(&folder)).collect())
}

/// The case of that name.
///
/// # Panics
///
/// If there is none.
pub fn case(cases: &[Case], name: &str) -> Case {
    let found = cases.iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("no case {name}")).clone()
}

/// A case as it is listed. Members that only say what it is about are not read.
#[derive(Deserialize)]
struct Listed {
    name: String,
    quote: String,
    collateral: String,
    root: String,
    now: u64,
    expect: String,
    status: Option<String>,
    advisory_ids: Option<Vec<String>>,
    stage: Option<String>,
    dcap_qvl: Peer,
}

#[derive(Deserialize)]
struct Peer {
    ok: bool,
}

impl Listed {
    fn load(self, folder: &Path) -> Case {
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
        };
        let expected = match (&self.expect[..], self.status, self.stage) {
            ("accept", Some(status), None) => Expected::Accept {
                status,
                advisories: self.advisory_ids.unwrap_or_default(),
            },
            ("reject", None, Some(stage)) => Expected::Reject { stage },
            ("any", None, _) => Expected::Any,
            (other, ..) => panic!("{}: expect `{other}`, with other members", self.name),
        };
        Case {
            quote: read(&self.quote),
            collateral: read(&self.collateral),
            root: read(&self.root),
            intel: self.root == "intel-root.der",
            name: self.name,
            now: self.now,
            expected,
            peer_accepts: self.dcap_qvl.ok,
        }
    }
}
