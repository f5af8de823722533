//! How a command says why it ends without having done its work.

use std::process::Output;

/// The line with the stable code, and the advice after it.
#[derive(Debug)]
pub struct Complaint {
    /// What the line says after the code.
    pub message: String,
    /// The second line, if there is one.
    pub advice: Option<String>,
}

impl Complaint {
    /// Reads what was printed: one line with this code, at most one of advice, and this exit status. Lines
    /// before that are passed over if the command is a chatty one, which tells of its progress.
    ///
    /// # Errors
    ///
    /// What is otherwise.
    pub fn read(output: &Output, exit: u8, code: &str, chatty: bool) -> Result<Self, String> {
        if output.status.code() != Some(exit.into()) {
            return Err(format!("{} instead of {exit}", output.status));
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let start = format!("error[{code}]: ");
        let mut lines = stderr
            .lines()
            .skip_while(|line| chatty && !line.starts_with("error"));
        let message = lines
            .next()
            .and_then(|line| line.strip_prefix(&start))
            .ok_or_else(|| format!("no line that starts with {start:?}"))?;
        let rest: Vec<_> = lines.collect();
        let is_advice = |line: &&str| line.starts_with("       ") && line.trim().len() > 8;
        if rest.len() > 1 || !rest.iter().all(is_advice) {
            return Err(format!("more than a line and advice: {rest:?}"));
        }
        Ok(Self {
            message: message.to_owned(),
            advice: rest.first().map(|line| line.trim().to_owned()),
        })
    }

    /// Checks that the message has a part.
    ///
    /// # Errors
    ///
    /// It has not.
    pub fn says(&self, part: Option<&str>) -> Result<(), String> {
        match part.filter(|part| !self.message.contains(part)) {
            Some(part) => Err(format!("it does not say {part:?}")),
            None => Ok(()),
        }
    }
}

/// Checks that a command line was refused as one without a meaning.
///
/// # Errors
///
/// It was not.
pub fn of_usage(output: &Output) -> Result<(), String> {
    match output.status.code() {
        Some(2) if output.stderr.starts_with(b"error: ") && output.stdout.is_empty() => Ok(()),
        _ => Err("no complaint about the command line with exit status 2".to_owned()),
    }
}

/// Checks that a command did not panic.
///
/// # Errors
///
/// It says so.
pub fn no_panic(output: &Output) -> Result<(), String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match ["panicked", "backtrace", "RUST_BACKTRACE"]
        .into_iter()
        .find(|word| stderr.contains(word))
    {
        Some(word) => Err(format!("it says {word:?}")),
        None => Ok(()),
    }
}
