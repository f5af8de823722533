//! `sconce drill`: what becomes of programs and policies when something happens to the platform, to its
//! vendor's collateral or to a signing key.

mod course;
mod draw;
mod json;
mod outcome;
mod plan;
mod plays;
mod policies;
mod programs;
mod rehearsal;
mod remedy;
mod report;
mod scenario;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use attestation::Time;
use sconify::terminal::foreign::{escaped, harmless};

use self::draw::Style;
use self::outcome::Outcome;
use self::policies::Named;
use self::programs::Program;
use self::report::{Drill, Report, Row};
use self::scenario::Scenario;
use crate::commands::quote::moment;
use crate::failure::Failure;
use crate::terminal::{Terminal, is_unicode};

/// Rehearse advisories, revocations or a stolen key: what falls, when, and what would help.
///
/// Shows which programs and policies fall, when, at which check, and what would save them.
/// Everything is played on a simulated platform in its own time and judged by the verifier that judges
/// real evidence. Policies are taken as they stand, except that they take the drill's platform, and
/// digests of other kinds as those of its programs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce drill
  sconce drill --policy policy.toml --scenario advisory --scenario revoked-pck
  sconce drill --image target/sconify/worker --policy policy.toml --days 90
  sconce drill --policy policy.toml --check --json")]
pub(crate) struct Args {
    /// An image whose program is judged; may be given several times [default: programs that fit the
    /// policies, or a sample].
    #[arg(long, value_name = "IMAGE")]
    image: Vec<PathBuf>,
    /// A policy, in TOML or JSON; may be given several times [default: three samples].
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// What happens; may be given several times [default: everything, one after the other].
    #[arg(long, value_enum, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// How many days are played.
    #[arg(long, value_name = "N", default_value = "42", value_parser = clap::value_parser!(u32).range(14..=366))]
    days: u32,
    /// How many hours lie between two fetches of collateral.
    #[arg(long, value_name = "HOURS", default_value = "24", value_parser = clap::value_parser!(u32).range(1..=720))]
    fetch_every: u32,
    /// When it begins, as in 2026-01-01T00:00:00Z [default: today, at midnight UTC].
    #[arg(long, value_name = "TIME", value_parser = start)]
    start: Option<Time>,
    /// Exit with 1 if a program falls, or somebody is let in.
    #[arg(long)]
    check: bool,
    /// Print the table alone.
    #[arg(long, conflicts_with = "json")]
    table: bool,
    /// Draw with ASCII alone.
    #[arg(long)]
    ascii: bool,
    /// Columns of the drawing [default: as wide as the terminal, or 80].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    width: Option<u16>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Years in which certificates can be written.
fn start(text: &str) -> Result<Time, String> {
    let years = "2000-01-01T00:00:00Z"..="2048-12-31T23:59:59Z";
    let time = moment(text)?;
    match years.contains(&time.to_string().as_str()) {
        true => Ok(time),
        false => Err("give a time of the years 2000 to 2048".to_owned()),
    }
}

/// Plays it.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = play(args, terminal);
    if let (true, Err(failure)) = (args.json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    let report = outcome?;
    show(&report, args, terminal);
    if args.check { answer(&report) } else { Ok(()) }
}

fn play(args: &Args, terminal: &Terminal) -> Result<Report, Failure> {
    let drill = drill(args)?;
    let spinner = terminal.spinner("playing");
    drill.play(|what| spinner.say(what)).map_err(failure)
}

fn show(report: &Report, args: &Args, terminal: &Terminal) {
    if args.json {
        return terminal.print_json(&json::view(report));
    }
    let style = Style {
        unicode: !args.ascii && is_unicode(),
        width: args.width.map_or_else(columns, usize::from),
    };
    let text = match args.table {
        true => draw::table(report, style),
        false => draw::report(report, style),
    };
    terminal.print(escaped(text.trim_end()));
}

fn drill(args: &Args) -> Result<Drill, Failure> {
    let policies = args.policy.iter().map(|path| policies::read(path));
    let mut policies: Vec<_> = policies.collect::<Result<_, _>>()?;
    let programs = args.image.iter().map(|path| Program::of_image(path));
    let mut programs: Vec<_> = programs.collect::<Result<_, _>>()?;
    tell_apart(
        policies
            .iter_mut()
            .zip(&args.policy)
            .map(|(one, path)| (&mut one.name, path)),
    );
    tell_apart(
        programs
            .iter_mut()
            .zip(&args.image)
            .map(|(one, path)| (&mut one.name, path)),
    );
    if programs.is_empty() {
        programs = fitting(&policies)?;
    }
    if policies.is_empty() {
        policies = Named::samples(&programs);
    }
    let mut scenarios = args.scenario.clone();
    if scenarios.is_empty() {
        scenarios = Scenario::ALL.to_vec();
    }
    Ok(Drill {
        start: args.start.unwrap_or_else(today),
        days: args.days,
        fetch_hours: args.fetch_every,
        programs,
        policies,
        scenarios,
    })
}

/// Calls those by their paths that are called alike.
fn tell_apart<'a>(named: impl Iterator<Item = (&'a mut String, &'a PathBuf)>) {
    let mut named: Vec<_> = named.collect();
    let names: Vec<String> = named.iter().map(|(name, _)| (*name).clone()).collect();
    for (name, path) in &mut named {
        if names.iter().filter(|other| *other == *name).count() > 1 {
            **name = harmless(&path.display().to_string());
        }
    }
}

/// A program for each policy, or a sample.
fn fitting(policies: &[Named]) -> Result<Vec<Program>, Failure> {
    if policies.is_empty() {
        return Ok(vec![Program::sample()]);
    }
    let programs = policies.iter().map(|named| {
        Program::of_policy(&named.name, &named.policy).ok_or_else(|| {
            Failure::unusable(format_args!(
                "{} is about a trust domain of TDX",
                named.name
            ))
            .advice("drills are about enclaves of SGX: give a policy with an [sgx] section")
        })
    });
    programs.collect()
}

/// Midnight before now.
fn today() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    Time::from_unix(seconds - seconds % 86_400)
}

/// How wide the terminal is.
fn columns() -> usize {
    const USUAL: usize = 80;
    const WIDEST: usize = 160;
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|said| said.parse().ok());
    let terminal = io::stdout().is_terminal().then(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout());
        size.ok().map(|size| usize::from(size.ws_col))
    });
    let found = said.or(terminal.flatten());
    found
        .filter(|width| *width > 0)
        .unwrap_or(USUAL)
        .min(WIDEST)
}

fn failure(error: rehearsal::Error) -> Failure {
    match error {
        rehearsal::Error::Platform(error) => Failure::failed(&error).coded(error.code()),
        rehearsal::Error::Documents(_) => Failure::failed(error),
    }
}

/// The answer of `--check`.
fn answer(report: &Report) -> Result<(), Failure> {
    if let Some(what) = idle(report) {
        return Err(
            Failure::failed(format_args!("{what}, and so it was not rehearsed"))
                .advice("`no fit` stands where a policy refuses a program before anything happens"),
        );
    }
    let rows = report.acts.iter().flat_map(|act| &act.rows);
    let bad = rows.filter(|row| !row.outcome.is_good()).count();
    match bad {
        0 => Ok(()),
        1 => Err(Failure::failed(
            "one answer of the drill is not as it should be",
        )),
        more => Err(Failure::failed(format_args!(
            "{more} answers of the drill are not as they should be"
        ))),
    }
}

/// A policy or a program about which nothing was found out, as it fits none of the others.
fn idle(report: &Report) -> Option<String> {
    let fits = |is_it: &dyn Fn(&Row) -> bool| {
        let mut rows = report.acts.iter().flat_map(|act| &act.rows);
        rows.any(|row| is_it(row) && row.outcome != Outcome::Unfit)
    };
    let drill = &report.drill;
    let mut policies = drill.policies.iter().enumerate();
    let mut programs = drill.programs.iter().enumerate();
    if let Some((_, policy)) = policies.find(|(at, _)| !fits(&|row| row.policy == *at)) {
        return Some(format!("the policy {} accepts no program", policy.name));
    }
    let (_, program) = programs.find(|(at, _)| !fits(&|row| row.program == *at))?;
    Some(format!("no policy accepts the program {}", program.name))
}

#[cfg(test)]
mod tests;
