//! What the process of a measured program may ask of the operating system.
//!
//! A real enclave can ask nothing at all of it. Here the program runs as a process, and needs memory,
//! threads, time and the descriptors that it was given; everything else is denied with EPERM, as if it
//! did not exist. Four mechanisms, each of which an ordinary user may use:
//!
//! - *no new privileges*: no program that it might execute has more rights than itself;
//! - *no capabilities*: that of root, too, has none of the rights that make root what it is;
//! - *Landlock*: nothing of the file system, no TCP, no signals to others. It is what keeps the program
//!   from executing another: seccomp can't tell the first execution, which starts it, from a second;
//! - *seccomp*: an [allow-list](filter) of system calls, without those that open, connect, trace or mount,
//!   and without any way to make new executable memory.

mod filter;

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetError, RulesetStatus, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use seccompiler::BpfProgram;

use super::Error;

/// What is asked of Landlock: that of Linux 6.12. Of older kernels it enforces what they know.
const LANDLOCK: ABI = ABI::V6;

/// Which program it is for: they need different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// It uses what it was given.
    Worker,
    /// It also takes connections, on sockets that it was given.
    Vault,
}

/// The sandbox, ready to be entered by a thread.
#[derive(Debug)]
pub(super) struct Sandbox {
    filters: [BpfProgram; 2],
}

impl Sandbox {
    pub(super) fn new(profile: Profile) -> Result<Self, Error> {
        let filters = filter::filters(profile).map_err(|error| Error::Sandbox {
            part: SECCOMP,
            why: error.to_string(),
        })?;
        Ok(Self { filters })
    }

    /// Puts the calling thread into it, and whatever that starts from now on. There is no way back.
    pub(super) fn enter(&self) -> Result<(), Error> {
        let landlock = restrict().map_err(|error| Error::Sandbox {
            part: "Landlock",
            why: error.to_string(),
        })?;
        match landlock {
            RulesetStatus::FullyEnforced => {}
            RulesetStatus::PartiallyEnforced => tracing::info!(
                "this kernel is older than 6.12: seccomp alone keeps the program from TCP or from signals"
            ),
            RulesetStatus::NotEnforced => tracing::warn!(
                "this kernel has no Landlock: nothing keeps the program from executing files of the host"
            ),
        }
        drop_capabilities().map_err(|error| Error::Sandbox {
            part: "capabilities",
            why: error.to_string(),
        })?;
        self.filters.iter().try_for_each(|filter| {
            seccompiler::apply_filter(filter).map_err(|error| Error::Sandbox {
                part: SECCOMP,
                why: error.to_string(),
            })
        })
    }
}

const SECCOMP: &str = "seccomp";

/// Landlock without a single exception. It sets "no new privileges" too.
fn restrict() -> Result<RulesetStatus, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Gives up this thread's. Executing something gives none back, not even to root: there are no new
/// privileges by now.
fn drop_capabilities() -> io::Result<()> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, none)?)
}
