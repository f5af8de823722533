//! `sconce host`: the process beside one enclave program. `sconce up` starts it.

use std::ffi::OsString;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::ArgGroup;
use host::{Config, Directory, Keys, Program, Provision, Timing, VaultAddress, WorkerName};
use provision::ServiceName;
use rustix::process::{Signal, getpid, kill_process};
use sconify::terminal::foreign::harmless;

use crate::args::duration;
use crate::failure::{Failure, is_code};
use crate::platform;

/// Run the host process of one worker (`sconce up` does it for you).
///
/// It starts the worker program, registers it with a manager, and carries frames between the two.
/// Without --manager it waits for peers, such as Avalon's own enclave manager.
///
/// With --image the program is the one in the image's measured pages, launched on a simulated platform,
/// which vouches for it and protects nothing. It gets its keys from a vault on the same platform.
///
/// With --program nothing vouches for it, and no vault has keys for it: it makes its own, for as long as its
/// process lasts, and its record says that it is unattested.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("start").args(["program", "image"]).required(true))]
#[command(after_help = "\
Examples, for Avalon's enclave manager:
  sconce host --worker scone-worker-1 --bind tcp://127.0.0.1:7777 \\
      --image target/sconify/worker --platform ~/.local/share/sconce/simulated-platform \\
      --vault 127.0.0.1:8081 --session avalon/scone-worker-1/g1
  sconce host --worker scone-worker-1 --bind tcp://127.0.0.1:7777 \\
      --program target/release/sconce-worker")]
pub(crate) struct Args {
    /// The worker's name.
    #[arg(long, value_name = "NAME")]
    worker: WorkerName,
    /// The worker program's file, run as it is: nothing measures it.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The folder of the worker's image, as `sconify build` writes it.
    #[arg(long, value_name = "FOLDER", requires_all = ["platform", "vault", "session"])]
    image: Option<PathBuf>,
    /// The folder of the simulated platform that the image is launched on.
    #[arg(
        long,
        value_name = "FOLDER",
        requires = "image",
        conflicts_with = "program"
    )]
    platform: Option<PathBuf>,
    /// The vault that has the worker's keys.
    #[arg(
        long,
        value_name = "HOST:PORT",
        requires = "session",
        conflicts_with = "program"
    )]
    vault: Option<VaultAddress>,
    /// The session that they are in, and the service in it: `sconce session show` lists them.
    #[arg(
        long,
        value_name = "NAMESPACE/NAME/SERVICE",
        requires = "vault",
        conflicts_with = "program"
    )]
    session: Option<ServiceName>,
    /// The key directory that the worker's keys are published in. The program is shown its own entry again
    /// and again, and ends if somebody else has changed that.
    #[arg(long, value_name = "HOST:PORT", requires = "vault")]
    directory: Option<String>,
    /// Between two looks.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, requires = "directory")]
    directory_check: Duration,
    /// Threads of the program [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
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
    /// Further arguments of the worker program.
    #[arg(last = true)]
    program_args: Vec<OsString>,
}

/// Runs until a signal says stop.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let program = match (args.program, args.image, args.platform) {
        (Some(program), ..) => Program::Bare(program),
        (None, Some(image), Some(platform)) => platform::enclave(&image, platform)?.into(),
        // The command line is refused before.
        (None, ..) => return Err(Failure::unusable("there is no program to start")),
    };
    let mut config = Config::new(args.worker, program);
    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = args.threads.unwrap_or_else(cores).to_string();
    let told = ["--worker", config.worker.as_str(), "--threads", &threads];
    config.program_args = told.map(OsString::from).to_vec();
    config.program_args.extend(args.program_args);
    config.keys = match (args.vault, args.session) {
        (Some(vault), Some(service)) => Keys::Vault(Provision { vault, service }),
        _ => Keys::Unattested(None),
    };
    let check = args.directory_check;
    config.directory = args.directory.map(|address| Directory { address, check });
    config.bind = args.bind;
    config.manager = args.manager;
    if let Some(file) = args.token_file {
        let token = platform::read_token(&file)?;
        config.token = Some(token.expose().to_owned());
    }
    if matches!(config.program, Program::Measured(_)) && !args.until_stdin_closes {
        // A supervisor has said so itself, once for all its hosts.
        tracing::warn!("the program runs on a simulated platform, which protects nothing");
    }
    if args.until_stdin_closes {
        stop_with_standard_input(config.timing);
    }
    host::run(config).map_err(|error| failed(&error))
}

/// Why a host ends.
pub(super) fn failed(error: &host::Error) -> Failure {
    let failure = Failure::failed(harmless(&error.to_string()));
    let failure = match error.code() {
        Some(code) if is_code(code) => failure.coded(code.to_owned()),
        _ => failure,
    };
    match error.advice() {
        Some(advice) => failure.advised(harmless(advice)),
        None => failure,
    }
}

/// Has this process told to stop when its standard input ends.
pub(super) fn stop_with_standard_input(timing: Timing) {
    // Longer than a stop may take: after that the process ends whatever it's waiting for.
    let longest = timing.drain + timing.grace * 2;
    thread::spawn(move || stop_at_end_of_input(longest));
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
