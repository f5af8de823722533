//! What is said to the person at the terminal: results on stdout, everything else on stderr.

pub mod foreign;
mod progress;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::json;

use crate::{Error, Fault};

pub use foreign::harmless;
pub use progress::Progress;

/// Where messages go, and in what form.
#[derive(Debug)]
pub struct Terminal {
    json: bool,
    quiet: bool,
    lively: bool,
    /// Whether a result was printed.
    printed: AtomicBool,
    /// Why standard output took nothing any more, the first time.
    cut_off: OnceLock<io::Error>,
}

impl Terminal {
    /// Results are JSON or text; `quiet` leaves out everything beside results and errors.
    #[must_use]
    pub fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            lively: !quiet && io::stderr().is_terminal(),
            printed: AtomicBool::new(false),
            cut_off: OnceLock::new(),
        }
    }

    /// The result: for people as it displays itself, which may be several lines; with `--json` as it
    /// serialises itself.
    pub fn print(&self, result: &(impl fmt::Display + Serialize)) {
        if self.json {
            self.print_json(result);
        } else {
            self.print_text(foreign::escaped(&result.to_string()));
        }
    }

    /// A result that has but one form, as `key show` has: for people and programs alike.
    pub fn print_text(&self, text: impl fmt::Display) {
        let text = text.to_string();
        self.write(&format!("{}\n", text.trim_end_matches('\n')));
    }

    /// Whether `--json` was given.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// A line beside the result.
    pub fn say(&self, line: impl fmt::Display) {
        self.tell("", &line);
    }

    /// Something that should be known and stops nothing.
    pub fn note(&self, line: impl fmt::Display) {
        self.tell("note: ", &line);
    }

    /// Something that may do harm.
    pub fn warn(&self, line: impl fmt::Display) {
        self.tell("warning: ", &line);
    }

    /// A bar over `bytes`; only where somebody sees it. It goes away when it's dropped.
    #[must_use]
    pub fn bar(&self, what: &'static str, bytes: u64) -> Progress {
        Progress::bar(self.lively, what, bytes)
    }

    /// Something that turns while the user waits; only where somebody sees it. It goes away when it's
    /// dropped.
    #[must_use]
    pub fn spinner(&self, what: impl Into<String>) -> Progress {
        Progress::spinner(self.lively, what.into())
    }

    /// A stage of something long: a spinner, or a line where nobody would see one.
    #[must_use]
    pub fn stage(&self, what: impl Into<String>) -> Progress {
        let what = what.into();
        if !self.lively {
            self.say(&what);
        }
        self.spinner(what)
    }

    /// Why the command ends: one line with its code, and one with advice if there is any. Said even
    /// when quiet; with `--json` standard output has it too, unless it has a result, which says more.
    pub(crate) fn failure(&self, error: &impl Fault) {
        let (message, advice) = (harmless(&chain(error)), error.advice());
        if self.json && !self.printed.load(Ordering::Relaxed) {
            self.print_json(&json!({ "error": {
                "code": error.code(),
                "message": message,
                "advice": advice,
                "docs": format!("docs/errors/{}.md", error.code()),
            }}));
        }
        let mut lines = format!("error[{}]: {message}\n", error.code());
        if let Some(advice) = advice {
            lines += &format!("       {}\n", harmless(&advice));
        }
        say_on_stderr(&lines);
    }

    /// The failure if results were lost, for another reason than that their reader had seen enough.
    pub(crate) fn lost(&self) -> Option<Error> {
        let error = self.cut_off.get()?;
        // The original stays where it is.
        let again = || {
            error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
        };
        (error.kind() != io::ErrorKind::BrokenPipe)
            .then(|| Error::io("write", "standard output")(again()))
    }

    fn print_json(&self, value: &impl Serialize) {
        // Results are made of strings, numbers and lists: writing them can't fail.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.write(&format!("{}\n", foreign::escaped_json(text)));
    }

    fn tell(&self, mark: &str, line: &impl fmt::Display) {
        if !self.quiet {
            say_on_stderr(&format!("{mark}{}\n", harmless(&line.to_string())));
        }
    }

    // A reader that has gone away (`sconify … | head`) is no reason to fail, and println! would panic.
    fn write(&self, text: &str) {
        self.printed.store(true, Ordering::Relaxed);
        let mut to = io::stdout();
        if let Err(error) = to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
            self.cut_off.get_or_init(|| error);
        }
    }
}

/// The message, and those of its causes that it does not repeat.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let said = deeper.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = deeper.source();
    }
    text
}

fn say_on_stderr(lines: &str) {
    // Nobody is left to be told.
    let _gone: io::Result<()> = io::stderr().write_all(lines.as_bytes());
}
