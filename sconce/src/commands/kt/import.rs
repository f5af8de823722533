//! `sconce kt import`: many users at once, into an empty key directory.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use directory::import::{self, MAX_LINE};
use directory::storage::{SignerError, Stage};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::serve::{Place, failed};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Load many users at once into a directory that has none, and that is not being served.
///
/// Each update is checked as a PUT would be: index, commitment, applications' data, signature. All of them become
/// one epoch; if one is refused, nothing is loaded. docs/transparency.md says how to make the file.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce kt import --folder kt --realm keys.example users.jsonl
  sconce kt import --folder kt --realm keys.example --with-proofs users.jsonl --json

A line of the file has a user's id and the body of its first PUT, bytes in base64:
  {\"user_id\":\"alice\",\"entry_update\":{
    \"update\":{\"key_value\":{\"key\":INDEX,\"value\":ENTRY},\"previous\":HASH,\"signatures\":{KEY ID:SIGNATURE}},
    \"committed\":{\"key\":NONCE,\"data\":PROFILE}}}
on one line, of up to 512 KiB; the order is free, and empty lines are passed over.")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// The users and what they signed: JSON, one object a line.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Compute all VRF proofs now, which takes about three times as long; otherwise the first request for
    /// a user does.
    #[arg(long)]
    with_proofs: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Loads the file.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = load(args, terminal);
    if let (true, Err(failure)) = (args.json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

fn load(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        let file = args.file.display();
        Failure::unusable(format_args!("cannot read {file}: {error}")).coded("file.io")
    };
    let mut file = File::open(&args.file).map_err(unreadable)?;
    let total = lines(&file).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let config = args.place.config();
    let progress = Progress::new(terminal, total);
    let begun = Instant::now();
    // What a line is refused for is told with its number.
    let refused = Mutex::new(None);
    let prepare = |keys: &directory::Keys, (number, line): (u64, std::io::Result<Vec<u8>>)| {
        let imported = line
            .map_err(SignerError::from)
            .and_then(|line| import::line(keys, &config.apps, args.with_proofs, &line));
        imported.inspect_err(|fault| {
            let mut refused = refused.lock().unwrap_or_else(|broken| broken.into_inner());
            refused.get_or_insert_with(|| format!("line {number}: {fault}"));
        })
    };
    let epoch = import::import(&config, Lines::of(file), prepare, &|stage| {
        progress.show(stage);
    });
    progress.end();
    let refused = refused
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner());
    let epoch = epoch.map_err(|error| match refused {
        Some(fault) => told(&args.file, &fault),
        None => failed(&error),
    })?;
    let (took, users) = (begun.elapsed(), progress.stored.load(Ordering::Relaxed));
    if args.json {
        let seconds = took.as_secs_f64();
        terminal.print_json(&json!({ "users": users, "epoch": epoch, "seconds": seconds }));
    } else {
        let seconds = took.as_secs_f64();
        terminal.print(format_args!(
            "{users} users, as epoch {epoch}, in {seconds:.1} s"
        ));
    }
    Ok(())
}

fn told(file: &Path, fault: &str) -> Failure {
    Failure::unusable(format_args!("{}: {fault}", file.display()))
        .coded("directory.import")
        .advised("nothing was loaded; correct the line and load the file again")
}

/// How many lines there are.
fn lines(file: &File) -> std::io::Result<u64> {
    let (mut reader, mut count) = (BufReader::with_capacity(1 << 20, file), 0);
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(count);
        }
        count += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = bytes.len();
        reader.consume(length);
    }
}

/// The lines that are not empty, with their numbers, one after the other.
struct Lines {
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    fn of(file: File) -> Self {
        Self {
            file: BufReader::with_capacity(1 << 20, file),
            number: 0,
        }
    }
}

impl Iterator for Lines {
    type Item = (u64, std::io::Result<Vec<u8>>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            let most = MAX_LINE as u64 + 1;
            let read = self.file.by_ref().take(most).read_until(b'\n', &mut line);
            self.number += 1;
            match read {
                Ok(0) => return None,
                Ok(_) if line.len() > MAX_LINE => {
                    let long = std::io::Error::other("it is longer than 512 KiB");
                    return Some((self.number, Err(long)));
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => return Some((self.number, Ok(line))),
                Err(error) => return Some((self.number, Err(error))),
            }
        }
    }
}

/// Two bars: users that are stored, then parts of the map that are built.
struct Progress {
    bar: ProgressBar,
    stored: AtomicU64,
    total: u64,
}

/// Parts of the map.
const PARTS: u64 = 256;

impl Progress {
    fn new(terminal: &Terminal, total: u64) -> Self {
        let bar = if terminal.is_lively() {
            ProgressBar::new(total)
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message("users checked");
        Self {
            bar,
            stored: AtomicU64::new(0),
            total,
        }
    }

    fn show(&self, stage: Stage) {
        match stage {
            Stage::Stored(count) => {
                let count = count as u64;
                self.stored.fetch_max(count, Ordering::Relaxed);
                self.bar.set_length(self.total.max(count));
                self.bar.set_position(count);
            }
            Stage::Built(parts) => {
                self.bar.set_message("parts of the map built");
                self.bar.set_length(PARTS);
                self.bar.set_position(parts as u64);
            }
            Stage::Settling => self.bar.set_message("putting all in place on the disk"),
            _ => {}
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
