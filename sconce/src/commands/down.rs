//! `sconce down`: stops the platform of a data folder.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::args::{DataArgs, seconds};
use crate::failure::Failure;
use crate::platform::{Found, look};
use crate::terminal::Terminal;

/// Stop the platform of a data folder, and wait until it has stopped.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce down --data-dir /tmp/try")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// How long to wait.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: u32,
}

/// Between two looks whether it has stopped.
const LOOK: Duration = Duration::from_millis(25);

/// Stops it.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let data = args.data.folder()?;
    let record = match look(&data)? {
        Found::Nothing => {
            terminal.note(format_args!("nothing runs in {}", data.display()));
            return Ok(());
        }
        Found::Running(record) => record.ok_or_else(|| {
            Failure::failed(format_args!(
                "a platform is just starting in {}",
                data.display()
            ))
            .advice("try again in a moment")
        })?,
    };
    let pid = i32::try_from(record.pid).ok().and_then(Pid::from_raw);
    let sent = pid.map(|pid| kill_process(pid, Signal::TERM));
    if let Some(Err(error)) = sent
        && error != rustix::io::Errno::SRCH
    {
        return Err(Failure::failed(format_args!(
            "process {} cannot be told to stop: {error}",
            record.pid
        )));
    }
    let _spinner = terminal.spinner("stopping");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(args.timeout.into()) {
        if matches!(look(&data)?, Found::Nothing) {
            terminal.say("stopped");
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(Failure::failed(format_args!(
        "process {} has not stopped within {} s",
        record.pid, args.timeout
    ))
    .advice(format_args!(
        "wait longer, or end it with: kill -9 {}",
        record.pid
    )))
}
