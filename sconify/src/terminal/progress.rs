//! How far a long operation has come.

use std::io::Read;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar or a spinner on standard error; nothing at all where nobody would see it. It goes away when
/// it's dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// One that nobody sees.
    #[must_use]
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(super) fn bar(lively: bool, what: &'static str, bytes: u64) -> Self {
        let template = "{msg} {bar:30} {bytes}/{total_bytes} {eta:.dim}";
        Self::new(lively, template, || ProgressBar::new(bytes), what.into())
    }

    pub(super) fn spinner(lively: bool, what: String) -> Self {
        let template = "{spinner} {msg} {elapsed:.dim}";
        Self::new(lively, template, ProgressBar::new_spinner, what)
    }

    fn new(lively: bool, template: &str, make: impl FnOnce() -> ProgressBar, what: String) -> Self {
        if !lively {
            return Self::hidden();
        }
        let bar = make().with_message(what);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// So many bytes more are done.
    pub fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Counts what is read.
    pub fn over<R: Read>(&self, reader: R) -> impl Read {
        self.0.wrap_read(reader)
    }

    /// Says something else beside it.
    pub fn say(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
