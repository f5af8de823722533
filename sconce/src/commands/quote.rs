//! `sconce quote`: evidence of platforms, judged, shown or made up for development.

mod inputs;
mod sample;
mod show;
mod verify;
pub(crate) mod view;

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
fn time(given: Option<Time>) -> Result<Time, Failure> {
    if let Some(time) = given {
        return Ok(time);
    }
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| Time::from_unix(since.as_secs()))
        .map_err(|_| Code::Input.failure("the clock of this machine is before 1970: give --now"))
}

/// A time on the command line: seconds since 1970, or as times are printed.
pub(crate) fn moment(text: &str) -> Result<Time, String> {
    /// The last second of the year 9999.
    const LAST: u64 = 253_402_300_799;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let time = text.parse::<Time>();
        return time.map_err(|fault| format!("{fault}, or seconds since 1970"));
    }
    text.parse()
        .ok()
        .filter(|seconds| *seconds <= LAST)
        .map(Time::from_unix)
        .ok_or_else(|| "beyond the year 9999: give seconds, not milliseconds".to_owned())
}

/// Bytes of REPORTDATA on the command line.
fn report_data(text: &str) -> Result<[u8; 64], String> {
    let mut bytes = [0; 64];
    hex::decode_to_slice(text, &mut bytes)
        .map(|()| bytes)
        .map_err(|_| "expected 128 hex digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_as_they_are_printed() {
        let time = Time::from_unix(1_750_330_571);
        assert_eq!(moment("1750330571"), Ok(time));
        assert_eq!(moment(&time.to_string()), Ok(time));
        let fault = moment("1750330571000").unwrap_err();
        assert!(fault.contains("not milliseconds"), "{fault}");
        assert_eq!(
            moment("253402300799").unwrap().to_string(),
            "9999-12-31T23:59:59Z"
        );
        for text in ["", "253402300800", "now", "-1", "+1", "1.5", "2026-01-01"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
