//! `sconce kt verify-response`: whether an answer that somebody kept is true.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sconify::terminal::foreign::harmless;
use transparency::json;
use transparency::memory::Memory;
use transparency::messages::GetEntryResponse;
use transparency::trust::Trust;
use transparency::verifier::{Verified, Verifier};

use crate::commands::keys::view;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Longest answer or key, in bytes.
const LONGEST: u64 = 4 << 20;

/// Verify an answer of a directory, with nothing but its keys.
///
/// The answer is that of GET or PUT /v1/users/ID, as JSON. Nothing is asked of anybody, and nothing is
/// remembered: that an answer is old, or that others were shown another, is seen by `sconce keys`. Exit
/// status 1 names the check that failed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce kt verify-response --vrf-key vrf.pem --map-key map.pem --realm example.com \\
      --user alice@example.com answer.json
  curl -s http://127.0.0.1:8080/v1/users/alice | sconce kt verify-response --vrf-key vrf.pem \\
      --map-key map.pem --log-key log.pem --realm sconce.localhost --user alice --json -")]
pub(crate) struct Args {
    /// The answer; - reads it from standard input.
    file: PathBuf,
    /// The key of the directory's VRF, in PEM.
    #[arg(long, value_name = "FILE")]
    vrf_key: PathBuf,
    /// The key that signs heads of the map, in PEM.
    #[arg(long, value_name = "FILE")]
    map_key: PathBuf,
    /// The key of the log that promises to have the heads, in PEM; without it the promise is not checked.
    #[arg(long, value_name = "FILE")]
    log_key: Option<PathBuf>,
    /// The domain of the directory.
    #[arg(long, value_name = "REALM")]
    realm: String,
    /// The user whom the answer is about.
    #[arg(long, value_name = "ID")]
    user: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Verifies; what is found goes to standard output.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = verify(args);
    match &outcome {
        Ok(verified) if args.json => terminal.print_json(&view::json(verified, &args.realm)),
        Ok(verified) => terminal.print(view::text(verified, &args.realm)),
        Err(failure) if args.json => terminal.print_json(&failure.to_json()),
        Err(_) => {}
    }
    outcome.map(drop)
}

fn verify(args: &Args) -> Result<Verified, Failure> {
    let trust = Trust {
        realm: args.realm.clone(),
        vrf_suite: Trust::BOUND.to_owned(),
        vrf_key: pem(&args.vrf_key)?,
        map_key: pem(&args.map_key)?,
        log_key: args.log_key.as_deref().map(pem).transpose()?,
        ..Trust::default()
    };
    let verifier = Verifier::new(&trust).map_err(|fault| {
        let option = match fault.member {
            "vrf_key" => "--vrf-key",
            "map_key" => "--map-key",
            "log_key" => "--log-key",
            _ => "--realm",
        };
        Failure::unusable(format_args!("{option}: {}", fault.what)).coded(fault.code())
    })?;
    let answer = read_answer(&args.file)?;
    verifier
        .verify(&args.user, &answer, None, &mut Memory::default())
        .map_err(|fault| view::refused(&fault))
}

/// A key in PEM. Tools that take texts out of JSON leave an empty line behind it.
fn pem(file: &Path) -> Result<String, Failure> {
    Ok(format!("{}\n", text(file)?.trim_end()))
}

/// An answer that was kept, with its members at the top or under `proof`.
pub(crate) fn read_answer(file: &Path) -> Result<GetEntryResponse, Failure> {
    let bytes = read(file)?;
    if let Err(fault) = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        return Err(Failure::unusable(format_args!(
            "{} is no JSON: {}",
            shown(file),
            harmless(&fault.to_string())
        )));
    }
    json::read_put_answer(&bytes).map_err(|fault| {
        Failure::failed(format_args!(
            "{}: {}",
            shown(file),
            harmless(&fault.to_string())
        ))
        .coded(fault.code())
        .advised("it is none of the answers of GET and PUT /v1/users/ID")
    })
}

/// A text file, such as a key in PEM.
pub(crate) fn text(file: &Path) -> Result<String, Failure> {
    String::from_utf8(read(file)?)
        .map_err(|_| Failure::unusable(format_args!("{} is no text", shown(file))))
}

/// A file, or standard input, within its bound.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let unusable =
        |fault: &dyn std::fmt::Display| Failure::unusable(format_args!("{}: {fault}", shown(file)));
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|open| open.take(LONGEST + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(unusable(&error)),
        Ok(len) if len as u64 > LONGEST => {
            Err(unusable(&format_args!("it has more than {LONGEST} bytes")))
        }
        Ok(_) => Ok(bytes),
    }
}

pub(crate) fn shown(file: &Path) -> String {
    harmless(&file.to_string_lossy())
}
