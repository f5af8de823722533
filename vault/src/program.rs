//! From descriptors to serving.

use std::process::ExitCode;

/// Runs the program until its host closes the link.
#[must_use]
pub fn run() -> ExitCode {
    ExitCode::FAILURE
}
