//! The policies of a drill: files, or samples for its programs.

use std::path::{Path, PathBuf};

use attestation::policy::{Program as Wanted, SgxProgram};
use attestation::{Fingerprint, Policy, Status};
use sconify::terminal::harmless;
use sgx::{Digest, Kind};

use super::programs::Program;
use super::scenario::OLD_ADVISORY;
use crate::commands::quote::read_policy;
use crate::failure::Failure;

/// A policy with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    /// As it stands in the file.
    pub(super) policy: Policy,
    /// The file, if it is no sample.
    pub(super) file: Option<PathBuf>,
}

impl Named {
    /// Three for each program that show how much depends on a policy: by measurement, by signer, and
    /// one that puts up with a platform that is out of date.
    pub(super) fn samples(programs: &[Program]) -> Vec<Self> {
        let named = |word: &str, program: &Program, mut policy: Policy| {
            // Otherwise nothing could be seen of a program that is signed for debugging.
            policy.allow_debug = program.is_debug();
            let name = match programs.len() {
                1 => word.to_owned(),
                _ => format!("{word}-{}", program.name),
            };
            Self {
                name,
                policy,
                file: None,
            }
        };
        let of = |program: &Program| {
            [
                named("pinned", program, pinned(program)),
                named("signed", program, signed(program)),
                named("patient", program, patient(program)),
            ]
        };
        programs.iter().flat_map(of).collect()
    }

    /// What it asks for, in a line.
    pub(super) fn tells(&self) -> String {
        let program = match &self.policy.program {
            Wanted::Sgx(program) => identity(program),
            Wanted::Tdx(_) => "a trust domain".to_owned(),
            _ => "any program".to_owned(),
        };
        let rules = &self.policy.platform;
        let statuses: Vec<_> = rules.statuses.iter().map(|status| status.name()).collect();
        let mut line = format!("{program}; {}", statuses.join(", "));
        if !rules.advisories.is_empty() {
            line += &format!(" despite {}", rules.advisories.join(", "));
        }
        if self.policy.allow_debug {
            line += "; debuggers may look in";
        }
        if let Some(expires) = self.policy.expires {
            line += &format!("; expires {expires}");
        }
        line
    }
}

fn identity(program: &SgxProgram) -> String {
    let several = |count: usize, what: &str| match count {
        1 => what.to_owned(),
        _ => format!("{count} {what}s"),
    };
    let mut words = Vec::new();
    if !program.measurements.is_empty() {
        words.push(several(program.measurements.len(), "measurement"));
    }
    if !program.signers.is_empty() {
        words.push(several(program.signers.len(), "signer"));
    }
    if let Some(product) = program.product {
        words.push(format!("product {product}"));
    }
    if let Some(svn) = program.minimum_svn {
        words.push(format!("SVN {svn} or more"));
    }
    words.join(", ")
}

/// This very program, on a platform without any fault.
fn pinned(program: &Program) -> Policy {
    Policy::strict(Wanted::Sgx(SgxProgram {
        measurements: vec![program.measurement()],
        ..SgxProgram::default()
    }))
}

/// Whatever the signer releases under the product's number: comfortable, and as good as the key is
/// kept.
fn signed(program: &Program) -> Policy {
    Policy::strict(Wanted::Sgx(SgxProgram {
        signers: vec![program.signer()],
        product: Some(program.secs.isv_prod_id),
        minimum_svn: Some(program.secs.isv_svn.saturating_sub(2)),
        ..SgxProgram::default()
    }))
}

/// This very program, on a platform that may lack updates, with the advisory that was known when the
/// policy was written.
fn patient(program: &Program) -> Policy {
    let mut policy = pinned(program);
    policy.platform.statuses = vec![
        Status::UpToDate,
        Status::SwHardeningNeeded,
        Status::OutOfDate,
    ];
    policy.platform.advisories = vec![OLD_ADVISORY.to_owned()];
    policy
}

/// The policy as it judges in a drill: it takes the drill's platform, and digests of other kinds are
/// those of the drill's programs. All else stays.
pub(super) fn rehearsed(policy: &Policy, root: Fingerprint) -> Policy {
    let mut policy = policy.clone();
    policy.allow_sim = true;
    policy.simulated_roots = vec![root];
    if let Wanted::Sgx(program) = &mut policy.program {
        for digest in program.measurements.iter_mut().chain(&mut program.signers) {
            *digest = match *digest {
                Digest::Mrenclave(_, digest) => Digest::Mrenclave(Kind::Sim, digest),
                Digest::Mrsigner(_, digest) => Digest::Mrsigner(Kind::Sim, digest),
            };
        }
    }
    policy
}

/// Reads a policy: JSON if the file is called so, TOML otherwise.
pub(super) fn read(path: &Path) -> Result<Named, Failure> {
    let policy = read_policy(path)?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Named {
        name: harmless(&stem.to_string_lossy()),
        policy,
        file: Some(path.to_owned()),
    })
}
