//! The signals that ask a platform to stop, and one that must not.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Ctrl-C and SIGTERM.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    /// A write beyond the limit on file sizes. Unless somebody listens it ends the process; then the
    /// write fails, as on a full disk, which the store lives through.
    _too_large: Signal,
}

/// SIGHUP: from somebody who has put a new certificate in place, or from a terminal that went away.
pub(crate) struct HangUps {
    signal: Signal,
    /// Whether there was a terminal at the start.
    terminal: bool,
}

fn watch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::failed(format_args!("cannot watch for signals: {error}")))
}

impl HangUps {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            signal: watch(SignalKind::hangup())?,
            terminal: io::stderr().is_terminal(),
        })
    }

    /// Waits for one; whether the terminal, if there was one, is still there.
    pub(crate) async fn next(&mut self) -> bool {
        let _ = self.signal.recv().await;
        !self.terminal || io::stderr().is_terminal()
    }
}

impl StopSignals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
            _too_large: watch(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for one of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
