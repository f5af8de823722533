//! `sconce host`: the process beside one enclave program. `sconce up` starts it.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use host::{Config, WorkerName};
use rustix::process::{Signal, getpid, kill_process};

use crate::failure::Failure;
use crate::platform;

/// Run the host process of one worker (`sconce up` does it for you).
///
/// It starts the worker program, registers it with a manager, and carries frames between the two.
/// Without --manager it waits for peers, such as Avalon's own enclave manager.
#[derive(clap::Args)]
#[command(after_help = "\
Example, for Avalon's enclave manager:
  sconce host --worker scone-worker-1 --bind tcp://127.0.0.1:7777 \\
      --program target/release/sconce-worker \\
      -- --worker scone-worker-1 --development-keys keys.json")]
pub(crate) struct Args {
    /// The worker's name.
    #[arg(long, value_name = "NAME")]
    worker: WorkerName,
    /// The worker program's file.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// ZeroMQ endpoint to listen on; port 0 is any free one, and -v says which. Whoever reaches it
    /// can use the worker [default: tcp://127.0.0.1:0; with --manager unix:PATH nothing].
    #[arg(long, value_name = "ENDPOINT")]
    bind: Option<String>,
    /// ZeroMQ endpoint of the manager to register with, or unix:PATH of its socket.
    #[arg(long, value_name = "ENDPOINT", requires = "token_file")]
    manager: Option<String>,
    /// The file with the token that the manager asks of its hosts.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Stop when standard input ends.
    #[arg(long)]
    until_stdin_closes: bool,
    /// Arguments of the worker program.
    #[arg(last = true)]
    program_args: Vec<OsString>,
}

/// Runs until a signal says stop.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut config = Config::new(args.worker, args.program);
    config.program_args = args.program_args;
    config.bind = args.bind;
    config.manager = args.manager;
    if let Some(file) = args.token_file {
        let token = platform::read_token(&file)?;
        config.token = Some(token.expose().to_owned());
    }
    if args.until_stdin_closes {
        // Longer than a stop may take: after that the process ends whatever it's waiting for.
        let longest = config.timing.drain + config.timing.grace * 2;
        thread::spawn(move || stop_at_end_of_input(longest));
    }
    host::run(config).map_err(Failure::failed)
}

fn stop_at_end_of_input(longest: Duration) {
    let mut input = std::io::stdin().lock();
    let mut ignored = [0; 256];
    while input.read(&mut ignored).is_ok_and(|length| length > 0) {}
    // As if the supervisor, which is gone, had said so.
    let _self_exists = kill_process(getpid(), Signal::TERM);
    thread::sleep(longest);
    std::process::exit(1);
}
