//! What is said to the person at the terminal: results on stdout, everything else on stderr.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sconify::terminal::foreign::{escaped, escaped_json, harmless};
use serde::Serialize;

use crate::failure::Failure;
use crate::logging::{Format, Level, json_line};

/// Where messages go, and how many of them.
#[derive(Clone, Copy)]
pub(crate) struct Terminal {
    quiet: bool,
    verbose: u8,
    lively: bool,
    format: Format,
}

impl Terminal {
    pub(crate) fn new(quiet: bool, verbose: u8, format: Format) -> Self {
        let for_people = !quiet && format == Format::Text;
        Self {
            quiet,
            verbose,
            lively: for_people && io::stderr().is_terminal(),
            format,
        }
    }

    /// Writes in this format from now on, and has other `sconce` say as much as this level.
    pub(crate) fn adopt(&mut self, level: Level, format: Format) {
        *self = Self::new(self.quiet, self.verbose.max(level.verbosity()), format);
    }

    /// A line of the result.
    pub(crate) fn print(&self, line: impl fmt::Display) {
        write_out(format!("{line}\n").as_bytes());
    }

    /// Whether standard output takes nothing any more, so that nobody sees further results.
    pub(crate) fn is_cut_off(&self) -> bool {
        CUT_OFF.get().is_some()
    }

    /// The failure if results were lost, for another reason than that their reader had seen enough.
    pub(crate) fn lost(&self) -> Option<Failure> {
        let error = CUT_OFF.get()?;
        (error.kind() != io::ErrorKind::BrokenPipe).then(|| {
            Failure::failed(format_args!(
                "standard output cannot be written, so results are lost: {error}"
            ))
        })
    }

    /// The result as JSON.
    pub(crate) fn print_json(&self, value: &impl Serialize) {
        // Results are made of strings, numbers and lists: writing them can't fail.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.print(escaped_json(text));
    }

    /// The same on one line, for results that come one after the other.
    pub(crate) fn print_json_line(&self, value: &impl Serialize) {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.print(escaped_json(text));
    }

    /// A workload's output, and what stands before it: as it is for a file or another program, and
    /// for people without what could steer their terminal.
    pub(crate) fn print_output(&self, before: &str, output: &[u8]) {
        if io::stdout().is_terminal() {
            let text = String::from_utf8_lossy(output);
            self.print(format_args!("{before}{}", escaped(&text)));
        } else {
            write_out(&[before.as_bytes(), output, b"\n"].concat());
        }
    }

    /// A line beside the result.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        self.tell("INFO", "", line);
    }

    /// Something that should be known and stops nothing.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        self.tell("INFO", "note: ", line);
    }

    /// Something that may do harm.
    pub(crate) fn warn(&self, line: impl fmt::Display) {
        self.tell("WARN", "warning: ", line);
    }

    /// Why the command ends; said even when quiet.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.always("ERROR", &failure.mark(), failure);
    }

    /// A line that a host of `worker` wrote to its stderr, in the format that it was told.
    pub(crate) fn pass_on(&self, worker: &str, line: &str) {
        if self.quiet {
            return;
        }
        match self.format {
            Format::Text => self.say(format_args!("{worker} | {}", harmless(line))),
            Format::Json if is_object(line) => write(io::stderr(), format_args!("{line}\n")),
            Format::Json => self.say(format_args!("{worker} | {}", harmless(line))),
        }
    }

    fn tell(&self, level: &str, mark: &str, line: impl fmt::Display) {
        if !self.quiet {
            self.always(level, mark, line);
        }
    }

    fn always(&self, level: &str, mark: &str, line: impl fmt::Display) {
        match self.format {
            Format::Text => write(io::stderr(), format_args!("{mark}{line}\n")),
            Format::Json => {
                let line = json_line(level, &line.to_string());
                write(io::stderr(), format_args!("{line}\n"));
            }
        }
    }

    /// Something that turns while the user waits; only where somebody sees it. It goes away when it's
    /// dropped.
    pub(crate) fn spinner(&self, what: impl Into<String>) -> Spinner {
        if !self.lively {
            return Spinner(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Spinner(bar)
    }

    /// The options that make another `sconce` say as much as this one.
    pub(crate) fn options(&self) -> impl Iterator<Item = &'static str> {
        let quiet = self.quiet.then_some("-q");
        let json = (self.format == Format::Json).then_some("--log-format=json");
        let verbose = (0..self.verbose).map(|_| "-v");
        quiet.into_iter().chain(json).chain(verbose)
    }

    /// Whether somebody watches stderr.
    pub(crate) fn is_lively(&self) -> bool {
        self.lively
    }
}

/// See [`Terminal::spinner`].
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Says something else beside it.
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Whether the terminal shows more than ASCII, as far as the environment says.
pub(crate) fn is_unicode() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    let utf8 = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8")
    });
    utf8 && set("NO_COLOR").is_none()
}

/// Whether it's a line of JSON already.
fn is_object(line: &str) -> bool {
    serde_json::from_str::<serde_json::Map<_, _>>(line).is_ok()
}

/// Why standard output took nothing any more, the first time.
static CUT_OFF: OnceLock<io::Error> = OnceLock::new();

// A reader that has gone away (`sconce … | head`) is no reason to fail, and println! would panic.
fn write_out(text: &[u8]) {
    let mut to = io::stdout();
    if let Err(error) = to.write_all(text).and_then(|()| to.flush()) {
        CUT_OFF.get_or_init(|| error);
    }
}

// Nobody is left to be told.
fn write(mut to: impl Write, text: fmt::Arguments<'_>) {
    let _gone: io::Result<()> = to.write_fmt(text).and_then(|()| to.flush());
}
