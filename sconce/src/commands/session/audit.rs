//! `sconce session audit`: the audit log, read and verified.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use provision::audit::{AuditLine, Outcome};
use provision::text::{Hex, Text};
use sconify::terminal::harmless;
use serde_json::json;
use vault_client::Vault;

use crate::args::DataArgs;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::vault;

/// Show the audit log: every release and every refusal, every session written, all keys made.
///
/// Each line has the hash of the one before it. The chain is checked as it is read, so that no line can be
/// left out or changed in between; a copy that was kept shows whether the log that is there now is still the
/// same.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce session audit
  sconce session audit --json > audit.jsonl
  sconce session audit --verify audit.jsonl")]
pub(crate) struct Args {
    /// Print each line as one JSON object: what --verify reads.
    #[arg(long)]
    pub(super) json: bool,
    /// Only lines from this number on.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "verify")]
    from: u64,
    /// Check a copy that was kept, and that the vault's log still begins with it.
    #[arg(long, value_name = "FILE")]
    verify: Option<PathBuf>,
    /// With --verify: do not ask the vault.
    #[arg(long, requires = "verify")]
    offline: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Lines of one request.
const BATCH: u32 = 500;

/// Longest line of a copy, in bytes; a vault's have less than half of that.
const LONGEST_LINE: usize = 16 << 10;

/// Shows or verifies.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    match &args.verify {
        Some(file) => verify(file, args, terminal),
        None => show(args, terminal),
    }
}

fn show(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let mut vault = vault::connect(&args.data.folder()?)?;
    // The line before the first is read too, so that the first can be checked.
    let from = args.from.max(1);
    let mut chain = match from {
        1 => Chain::default(),
        _ => match batch(&mut vault, from - 1, 1)?.pop() {
            Some(before) => Chain::behind(&before),
            None => return Ok(()),
        },
    };
    loop {
        let lines = batch(&mut vault, chain.sequence + 1, BATCH)?;
        if lines.is_empty() || terminal.is_cut_off() {
            return Ok(());
        }
        for line in lines {
            chain.take(&line)?;
            if args.json {
                terminal.print_json_line(&line);
            } else {
                terminal.print(shown(&line));
            }
        }
    }
}

fn batch(vault: &mut Vault, from: u64, limit: u32) -> Result<Vec<AuditLine>, Failure> {
    vault
        .audit(from, limit)
        .map_err(|error| Failure::of_vault(&error))
}

fn verify(file: &Path, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let chain = read(file)?;
    let compared = !args.offline && chain.sequence > 0;
    if compared {
        let mut vault = vault::connect(&args.data.folder()?)?;
        let now = batch(&mut vault, chain.sequence, 1)?.pop();
        if now.is_none_or(|now| now.hash != chain.hash) {
            return Err(Failure::failed(format_args!(
                "the vault's log does not begin with this copy: it has another line {}, or none",
                chain.sequence
            ))
            .advised(
                "the vault's state was exchanged, or this is the log of another vault: compare the realm in \
                 vault.json with the one of that time",
            ));
        }
    }
    if args.json {
        terminal.print_json(&json!({
            "lines": chain.sequence,
            "hash": chain.hash,
            "compared": compared,
        }));
        return Ok(());
    }
    terminal.print(format_args!(
        "{} lines, none missing and none changed; the last has the hash {}",
        chain.sequence, chain.hash
    ));
    terminal.print(if compared {
        "the vault's log begins with them"
    } else {
        "not compared with a vault"
    });
    Ok(())
}

/// The chain of a copy, from its first line on.
fn read(file: &Path) -> Result<Chain, Failure> {
    let unusable = |what: &dyn std::fmt::Display| {
        Failure::unusable(format_args!("{}: {what}", file.display()))
            .advised("it is what `sconce session audit --json` prints, from the first line on")
    };
    let mut reader = BufReader::new(File::open(file).map_err(|error| unusable(&error))?);
    let mut chain = Chain::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = std::io::Read::take(&mut reader, LONGEST_LINE as u64);
        let length = limited
            .read_until(b'\n', &mut line)
            .map_err(|error| unusable(&error))?;
        if length == 0 {
            return Ok(chain);
        }
        let number = chain.sequence + 1;
        let parsed = serde_json::from_slice(&line)
            .map_err(|error| unusable(&format_args!("line {number}: {error}")))?;
        chain.take(&parsed)?;
    }
}

/// How far a chain has been checked.
struct Chain {
    sequence: u64,
    hash: Hex<32>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            sequence: 0,
            hash: AuditLine::BEGIN,
        }
    }
}

impl Chain {
    const fn behind(line: &AuditLine) -> Self {
        Self {
            sequence: line.sequence,
            hash: line.hash,
        }
    }

    fn take(&mut self, line: &AuditLine) -> Result<(), Failure> {
        if !line.follows(self.sequence, &self.hash) {
            return Err(Failure::failed(format_args!(
                "the audit log is broken: line {} does not follow line {}",
                line.sequence, self.sequence
            ))
            .advised("a line was changed, left out or put in"));
        }
        *self = Self::behind(line);
        Ok(())
    }
}

/// A line for people.
fn shown(line: &AuditLine) -> String {
    let entry = &line.entry;
    let Text(time) = &entry.time;
    let outcome = match entry.outcome {
        Outcome::Done => "done",
        Outcome::Refused => "REFUSED",
    };
    let mut text = format!("{}  {time}  {} {outcome}", line.sequence, entry.event);
    let about = match (&entry.session, &entry.service) {
        (Some(session), Some(service)) => Some(format!("{session}/{service}")),
        (Some(session), None) => Some(session.clone()),
        (None, service) => service.clone(),
    };
    let measurement = entry
        .measurement
        .as_ref()
        .map(|Text(digest)| digest.to_string());
    let who = entry.who.as_ref().map(|who| format!("by {who}"));
    let parts = [
        about,
        entry.code.clone(),
        entry.detail.clone(),
        measurement,
        who,
    ];
    for part in parts.into_iter().flatten() {
        text.push_str("  ");
        text.push_str(&part);
    }
    harmless(&text)
}

#[cfg(test)]
mod tests {
    use attestation::Time;
    use provision::audit::Audited;

    use super::*;

    fn lines() -> Vec<AuditLine> {
        let mut lines: Vec<AuditLine> = Vec::new();
        for n in 1..=4 {
            let entry = Audited {
                time: Text(Time::from_unix(n)),
                event: "release".to_owned(),
                outcome: Outcome::Refused,
                session: Some("a/b".to_owned()),
                service: Some("s".to_owned()),
                code: Some("cas.debug".to_owned()),
                detail: Some("red \u{1b}[31m".to_owned()),
                measurement: None,
                who: Some(Hex([1; 32])),
            };
            let previous = lines.last().map_or(AuditLine::BEGIN, |last| last.hash);
            lines.push(AuditLine::new(n, entry, previous));
        }
        lines
    }

    fn verified(lines: &[AuditLine]) -> Result<Chain, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: Vec<_> = lines
            .iter()
            .map(|line| serde_json::to_string(line).unwrap() + "\n")
            .collect();
        std::fs::write(file.path(), text.concat()).unwrap();
        read(file.path())
    }

    #[test]
    fn a_whole_copy_is_good_and_so_is_its_beginning() {
        let lines = lines();
        for length in 0..=lines.len() {
            let chain = verified(&lines[..length]).unwrap();
            assert_eq!(chain.sequence, length as u64);
        }
    }

    #[test]
    fn what_was_left_out_or_changed_is_found() {
        let lines = lines();
        for left_out in 0..3 {
            let mut copy = lines.clone();
            copy.remove(left_out);
            assert!(verified(&copy).is_err(), "{left_out}");
        }
        let mut changed = lines.clone();
        changed[1].entry.outcome = Outcome::Done;
        let refused = verified(&changed).err().unwrap().to_string();
        assert!(
            refused.contains("line 2 does not follow line 1"),
            "{refused}"
        );
        let mut swapped = lines;
        swapped.swap(1, 2);
        assert!(verified(&swapped).is_err());
    }

    #[test]
    fn a_line_for_people_has_everything_and_no_escapes() {
        let line = shown(&lines()[0]);
        for part in [
            "1  1970-01-01T00:00:01Z",
            "release REFUSED",
            "a/b/s",
            "cas.debug",
            "by 0101",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}
