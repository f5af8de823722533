//! `sconce quote verify`: whether evidence is genuine, and whether a policy accepts it.

use std::path::PathBuf;

use attestation::policy::Program;
use attestation::{
    Claims, Fingerprint, Policy, Refusal, Stage, Time, TrustAnchor, Verdict, verify,
};
use sconify::terminal::harmless;
use serde_json::{Value, json};
use sgx::quote::Quote;

use super::{Code, inputs, view};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Verify a quote with its collateral, and judge it by a policy.
///
/// Without a policy any program is taken, on a real platform that is up to date, without a debugger.
/// Nothing is fetched: the quote, the vendor's documents and the root are the files that are given.
#[derive(clap::Args)]
#[command(after_help = "\
Exit status: 0 accepted; 1 refused, and the error names the check; 2 an input cannot be used.

Examples:
  sconce quote verify --quote quote --collateral collateral.json --policy policy.toml
  sconce quote verify --quote quote --collateral collateral.json --root intel.der --now 1750330571
  sconce quote verify --quote s/quote --collateral s/collateral.json --root s/root.der \\
      --trust-root sim:8c9f… --policy s/policy.toml --json")]
pub(crate) struct Args {
    /// The quote, as the platform gave it.
    #[arg(long, value_name = "FILE")]
    quote: PathBuf,
    /// The vendor's documents about the platform: JSON with Intel's member names.
    #[arg(long, value_name = "FILE")]
    collateral: PathBuf,
    /// The root's certificate in DER [default: Intel's, which is compiled in].
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The fingerprint of the root, if it is that of a simulated platform: sim: and 64 hex digits. The
    /// policy has to allow simulation too.
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    trust_root: Option<Fingerprint>,
    /// The time to judge at: seconds since 1970, or as in 2026-01-01T00:00:00Z [default: this
    /// machine's clock].
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    now: Option<Time>,
    /// What is wanted of program and platform, in TOML or JSON.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What the program has to say: REPORTDATA, 128 hex digits.
    #[arg(long, value_name = "HEX", value_parser = super::report_data)]
    report_data: Option<[u8; 64]>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A quote that is genuine, and what the policy says of it.
struct Judged {
    claims: Claims,
    verdict: Verdict,
    /// Until when it holds, if it is accepted.
    expires: Option<Time>,
    now: Time,
    policy: Option<PathBuf>,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let judged = judge(args).inspect_err(|failure| {
        if args.json {
            terminal.print_json(&not_judged(failure));
        }
    })?;
    let refusal = judged.refusal();
    if args.json {
        let mut value = judged.to_json();
        if let Some(failure) = &refusal {
            value["error"] = failure.to_json()["error"].take();
        }
        terminal.print_json(&value);
    } else {
        terminal.print(judged.to_text().trim_end());
    }
    refusal.map_or(Ok(()), Err)
}

/// The failure of evidence that is refused at a stage.
pub(super) fn refused(stage: Stage, why: &str) -> Failure {
    Code::Refused
        .failure(format_args!("refused at {stage}: {}", harmless(why)))
        .with("stage", stage.name())
}

/// A refusal, with advice on what was most likely mistaken.
fn not_genuine(refusal: &Refusal, quote: &[u8], anchor: &TrustAnchor) -> Failure {
    let failure = refused(refusal.stage(), &refusal.to_string());
    let is_simulated = || Quote::parse(quote).is_ok_and(|quote| view::says_simulated(&quote));
    if refusal.stage() == Stage::Parse && quote.first() == Some(&b'{') {
        return failure
            .advised("it looks like JSON: --quote takes the quote, --collateral the JSON");
    }
    if anchor.simulated_fingerprint().is_none() && is_simulated() {
        return failure.advised(
            "the quote says that its platform is simulated: that takes --root, --trust-root, and a \
             policy that allows simulation",
        );
    }
    failure
}

/// What `--json` shows where no policy was asked: the evidence is not genuine, or an input is unusable.
fn not_judged(failure: &Failure) -> Value {
    let mut value = failure.to_json();
    if let Some(stage) = value["error"].get("stage").cloned() {
        value["verdict"] = "refused".into();
        value["stage"] = stage;
    }
    value
}

fn judge(args: &Args) -> Result<Judged, Failure> {
    let policy = match &args.policy {
        Some(path) => inputs::read_policy(path)?,
        None => Policy::strict(Program::Any),
    };
    let quote = inputs::read_quote(&args.quote)?;
    let collateral = inputs::read_collateral(&args.collateral)?;
    let now = super::time(args.now)?;
    let anchor = inputs::read_anchor(args.root.as_deref(), args.trust_root)?;
    let quote = verify(&quote, &collateral, &anchor, now)
        .map_err(|refusal| not_genuine(&refusal, &quote, &anchor))?;
    let claims = quote.claims().clone();
    let (verdict, expires) = match policy.appraise(quote, now, args.report_data.as_ref()) {
        Ok(evidence) => (evidence.verdict().clone(), Some(evidence.expires())),
        Err(verdict) => (verdict, None),
    };
    Ok(Judged {
        claims,
        verdict,
        expires,
        now,
        policy: args.policy.clone(),
    })
}

impl Judged {
    fn refusal(&self) -> Option<Failure> {
        (self.expires.is_none()).then(|| {
            let failure = refused(self.verdict.stage(), &self.verdict.to_string());
            match self.policy {
                Some(_) => failure,
                None => failure.advised(
                    "this is the strictest policy; another says what else is taken: --policy FILE, as \
                     docs/attestation.md has it",
                ),
            }
        })
    }

    fn to_json(&self) -> Value {
        let rules: Vec<_> = self.verdict.findings().iter().map(view::finding).collect();
        let accepted = self.expires.is_some();
        json!({
            "verdict": if accepted { "accepted" } else { "refused" },
            "stage": (!accepted).then(|| self.verdict.stage().name()),
            "now": self.now.to_string(),
            "expires": self.expires.map(|time| time.to_string()),
            "policy": self.policy,
            "claims": view::claims(&self.claims),
            "rules": rules,
        })
    }

    fn to_text(&self) -> String {
        let mut text = match self.expires {
            Some(expires) => format!(
                "Accepted: genuine, and every rule of the policy holds\nHolds until  {expires}\n"
            ),
            None => format!(
                "Refused: genuine, but rules of the policy are broken\nStage        {}\n",
                self.verdict.stage()
            ),
        };
        let policy = match &self.policy {
            Some(path) => harmless(&path.to_string_lossy()),
            None => "the strictest, for any program".to_owned(),
        };
        text += &format!("Judged at    {}\nPolicy       {policy}\n", self.now);
        text += &view::platform(&self.claims);
        text += "\n";
        text += &view::rules(&self.verdict);
        text
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    text.parse()
        .map_err(|fault: attestation::NotAFingerprint| fault.to_string())
}
