//! `sconce up`: a whole platform with one command.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use host::WorkerName;
use manager::StaticWorker;

use crate::args::DataArgs;
use crate::failure::Failure;
use crate::notify;
use crate::platform::{Mode, Plan, Platform};
use crate::signals::StopSignals;
use crate::terminal::Terminal;

/// Start a platform: store, manager, listener, and a worker process for each worker.
///
/// Runs until Ctrl-C or `sconce down`. The data folder keeps orders, answers, tokens and the
/// workers' development keys; only one platform at a time can use it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce up
  sconce up --listener 127.0.0.1:0 --data-dir /tmp/try --workers 1
  sconce up --worker alpha --worker beta --mode sync")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Where requesters connect; port 0 is any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1947", value_parser = listener)]
    listener: SocketAddr,
    /// Whether submitting waits for the answer.
    #[arg(long, value_enum, default_value = "async")]
    mode: Mode,
    #[command(flatten)]
    workers: WorkersArgs,
    /// A worker that runs elsewhere and knows nothing of joining, such as Avalon's: its name and its
    /// ZeroMQ endpoint. May be given several times.
    #[arg(long, value_name = "NAME=tcp://HOST:PORT", value_parser = static_worker)]
    static_worker: Vec<StaticWorker>,
    /// The file with the token that operators show [default: one in the data folder].
    #[arg(long, value_name = "FILE")]
    operator_token_file: Option<PathBuf>,
    /// Where hosts connect that are started elsewhere, with `sconce host` [default: any free port of
    /// this machine]. The way to them is not encrypted.
    #[arg(long, value_name = "tcp://ADDRESS:PORT")]
    manager: Option<String>,
    /// The file with the token that hosts show [default: a new one in the data folder at each start].
    #[arg(long, value_name = "FILE")]
    host_token_file: Option<PathBuf>,
}

/// Which workers, and how.
#[derive(clap::Args)]
pub(crate) struct WorkersArgs {
    /// How many workers: scone-worker-1, scone-worker-2, …
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(..=64))]
    workers: u16,
    /// A worker of this name instead; may be given several times.
    #[arg(long, value_name = "NAME", conflicts_with = "workers")]
    worker: Vec<WorkerName>,
    /// Processes of each worker; they share its keys.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    processes: u16,
    /// Threads of each process [default: one a core].
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
    /// The worker program [default: built from the checkout].
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
}

impl WorkersArgs {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.worker.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            names = (1..=self.workers)
                .map(|n| format!("scone-worker-{n}"))
                .collect();
        }
        names.sort();
        names.dedup();
        names
    }
}

fn listener(text: &str) -> Result<SocketAddr, &'static str> {
    let advice = "write an IP address and a port, as in 127.0.0.1:1947";
    match text.strip_prefix("localhost:") {
        Some(port) => port
            .parse()
            .map(|port: u16| (Ipv4Addr::LOCALHOST, port).into())
            .map_err(|_| advice),
        None => text.parse().map_err(|_| advice),
    }
}

fn threads(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "give 1 or more")
}

fn static_worker(text: &str) -> Result<StaticWorker, &'static str> {
    let (name, endpoint) = text
        .split_once('=')
        .ok_or("expected NAME=tcp://HOST:PORT")?;
    Ok(StaticWorker {
        name: name.to_owned(),
        endpoint: endpoint.to_owned(),
    })
}

impl Args {
    fn plan(self) -> Result<Plan, Failure> {
        let workers = self.workers.names();
        if workers.is_empty() && self.static_worker.is_empty() && self.manager.is_none() {
            return Err(Failure::unusable("there would be no worker").advice(
                "give --workers 1 or more, or a --static-worker, or a --manager that hosts can find",
            ));
        }
        Ok(Plan {
            data: self.data.folder()?,
            listener: self.listener,
            mode: self.mode,
            workers,
            processes: self.workers.processes.into(),
            threads: self.workers.threads,
            static_workers: self.static_worker,
            operator_token_file: self.operator_token_file,
            manager: self.manager,
            host_token_file: self.host_token_file,
            image: self.workers.image,
        })
    }
}

/// Runs until a signal says stop.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let plan = args.plan()?;
    let mut stop = StopSignals::new()?;
    let mut platform = tokio::select! {
        platform = Platform::start(plan, terminal) => platform?,
        () = stop.next() => {
            terminal.say("stopped while building; nothing was started");
            return Ok(());
        }
    };
    let ready = tokio::select! {
        ready = platform.ready(terminal) => ready,
        () = stop.next() => return end(platform, &mut stop, terminal).await,
    };
    if ready.is_ok() {
        let greeting = platform.greeting();
        terminal.print(&greeting);
        notify::ready(&greeting);
        terminal.say("stop with Ctrl-C or `sconce down`");
        tokio::select! {
            () = stop.next() => {}
            () = platform.keep_record() => {}
        }
    }
    end(platform, &mut stop, terminal).await?;
    ready
}

/// Stops; at once when a second signal comes.
async fn end(
    platform: Platform,
    stop: &mut StopSignals,
    terminal: &Terminal,
) -> Result<(), Failure> {
    notify::stopping();
    terminal.say("stopping");
    tokio::select! {
        () = platform.stop() => terminal.say("stopped"),
        () = stop.next() => terminal.warn("stopped at once; orders in flight start again next time"),
    }
    Ok(())
}
