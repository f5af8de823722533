//! Whether a worker is the program that is wanted: asked before anything is encrypted to it.

pub(crate) mod directory;
mod policy;
mod refusal;

use std::path::{Path, PathBuf};

use attestation::{Fingerprint, VerifiedEvidence};
use client::policy::{Policy, Rule};
use client::{CheckedRecord, Client, Verifier, Worker, WorkerId};
use sgx::Digest;

use self::policy::{measurement, narrowed, of_checkout, of_data_folder, pinned, root, shown};
use crate::commands::quote::read_policy;
use crate::failure::Failure;
use crate::folders;
use crate::terminal::Terminal;

pub(crate) use self::refusal::{of_client, of_look};

/// What a worker's evidence has to show.
#[derive(clap::Args)]
#[command(next_help_heading = "Verification of the worker")]
pub(crate) struct VerifyArgs {
    /// The policy for its evidence: TOML, or JSON if the file's name ends so [default:
    /// requester-policy.toml in the folder of --data-dir; without one, the measurement in the
    /// checkout's worker/MRENCLAVE.lock, on a platform of Intel's].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The measurement that it has to have, as in sgx:mrenclave: and 64 hex digits. With --policy or
    /// --data-dir both have to take it.
    #[arg(long, value_name = "DIGEST", value_parser = measurement)]
    expect_mrenclave: Option<Digest>,
    /// Take evidence of the simulated platform with this root too (sim: and 64 hex digits). It protects
    /// nothing. May be given several times.
    #[arg(long, value_name = "ROOT", value_parser = root)]
    trust_root: Vec<Fingerprint>,
    /// The data folder of a platform of this machine, whose policy is taken.
    #[arg(
        long,
        env = folders::DATA_DIR,
        hide_env_values = true,
        value_name = "FOLDER"
    )]
    data_dir: Option<PathBuf>,
    /// The directory that has to publish the worker's keys: a file such as directory.json, which `sconce up`
    /// writes [default: that in the folder of --data-dir, if there is one].
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Take keys that no directory publishes, even if --data-dir has one: others may be shown other keys.
    #[arg(long, conflicts_with = "directory")]
    insecure_skip_directory: bool,
    /// Verify nothing: encrypt to whatever keys the listener shows.
    #[arg(long, conflicts_with_all = ["policy", "expect_mrenclave", "trust_root", "directory"])]
    insecure_skip_verify: bool,
}

/// What is asked of workers.
pub(crate) enum Requirement {
    /// Evidence that a policy takes.
    Verified(Box<Verification>),
    /// Nothing, because the user said so.
    Skipped,
}

/// A verifier, and where its policy comes from.
pub(crate) struct Verification {
    verifier: Verifier,
    source: String,
}

impl VerifyArgs {
    /// What is asked of workers, from options and files.
    pub(crate) fn requirement(&self) -> Result<Requirement, Failure> {
        if self.insecure_skip_verify {
            return Ok(Requirement::Skipped);
        }
        self.verification()
            .map(|verification| Requirement::Verified(Box::new(verification)))
    }

    /// Whether the user said anything about it.
    pub(crate) fn is_asked_for(&self) -> bool {
        let Self {
            policy,
            expect_mrenclave,
            trust_root,
            data_dir,
            directory,
            insecure_skip_directory,
            insecure_skip_verify,
        } = self;
        policy.is_some()
            || expect_mrenclave.is_some()
            || !trust_root.is_empty()
            || data_dir.is_some()
            || directory.is_some()
            || *insecure_skip_directory
            || *insecure_skip_verify
    }

    fn verification(&self) -> Result<Verification, Failure> {
        let (mut policy, source) = self.base()?;
        if let Some(wanted) = self.expect_mrenclave {
            policy.program = narrowed(policy.program, wanted, &source)?;
        }
        if !self.trust_root.is_empty() {
            policy.allow_sim = true;
            policy.simulated_roots.extend(&self.trust_root);
        }
        let verifier = Verifier::new(policy);
        let verifier = match self.directory_file() {
            Some(file) => verifier.with_directory(directory::lookup(&file)?),
            None => verifier,
        };
        Ok(Verification { verifier, source })
    }

    /// The file that says which directory, if one is to be asked.
    fn directory_file(&self) -> Option<PathBuf> {
        if self.insecure_skip_directory {
            return None;
        }
        let own = || directory::of_platform(self.data_dir.as_deref()?);
        self.directory.clone().or_else(own)
    }

    /// The policy that the other options add to, and where it comes from.
    fn base(&self) -> Result<(Policy, String), Failure> {
        if let Some(file) = &self.policy {
            return Ok((read_policy(file)?, shown(file)));
        }
        if let Some(folder) = &self.data_dir {
            return of_data_folder(folder);
        }
        match self.expect_mrenclave {
            Some(wanted) => Ok((pinned(wanted), "--expect-mrenclave".to_owned())),
            None => of_checkout(),
        }
    }
}

impl Requirement {
    /// What a platform's own policy asks, which is in its data folder.
    pub(crate) fn of_platform(folder: &Path) -> Result<Self, Failure> {
        let (policy, source) = of_data_folder(folder)?;
        let verifier = Verifier::new(policy);
        let verifier = match directory::of_platform(folder) {
            Some(file) => verifier.with_directory(directory::lookup(&file)?),
            None => verifier,
        };
        let verification = Verification { verifier, source };
        Ok(Self::Verified(Box::new(verification)))
    }

    /// A worker that orders may be sent to; `name` is what the user calls it.
    pub(crate) async fn worker(
        &self,
        client: &Client,
        id: &WorkerId,
        name: &str,
    ) -> Result<Worker, Failure> {
        let what = format!("worker {name}");
        let record = client
            .checked_record(id)
            .await
            .map_err(|error| Failure::of_client(&what, &error))?;
        self.judge(record)
            .await
            .map_err(|error| of_client(&what, &error, client.uri()))
    }

    /// The same of a record that is there already.
    pub(crate) async fn judge(&self, record: CheckedRecord) -> Result<Worker, client::Error> {
        match self {
            Self::Verified(verification) => Worker::verified(record, &verification.verifier).await,
            Self::Skipped => Ok(Worker::unverified(record)),
        }
    }

    /// Where the policy comes from; nothing if there is none.
    pub(crate) fn source(&self) -> Option<&str> {
        match self {
            Self::Verified(verification) => Some(&verification.source),
            Self::Skipped => None,
        }
    }
}

/// Says in a line each what is left to believe, before something is sent to a worker.
pub(crate) fn warn(worker: &Worker, terminal: &Terminal) {
    if worker.evidence().is_none() {
        terminal.warn("the worker is not verified (--insecure-skip-verify)");
    }
    for gap in worker.not_proved() {
        terminal.warn(gap);
    }
}

/// The measurement that evidence shows, with its kind.
pub(crate) fn measurement_of(evidence: &VerifiedEvidence) -> Option<String> {
    let findings = evidence.verdict().findings();
    let measured = |rule| matches!(rule, Rule::Measurement | Rule::Mrtd);
    let finding = findings.iter().find(|finding| measured(finding.rule))?;
    Some(finding.claim.clone())
}

/// Where a worker's keys are published, as `--json` shows it; null if no directory was asked.
pub(crate) fn published_view(worker: &Worker) -> serde_json::Value {
    let Some(published) = worker.published() else {
        return serde_json::Value::Null;
    };
    serde_json::json!({
        "realm": published.realm,
        "generation": published.generation,
        "epoch": published.epoch,
        "root": hex::encode(published.root),
        "witnesses": published.witnesses,
        "auditors": published.auditors,
    })
}

/// What was verified, as `--json` shows it; null of an unverified worker.
pub(crate) fn view(evidence: Option<&VerifiedEvidence>) -> serde_json::Value {
    use crate::commands::quote::view;
    let Some(evidence) = evidence else {
        return serde_json::Value::Null;
    };
    serde_json::json!({
        "claims": view::claims(evidence.claims()),
        "rules": evidence.verdict().findings().iter().map(view::finding).collect::<Vec<_>>(),
        "expires": evidence.expires().to_string(),
    })
}
