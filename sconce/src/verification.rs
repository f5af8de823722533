//! Whether a worker is the program that is wanted: asked before anything is encrypted to it.

use std::path::{Path, PathBuf};

use attestation::{Fingerprint, VerifiedEvidence};
use client::policy::{Policy, Program, Rule, SgxProgram};
use client::{CheckedRecord, Client, EvidenceError, Verifier, Worker, WorkerId};
use sconify::build::find_checkout;
use sconify::lock::Lock;
use sconify::terminal::harmless;
use sgx::Digest;

use crate::args::DEFAULT_URI;
use crate::commands::quote::read_policy;
use crate::failure::Failure;
use crate::folders::{self, Exposure};
use crate::platform::{self, Found};
use crate::terminal::Terminal;
use crate::vault::REQUESTER_POLICY;

/// Where a checkout says what its worker measures.
const LOCK: &str = "worker/MRENCLAVE.lock";

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
    /// Verify nothing: encrypt to whatever keys the listener shows.
    #[arg(long, conflicts_with_all = ["policy", "expect_mrenclave", "trust_root"])]
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
            insecure_skip_verify,
        } = self;
        policy.is_some()
            || expect_mrenclave.is_some()
            || !trust_root.is_empty()
            || data_dir.is_some()
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
        Ok(Verification {
            verifier: Verifier::new(policy),
            source,
        })
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
            .map_err(|error| of_client(&what, &error, client.uri()))
    }

    /// The same of a record that is there already.
    pub(crate) fn judge(&self, record: CheckedRecord) -> Result<Worker, client::Error> {
        match self {
            Self::Verified(verification) => Worker::verified(record, &verification.verifier),
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

/// What the client library says, with evidence in the terms of the command line. `uri` is the listener's
/// address.
pub(crate) fn of_client(what: &str, error: &client::Error, uri: &str) -> Failure {
    let client::Error::Evidence { source, .. } = error else {
        return Failure::of_client(what, error);
    };
    let failure = Failure::failed(format_args!(
        "{what} is not verified, and nothing was sent: {}",
        harmless(&source.to_string())
    ));
    let failure = match source.stage() {
        Some(stage) => failure.with("stage", stage.name()),
        None => failure,
    };
    let failure = failure.coded(source.code());
    match advice(source, uri) {
        Some(advice) => failure.advised(advice),
        None => failure.advised(format_args!("see docs/errors/{}.md", source.code())),
    }
}

/// What to do next, where the refusal does not say it.
fn advice(error: &EvidenceError, uri: &str) -> Option<String> {
    match error {
        EvidenceError::Missing => Some(
            "ask its operator for a worker that is attested; --insecure-skip-verify sends all the same, \
             to whoever made the keys"
                .to_owned(),
        ),
        EvidenceError::Root { .. } => Some(match own_platform(uri) {
            Some(folder) => format!(
                "it is your own simulated platform's: --data-dir {} takes the policy that is there",
                folder.display()
            ),
            None => "a simulated platform protects nothing; who takes it all the same gives the policy of \
                     its operator (--policy FILE), or --trust-root with its root"
                .to_owned(),
        }),
        EvidenceError::Keys { .. } => Some(
            "do not send it anything: the listener or somebody behind it shows keys that the worker has \
             not"
            .to_owned(),
        ),
        EvidenceError::Measurement { .. } => Some(
            "after an upgrade the policy has to name the new measurement, if you trust it: see \
             docs/errors/evidence.mrenclave.md"
                .to_owned(),
        ),
        _ => None,
    }
}

/// The data folder of this user's platform, if it has a policy and listens there.
fn own_platform(uri: &str) -> Option<PathBuf> {
    let folder = folders::usual_data().ok()?;
    let policy = folder.join(REQUESTER_POLICY).is_file();
    match platform::look(&folder) {
        Ok(Found::Running(Some(record)))
            if policy && (record.listener == uri || uri == DEFAULT_URI) =>
        {
            Some(folder)
        }
        _ => None,
    }
}

fn of_data_folder(folder: &Path) -> Result<(Policy, String), Failure> {
    let file = folder.join(REQUESTER_POLICY);
    if !file.is_file() {
        return Err(Failure::unusable(format_args!(
            "{} has no {REQUESTER_POLICY} to verify the worker by",
            shown(folder)
        ))
        .advice("`sconce up` writes it there; or give another policy: --policy FILE"));
    }
    refuse_trap(&file)?;
    Ok((read_policy(&file)?, shown(&file)))
}

/// The measurement that the sources around this command, or around the working directory, are locked to.
fn of_checkout() -> Result<(Policy, String), Failure> {
    let no_policy = |why: String| {
        Failure::unusable(format_args!("there is no policy to verify the worker by: {why}")).advice(
            "give one: --policy FILE, --data-dir FOLDER of a platform of yours, or --expect-mrenclave \
             DIGEST; without verification: --insecure-skip-verify",
        )
    };
    let here = std::env::current_dir().map_err(Failure::failed)?;
    let checkout = find_checkout(&here)
        .or_else(|error| match std::env::current_exe() {
            Ok(program) => find_checkout(&program).map_err(|_| error),
            Err(_) => Err(error),
        })
        .map_err(|error| no_policy(error.to_string()))?;
    let file = checkout.join(LOCK);
    let lock = Lock::read(&file).map_err(|error| no_policy(error.to_string()))?;
    refuse_trap(&file)?;
    refuse_trap(&checkout)?;
    let wanted = measurement(&lock.mrenclave)
        .map_err(|fault| no_policy(format!("{}: {fault}", shown(&file))))?;
    Ok((pinned(wanted), shown(&file)))
}

/// A file that was only found says whom to trust: nobody else may have put it there.
fn refuse_trap(path: &Path) -> Result<(), Failure> {
    let exposure = Exposure::of(path).map_err(|error| {
        Failure::unusable(format_args!("{} cannot be read: {error}", shown(path)))
    })?;
    let what = if exposure.is_foreign {
        "belongs to another user"
    } else if exposure.is_open {
        "can be written to by everybody"
    } else {
        return Ok(());
    };
    Err(
        Failure::unusable(format_args!("{} {what}", shown(path))).advice(
            "it says which worker is trusted: if you trust what it says, name the policy with --policy FILE",
        ),
    )
}

/// The strictest policy for a measurement.
fn pinned(wanted: Digest) -> Policy {
    Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![wanted],
        ..SgxProgram::default()
    }))
}

/// What a policy takes of a measurement alone.
fn narrowed(program: Program, wanted: Digest, source: &str) -> Result<Program, Failure> {
    let program = match program {
        Program::Sgx(program) => program,
        Program::Any => SgxProgram::default(),
        _ => {
            return Err(Failure::unusable(format_args!(
                "--expect-mrenclave is for enclaves, and {source} for trust domains"
            )));
        }
    };
    let takes = program
        .measurements
        .iter()
        .any(|one| bytes(one) == bytes(&wanted));
    if !program.measurements.is_empty() && !takes {
        return Err(Failure::unusable(format_args!(
            "--expect-mrenclave {wanted} is not among the measurements that {source} takes"
        )));
    }
    Ok(Program::Sgx(SgxProgram {
        measurements: vec![wanted],
        ..program
    }))
}

/// A digest without its kind.
const fn bytes(digest: &Digest) -> &[u8; 32] {
    match digest {
        Digest::Mrenclave(_, mrenclave) => &mrenclave.0,
        Digest::Mrsigner(_, mrsigner) => &mrsigner.0,
    }
}

fn measurement(text: &str) -> Result<Digest, String> {
    match text.parse() {
        Ok(digest @ Digest::Mrenclave(..)) => Ok(digest),
        Ok(Digest::Mrsigner(..)) => Err("it is a signer, and no measurement".to_owned()),
        Err(_) => Err(
            "expected a measurement with its kind: sgx:mrenclave: or sim:mrenclave:, and 64 hex digits"
                .to_owned(),
        ),
    }
}

fn root(text: &str) -> Result<Fingerprint, String> {
    text.parse()
        .map_err(|fault: attestation::NotAFingerprint| fault.to_string())
}

fn shown(path: &Path) -> String {
    harmless(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use sgx::{Kind, Mrenclave};

    use super::*;

    fn digest(kind: Kind, byte: u8) -> Digest {
        Digest::Mrenclave(kind, Mrenclave([byte; 32]))
    }

    #[test]
    fn an_expectation_narrows_a_policy_and_widens_none() {
        let both = Program::Sgx(SgxProgram {
            measurements: vec![digest(Kind::Sim, 1), digest(Kind::Sim, 2)],
            product: Some(1),
            ..SgxProgram::default()
        });
        let Program::Sgx(narrow) = narrowed(both.clone(), digest(Kind::Sgx, 2), "p").unwrap()
        else {
            unreachable!("it stays an enclave");
        };
        assert_eq!(narrow.measurements, [digest(Kind::Sgx, 2)]);
        assert_eq!(narrow.product, Some(1));
        let fault = narrowed(both, digest(Kind::Sim, 3), "p").unwrap_err();
        assert!(fault.to_string().contains("not among"), "{fault}");
        let any = narrowed(Program::Any, digest(Kind::Sim, 3), "p").unwrap();
        assert!(matches!(any, Program::Sgx(program) if program.measurements.len() == 1));
    }

    #[test]
    fn measurements_and_roots_say_their_kind() {
        assert!(measurement(&digest(Kind::Sim, 7).to_string()).is_ok());
        for text in [
            "",
            &"07".repeat(32),
            &digest(Kind::Sim, 7).to_string()[..70],
        ] {
            assert!(measurement(text).is_err(), "{text}");
        }
        let signer = format!("sim:mrsigner:{}", "07".repeat(32));
        assert!(measurement(&signer).unwrap_err().contains("signer"));
        assert!(root(&"07".repeat(32)).is_err());
        assert!(root(&format!("sim:{}", "07".repeat(32))).is_ok());
    }
}
