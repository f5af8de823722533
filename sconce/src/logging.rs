//! Log lines on stderr.

use std::io::{self, IsTerminal as _};
use std::panic::{self, PanicHookInfo};

use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// How log lines, and whatever else goes to stderr, are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    // No documentation: help pages would become three times as long.
    #[default]
    Text,
    Json,
}

impl Format {
    pub(crate) const ALL: &[(&str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

/// Which lines are shown: these and more important ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// What `-q` and `-v` ask for, if there are any.
    pub(crate) fn asked(verbose: u8, quiet: bool) -> Option<Self> {
        match (quiet, verbose) {
            (true, _) => Some(Self::Error),
            (_, 0) => None,
            (_, 1) => Some(Self::Info),
            _ => Some(Self::Debug),
        }
    }

    /// How many `-v` ask for it.
    pub(crate) fn verbosity(self) -> u8 {
        match self {
            Self::Error | Self::Warn => 0,
            Self::Info => 1,
            Self::Debug | Self::Trace => 2,
        }
    }

    fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, level)| *level == self);
        known.map_or("warn", |(name, _)| name)
    }
}

/// Sends log lines to stderr: those of a level, or what `RUST_LOG` says.
pub(crate) fn start(level: Level, format: Format) {
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let wanted = wanted.filter(|directives| !directives.is_empty());
    let wanted = wanted.map(EnvFilter::try_new).transpose();
    let (wanted, fault) = wanted.map_or_else(|fault| (None, Some(fault)), |wanted| (wanted, None));
    let filter = wanted.unwrap_or_else(|| EnvFilter::new(level.name()));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // It would be said on stderr as well, with a macro that panics where that fails: on a full
        // disk, for instance, and in whichever thread had something to say.
        .log_internal_errors(false);
    match format {
        Format::Text => lines.with_ansi(is_colourful()).init(),
        Format::Json => {
            lines.json().flatten_event(true).init();
            panic::set_hook(Box::new(tell_of_panic));
        }
    }
    if let Some(error) = fault {
        tracing::warn!(%error, "RUST_LOG does not count: write it as in sconce_manager=debug,warn");
    }
}

/// Whether somebody watches stderr who has not asked for plain text: <https://no-color.org>.
fn is_colourful() -> bool {
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !is_plain
}

/// A line of JSON for something that was said and not logged; the members are those of log lines.
pub(crate) fn json_line(level: &str, message: &str) -> String {
    let line = json!({
        "timestamp": now(),
        "level": level,
        "message": message,
        "target": "sconce",
    });
    line.to_string()
}

fn now() -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _infallible = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// As the standard library does it, on one line.
fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let payload = panic.payload();
    let why = match payload.downcast_ref::<&str>() {
        Some(text) => Some(*text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    };
    tracing::error!(place, why, "a thread panicked");
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_said_is_one_line_of_json() {
        let line = json_line("WARN", "a \"quoted\"\nline \u{9b}");
        assert!(!line.contains('\n'));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["level"], "WARN");
        assert_eq!(value["message"], "a \"quoted\"\nline \u{9b}");
        assert!(value["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
