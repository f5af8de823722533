//! `sconce verify`: a verdict on a worker, for people.

use attestation::{Claims, Origin, Verdict};
use client::{CheckedRecord, NotProved, Worker};
use protocol::crypto::sha256;
use sconify::terminal::harmless;
use serde_json::{Value, json};
use sgx::quote::Body;
use sgx::{Digest, Kind};

use crate::args::ListenerArgs;
use crate::commands::quote::view;
use crate::commands::worker::id_of;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::verification::{self, Requirement, VerifyArgs};

/// Verify a worker's evidence, and say what it shows and what it does not.
///
/// Nothing is sent but a question for the worker's record. Exit status 0: the program that the policy
/// names holds the keys in it. Exit status 1: it does not, or nothing shows that it does.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce verify scone-worker-1 --policy requester-policy.toml
  sconce verify scone-worker-1 --data-dir ~/.local/share/sconce
  sconce verify scone-worker-1 --expect-mrenclave sgx:mrenclave:<64 hex digits> --json")]
pub(crate) struct Args {
    /// The worker's name, or its id (64 hex digits).
    worker: String,
    #[command(flatten)]
    listener: ListenerArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    verify: VerifyArgs,
}

/// Verifies; what is found goes to standard output, a refusal to standard error too.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let (value, text, outcome) = match judge(&args).await {
        Ok(judged) => judged.shown(&args.worker),
        Err(failure) => (failure.to_json(), String::new(), Err(failure)),
    };
    if args.json {
        terminal.print_json(&value);
    } else if !text.is_empty() {
        terminal.print(text.trim_end());
    }
    outcome
}

/// What came of a worker whose record can be used.
enum Judged {
    Accepted {
        worker: Worker,
        policy: String,
    },
    Refused {
        failure: Failure,
        verdict: Option<Verdict>,
        policy: String,
    },
}

async fn judge(args: &Args) -> Result<Judged, Failure> {
    let requirement = args.verify.requirement()?;
    let Requirement::Verified(_) = requirement else {
        return Err(
            Failure::unusable("--insecure-skip-verify leaves nothing to verify")
                .advice("`sconce worker show` shows a record without a verdict"),
        );
    };
    let policy = requirement.source().unwrap_or_default().to_owned();
    let what = format!("worker {}", args.worker);
    let failure = |error| Failure::of_client(&what, &error);
    let client = args.listener.connect().map_err(failure)?;
    let id = id_of(&args.worker);
    let record: CheckedRecord = client.checked_record(&id).await.map_err(failure)?;
    Ok(match requirement.judge(record).await {
        Ok(worker) => Judged::Accepted { worker, policy },
        Err(error) => Judged::Refused {
            failure: verification::of_look(&what, &error, client.uri()),
            verdict: match &error {
                client::Error::Evidence { source, .. } => source.verdict().cloned(),
                _ => None,
            },
            policy,
        },
    })
}

/// What no evidence shows, of whatever platform and under whatever policy.
const NEVER_PROVED: [&str; 3] = [
    "that the program is free of faults: its measurement says which program it is, and its sources say \
     what that does",
    "that the worker answers: the listener, the manager and its host can keep orders and answers back",
    "that it runs at this moment: the evidence was made when the worker got its keys, which never leave \
     programs of this measurement",
];

impl Judged {
    /// As JSON, as text, and as what the command ends with.
    fn shown(self, name: &str) -> (Value, String, Result<(), Failure>) {
        match self {
            Self::Accepted { worker, policy } => (
                accepted_json(&worker, &policy),
                accepted(&worker, name, &policy),
                Ok(()),
            ),
            Self::Refused {
                failure,
                verdict,
                policy,
            } => {
                let mut value = failure.to_json();
                value["verdict"] = "refused".into();
                value["policy"] = policy.as_str().into();
                value["rules"] = verdict.as_ref().map(rules).into();
                let mut text =
                    format!("Refused: do not send secrets to {name}\nPolicy       {policy}\n");
                if let Some(verdict) = &verdict {
                    text += &format!("\n{}", view::rules(verdict));
                }
                (value, text, Err(failure))
            }
        }
    }
}

fn rules(verdict: &Verdict) -> Value {
    verdict.findings().iter().map(view::finding).collect()
}

fn accepted_json(worker: &Worker, policy: &str) -> Value {
    let gaps = worker.not_proved();
    json!({
        "verdict": "accepted",
        "workerId": worker.id(),
        "policy": policy,
        "evidence": verification::view(worker.evidence()),
        "keys": {
            "verification": fingerprint(worker.verification_key().pem()),
            "encryption": fingerprint(worker.encryption_key().pem()),
        },
        "directory": verification::published_view(worker),
        "notProved": gaps.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "neverProved": NEVER_PROVED,
    })
}

fn accepted(worker: &Worker, name: &str, policy: &str) -> String {
    let Some(evidence) = worker.evidence() else {
        return String::new();
    };
    let claims = evidence.claims();
    let mut text = format!(
        "{}\nHolds until  {}\nJudged at    {}\nPolicy       {policy}\n",
        headline(name, &worker.not_proved()),
        evidence.expires(),
        claims.verified,
    );
    text += &program(claims);
    text += &format!(
        "Keys         both are in the evidence, with the worker's id\n\
         \u{20}            verification  SHA-256 {}\n\
         \u{20}            encryption    SHA-256 {} (RSA {} bits)\n",
        fingerprint(worker.verification_key().pem()),
        fingerprint(worker.encryption_key().pem()),
        worker.encryption_key().bits(),
    );
    text += &match worker.published() {
        Some(published) => format!(
            "Published    {} has them for everybody: generation {}, epoch {}\n",
            harmless(&published.realm),
            published.generation,
            published.epoch,
        ),
        None => "Published    no directory was asked: others may be shown other keys\n".to_owned(),
    };
    text += &view::platform(claims);
    text += "\nNot proved\n";
    let gaps = worker.not_proved();
    let gaps = gaps.iter().map(ToString::to_string);
    for gap in gaps.chain(NEVER_PROVED.map(str::to_owned)) {
        text += &format!("  - {gap}\n");
    }
    text += &format!("\n{}", view::rules(evidence.verdict()));
    text
}

/// What somebody reads who reads one line.
fn headline(name: &str, gaps: &[NotProved]) -> String {
    let name = harmless(name);
    if gaps.contains(&NotProved::Simulated) {
        format!(
            "Accepted: {name} shows the program that the policy names, on a SIMULATED platform, which \
             protects nothing"
        )
    } else if gaps.contains(&NotProved::Debug) {
        format!("Accepted: {name} is the program that the policy names, and a DEBUGGER may look in")
    } else {
        format!("Verified: {name} is the program that the policy names, and alone has its keys")
    }
}

fn program(claims: &Claims) -> String {
    let kind = match claims.origin {
        Origin::Intel => Kind::Sgx,
        Origin::Simulated(_) => Kind::Sim,
    };
    let debugger = if claims.is_debug() {
        "may look in"
    } else {
        "kept out"
    };
    match &claims.body {
        Body::Sgx(report) => format!(
            "Program      {}\nSigner       {}, product {}, version {}\nDebugger     {debugger}\n",
            Digest::Mrenclave(kind, report.mrenclave),
            Digest::Mrsigner(kind, report.mrsigner),
            report.isv_prod_id,
            report.isv_svn,
        ),
        Body::Tdx(_) => {
            format!("Program      a trust domain (see below)\nDebugger     {debugger}\n")
        }
    }
}

/// SHA-256 of a key's PEM, as the evidence covers it.
fn fingerprint(pem: &str) -> String {
    hex::encode(sha256(&[pem.as_bytes()]))
}
