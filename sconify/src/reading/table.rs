//! The table of workloads, as the program carries it.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::manifest::Table;

/// Bytes that a table may have: ten thousand workloads.
pub(super) const MAX_LENGTH: u64 = 4 << 20;

/// A function that the program runs for requesters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// By which requesters ask for it.
    pub id: String,
    /// Where the function is.
    pub module: String,
    /// The function's name.
    pub function: String,
    /// What it takes.
    pub inputs: Vec<Input>,
}

/// One thing that a workload takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The parameter's name.
    pub name: String,
    /// Its type.
    pub kind: String,
}

impl Workload {
    /// As in `workloads::hello::hello(name: String)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .map(|input| format!("{}: {}", input.name, input.kind))
            .collect();
        format!("{}::{}({})", self.module, self.function, inputs.join(", "))
    }
}

/// Reads the bytes that stand where `place` says, if they're measured.
pub(super) fn parse(bytes: Option<&[u8]>, place: &Table) -> Result<Vec<Workload>, String> {
    let bytes = bytes.ok_or("the table of workloads does not lie in measured pages")?;
    if bytes.len() as u64 != place.length {
        return Err(format!(
            "the table of workloads has {} bytes: that is far too many",
            place.length
        ));
    }
    let sha256 = hex::encode(digest(&SHA256, bytes));
    if sha256 != place.sha256 {
        return Err(format!(
            "the table of workloads has another digest ({sha256}) than the enclave's manifest says ({})",
            place.sha256
        ));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| format!("the table of workloads can't be read: {error}"))
}
