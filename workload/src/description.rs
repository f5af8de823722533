//! What is known of a workload at compile time.

use std::time::Duration;

use crate::{Context, Failure};

/// One workload of the program's table, as [`macro@crate::workload`] describes it.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The id by which requesters name it, such as `python-fib`.
    pub id: &'static str,
    /// The function's doc text, lines separated by `\n`.
    pub doc: &'static str,
    /// The function's parameters in order, without the context.
    pub inputs: &'static [Input],
    /// What the workload says that it needs.
    pub capabilities: Capabilities,
    /// How long one call may take.
    pub time_limit: Duration,
    /// Reads the inputs, calls the function and turns its answer into bytes.
    pub run: Run,
}

/// Runs a workload on the plaintext items of a work order, sorted by index.
pub type Run = fn(&Context<'_>, &[&[u8]]) -> Result<Vec<u8>, Failure>;

/// One parameter of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// The parameter's name.
    pub name: &'static str,
    /// Its Rust type as it is written, such as `String` or `u64`.
    pub kind: &'static str,
}

/// What a workload says that it needs beyond its inputs.
///
/// Declarations: they are recorded with the measured table and shown to whoever reviews it. They
/// do not open or close anything by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Talks to the network.
    pub network: bool,
    /// Uses secrets that its requester has deposited.
    pub secrets: bool,
    /// Reads or writes files.
    pub files: bool,
}

impl Capabilities {
    /// A pure function of its inputs.
    pub const NONE: Self = Self {
        network: false,
        secrets: false,
        files: false,
    };

    /// The declared ones by the name that the attribute has for them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.network, "network"),
            (self.secrets, "secrets"),
            (self.files, "files"),
        ]
        .into_iter()
        .filter_map(|(declared, name)| declared.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_what_is_declared() {
        let some = Capabilities {
            files: true,
            network: true,
            ..Capabilities::NONE
        };
        assert_eq!(some.names().collect::<Vec<_>>(), ["network", "files"]);
        assert_eq!(Capabilities::NONE.names().count(), 0);
    }
}
