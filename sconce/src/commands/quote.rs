//! `sconce quote`: evidence of platforms, judged, shown or made up for development.

mod inputs;
mod sample;
mod show;
mod verify;
mod view;

use std::time::{SystemTime, UNIX_EPOCH};

use attestation::Time;

use crate::failure::Failure;
use crate::terminal::Terminal;

pub(crate) use inputs::read_policy;

/// Quotes: verify one with its collateral, show what one says, or make samples.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Verify(Box<verify::Args>),
    Show(show::Args),
    Sample(sample::Args),
}

/// Why there is no accepted evidence, as far as it has a code.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    /// The evidence has been judged, and the answer is no.
    Refused,
    /// An input cannot be used, so nothing has been judged.
    Input,
    /// A policy cannot be used.
    Policy,
}

impl Code {
    fn code(self) -> &'static str {
        match self {
            Self::Refused => "quote.refused",
            Self::Input => "quote.input",
            Self::Policy => "policy.form",
        }
    }

    pub(crate) fn failure(self, message: impl std::fmt::Display) -> Failure {
        let failure = match self {
            Self::Refused => Failure::failed(message),
            Self::Input | Self::Policy => Failure::unusable(message),
        };
        failure.coded(self.code())
    }
}

/// Verifies, shows or makes.
pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    let (json, outcome) = match command {
        Command::Verify(args) => return verify::run(&args, terminal),
        Command::Show(args) => (args.json, show::run(&args, terminal)),
        Command::Sample(args) => (args.json, sample::run(&args, terminal)),
    };
    if let (true, Err(failure)) = (json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

/// The time that was given, or that of this machine's clock.
fn time(given: Option<u64>) -> Result<Time, Failure> {
    if let Some(seconds) = given {
        return Ok(Time::from_unix(seconds));
    }
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| Time::from_unix(since.as_secs()))
        .map_err(|_| Code::Input.failure("the clock of this machine is before 1970: give --now"))
}

/// Bytes of REPORTDATA on the command line.
fn report_data(text: &str) -> Result<[u8; 64], String> {
    let mut bytes = [0; 64];
    hex::decode_to_slice(text, &mut bytes)
        .map(|()| bytes)
        .map_err(|_| "expected 128 hex digits".to_owned())
}
