//! `sconce quote sample`: simulated evidence, on which whatever takes evidence can be developed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use attestation::policy::{Program, SgxProgram};
use attestation::{Fingerprint, Policy, Time};
use sconify::output;
use serde_json::json;
use sgx::{Digest, Kind, Mrenclave, Mrsigner};
use simulator::{Evidence, Platform, Secs, Seed, Settings};

use super::Code;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The program of the samples, which does not exist.
const MEASUREMENT: Mrenclave = Mrenclave([0x5a; 32]);
const SIGNER: Mrsigner = Mrsigner([0xa5; 32]);

/// Make simulated evidence for development: a quote, its collateral, the root and a policy that takes
/// them.
///
/// A platform is made for it and thrown away. It protects nothing, and whoever verifies for real does
/// not trust its root.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce quote sample --out sample
  sconce quote sample --out sample --now 1800000000 --json")]
pub(crate) struct Args {
    /// The folder to make: it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// When it is made: seconds since 1970, or as in 2026-01-01T00:00:00Z [default: this machine's
    /// clock].
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    now: Option<Time>,
    /// What the program says: REPORTDATA, 128 hex digits [default: zeros].
    #[arg(long, value_name = "HEX", value_parser = super::report_data)]
    report_data: Option<[u8; 64]>,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let now = super::time(args.now)?;
    let report_data = args.report_data.unwrap_or([0; 64]);
    let spinner = terminal.spinner("making a platform");
    let evidence = evidence(&report_data, now.unix()).map_err(|fault| {
        Code::Input.failure(format_args!("no evidence can be made for {now}: {fault}"))
    })?;
    drop(spinner);
    let fingerprint = Fingerprint::of(&evidence.root);
    let policy = policy(fingerprint)?;
    write(&args.out, &evidence, &policy)?;
    let file = |name: &str| args.out.join(name);
    let command = format!(
        "sconce quote verify --quote {} --collateral {} --root {} --trust-root {fingerprint} --policy {} --now {}",
        quoted(&file("quote")),
        quoted(&file("collateral.json")),
        quoted(&file("root.der")),
        quoted(&file("policy.toml")),
        now.unix(),
    );
    if args.json {
        terminal.print_json(&json!({
            "simulated": true,
            "folder": args.out,
            "trustRoot": fingerprint.to_string(),
            "now": now.to_string(),
            "verify": command,
        }));
    } else {
        terminal.note("simulated: it protects nothing, and is for development only");
        terminal.print(command);
    }
    Ok(())
}

fn evidence(report_data: &[u8; 64], now: u64) -> Result<Evidence, simulator::Error> {
    let platform = Platform::new(Seed::random()?, Settings::new(now))?;
    platform.evidence(&Secs::new(MEASUREMENT, SIGNER), report_data, now)
}

/// A policy that names the root and the program, and is otherwise as strict as any.
fn policy(fingerprint: Fingerprint) -> Result<String, Failure> {
    let mut policy = Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Sim, MEASUREMENT)],
        ..SgxProgram::default()
    }));
    policy.allow_sim = true;
    policy.simulated_roots = vec![fingerprint];
    let text = toml::to_string(&policy)
        .map_err(|fault| Failure::failed(format_args!("the policy cannot be written: {fault}")))?;
    Ok(format!(
        "# For development: it takes a simulated platform, which protects nothing.\n{text}"
    ))
}

fn write(folder: &Path, evidence: &Evidence, policy: &str) -> Result<(), Failure> {
    let collateral = evidence.collateral.to_json();
    let files: [(&str, &[u8]); 4] = [
        ("quote", &evidence.quote),
        ("collateral.json", collateral.as_bytes()),
        ("root.der", &evidence.root),
        ("policy.toml", policy.as_bytes()),
    ];
    let never = |_: &Path| false;
    output::write_folder(folder, never, |folder| {
        for (name, bytes) in files {
            let path = folder.join(name);
            output::write_whole(&path, false, |file| {
                file.write_all(bytes)
                    .map_err(|fault| sconify::Error::io("write", &path)(fault))
            })?;
        }
        Ok(())
    })
    .map_err(|fault| Failure::failed(fault).coded("file.io"))
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@".contains(&byte);
    if text.bytes().all(plain) && !text.is_empty() {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
