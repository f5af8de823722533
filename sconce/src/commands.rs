//! The subcommands, one module each.

pub(crate) mod bench;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod down;
pub(crate) mod drill;
pub(crate) mod host;
pub(crate) mod keys;
pub(crate) mod kt;
pub(crate) mod order;
pub(crate) mod pool;
pub(crate) mod quote;
pub(crate) mod receipt;
pub(crate) mod sconify;
pub(crate) mod session;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod up;
pub(crate) mod upgrade;
pub(crate) mod vault;
pub(crate) mod verify;
pub(crate) mod worker;
pub(crate) mod workload;

use std::future::Future;
use std::num::NonZeroUsize;

use tokio::runtime::Builder;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::logging::{self, Level};
use crate::terminal::Terminal;

/// Runs the command that was given.
pub(crate) fn run(cli: Cli, terminal: &mut Terminal) -> Result<(), Failure> {
    let asked = Level::asked(cli.verbose, cli.quiet);
    if let Command::Up(args) = cli.command {
        let prepared = args.prepare(cli.log_format)?;
        let log = prepared.log();
        terminal.adopt(log.level, log.format);
        logging::start(asked.unwrap_or(log.level), log.format);
        let threads = Threads::Platform(prepared.threads());
        return block_on(threads, up::run(prepared, terminal));
    }
    logging::start(
        asked.unwrap_or(Level::Warn),
        cli.log_format.unwrap_or_default(),
    );
    match cli.command {
        Command::Demo(args) => block_on(Threads::Platform(None), demo::run(args, terminal)),
        // They have been run.
        Command::Up(_) | Command::Sconify(_) => Ok(()),
        Command::Config(command) => config::run(command, terminal),
        Command::Status(args) => block_on(Threads::One, status::run(args, terminal)),
        Command::Down(args) => down::run(&args, terminal),
        Command::Submit(args) => block_on(Threads::One, submit::run(*args, terminal)),
        Command::Worker(command) => block_on(Threads::One, worker::run(command, terminal)),
        Command::Verify(args) => block_on(Threads::One, verify::run(*args, terminal)),
        Command::Receipt(command) => block_on(Threads::One, receipt::run(command, terminal)),
        Command::Order(command) => block_on(Threads::One, order::run(command, terminal)),
        Command::Bench(args) => block_on(Threads::One, bench::run(args, terminal)),
        Command::Workload(command) => workload::run(command, terminal),
        Command::Keys(command) => block_on(Threads::One, keys::run(command, terminal)),
        Command::Kt(command) => kt::run(command, terminal),
        Command::Upgrade(args) => block_on(Threads::One, upgrade::run(args, terminal)),
        Command::Pool(command) => block_on(Threads::One, pool::run(command, terminal)),
        Command::Session(command) => session::run(command, terminal),
        Command::Quote(command) => quote::run(command, terminal),
        Command::Drill(args) => drill::run(&args, terminal),
        Command::Host(args) => host::run(*args),
        Command::Vault(args) => vault::run(*args, terminal),
    }
}

/// How many threads a command needs: a requester's waits most of the time.
enum Threads {
    One,
    /// A platform, with so many if that was said.
    Platform(Option<NonZeroUsize>),
}

/// A platform's threads where nothing else was said: one for each two cores. Workers decrypt and
/// sign for much longer than a platform takes to carry orders, and each thread more is one more that
/// is woken in vain.
fn usual_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    cores.div_ceil(2)
}

fn block_on(
    threads: Threads,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut builder = match threads {
        Threads::One => Builder::new_current_thread(),
        Threads::Platform(_) => Builder::new_multi_thread(),
    };
    if let Threads::Platform(said) = threads {
        builder.worker_threads(said.map_or_else(usual_threads, NonZeroUsize::get));
    }
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format_args!("cannot start: {error}")))?
        .block_on(command)
}
