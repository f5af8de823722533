//! `sconce up`: a whole platform with one command.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::args::{DataArgs, Read, SettingsArgs, duration};
use crate::failure::Failure;
use crate::logging::Format;
use crate::notify;
use crate::platform::{Plan, Platform};
use crate::settings::{Flag, LogSettings};
use crate::signals::{HangUps, StopSignals};
use crate::terminal::Terminal;

/// Start a platform: store, manager, listener, a vault, a key directory, and a worker process for each
/// worker.
///
/// Runs until Ctrl-C or `sconce down`. The data folder keeps orders, answers, tokens and, sealed, the
/// vault's state with the workers' keys; only one platform at a time can use it.
///
/// The vault has keys for the one image that they were made for. Started with another, as after a change of
/// a workload, workers get none: --upgrade has new ones made.
///
/// Every setting stands in a file too, and in the environment: see `sconce config example`. The
/// flags here go before both.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce up
  sconce up --listener 127.0.0.1:0 --data-dir /tmp/try --workers 1
  sconce up --worker alpha --worker beta --mode sync --set limits.body=1MiB")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Where requesters connect; port 0 is any free one [default: 127.0.0.1:1947].
    #[arg(long, value_name = "ADDRESS")]
    listener: Option<String>,
    /// Whether submitting waits for the answer: async or sync [default: async].
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// How many workers: scone-worker-1, scone-worker-2, … [default: 5].
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// A worker of this name instead; may be given several times.
    #[arg(long, value_name = "NAME", conflicts_with = "workers")]
    worker: Vec<String>,
    /// Processes of each worker; they share its keys [default: 1].
    #[arg(long, value_name = "N")]
    processes: Option<String>,
    /// Threads of each process [default: one a core].
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// The workers' image: a folder of `sconify build`, an OCI layout, or a tar [default: built from the
    /// checkout].
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    /// The vault's image [default: the folder vault beside that of --image, or built from the checkout].
    #[arg(long, value_name = "IMAGE")]
    vault_image: Option<PathBuf>,
    /// Give workers whose keys were made for another image new keys for this one. Those that they have are
    /// kept, and the image that they are for runs on, for the time of --overlap.
    #[arg(long)]
    upgrade: bool,
    /// How long earlier keys of the workers are kept after an upgrade.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration, requires = "upgrade")]
    overlap: Duration,
    /// Where workers and operators reach the vault; port 0 is any free one [default: 127.0.0.1:8081].
    #[arg(long, value_name = "ADDRESS")]
    vault: Option<String>,
    /// Where requesters look the workers' keys up; port 0 is any free one, "" has nothing published
    /// [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    transparency: Option<String>,
    /// A worker that runs elsewhere and knows nothing of joining, such as Avalon's: its name and its
    /// ZeroMQ endpoint. May be given several times.
    #[arg(long, value_name = "NAME=tcp://HOST:PORT")]
    static_worker: Vec<String>,
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

/// What is to be started, and how that was found out.
pub(crate) struct Prepared {
    data: PathBuf,
    read: Read,
    upgrade: Option<Duration>,
}

impl Args {
    /// Reads the settings, before anything is started or logged.
    pub(crate) fn prepare(self, log_format: Option<Format>) -> Result<Prepared, Failure> {
        let data = self.data.folder()?;
        let flags = self.flags(log_format);
        let read = self.settings.read(&data, flags)?;
        Ok(Prepared {
            data,
            read,
            upgrade: self.upgrade.then_some(self.overlap),
        })
    }

    /// The flags that were given.
    fn flags(&self, log_format: Option<Format>) -> Vec<Flag> {
        let path = |path: &Option<PathBuf>| {
            let path = path
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned());
            path.into_iter().collect()
        };
        let word = |word: &Option<String>| word.iter().cloned().collect();
        let format = log_format.and_then(|format| {
            let (name, _) = Format::ALL.iter().find(|(_, one)| *one == format)?;
            // It's the same variable that both look at.
            let from_environment = std::env::var("SCONCE_LOG_FORMAT").is_ok_and(|set| set == *name);
            (!from_environment).then(|| (*name).to_owned())
        });
        let all: [(&str, &str, Vec<String>); 15] = [
            ("--listener", "listener.address", word(&self.listener)),
            ("--mode", "listener.mode", word(&self.mode)),
            ("--workers", "workers.count", word(&self.workers)),
            ("--worker", "workers.names", self.worker.clone()),
            ("--processes", "workers.processes", word(&self.processes)),
            ("--threads", "workers.threads", word(&self.threads)),
            ("--image", "workers.image", path(&self.image)),
            ("--vault-image", "vault.image", path(&self.vault_image)),
            ("--vault", "vault.address", word(&self.vault)),
            (
                "--transparency",
                "directory.address",
                word(&self.transparency),
            ),
            (
                "--static-worker",
                "workers.elsewhere",
                self.static_worker.clone(),
            ),
            (
                "--operator-token-file",
                "listener.operator_token_file",
                path(&self.operator_token_file),
            ),
            ("--manager", "manager.endpoint", word(&self.manager)),
            (
                "--host-token-file",
                "manager.token_file",
                path(&self.host_token_file),
            ),
            ("--log-format", "log.format", word(&format)),
        ];
        let given = all.into_iter().filter(|(_, _, words)| !words.is_empty());
        let mut flags: Vec<_> = given
            .map(|(name, key, words)| Flag {
                name: name.to_owned(),
                key: key.to_owned(),
                words,
            })
            .collect();
        if self.workers.is_some() {
            // Names that another layer has are not meant then.
            flags.push(Flag {
                name: "--workers".to_owned(),
                key: "workers.names".to_owned(),
                words: Vec::new(),
            });
        }
        flags
    }
}

impl Prepared {
    /// How many threads the platform is to have, if that was said.
    pub(crate) fn threads(&self) -> Option<NonZeroUsize> {
        self.read.effective.settings.listener.threads
    }

    /// How lines on standard error are to be.
    pub(crate) fn log(&self) -> &LogSettings {
        &self.read.effective.settings.log
    }
}

/// Runs until a signal says stop.
pub(crate) async fn run(prepared: Prepared, terminal: &Terminal) -> Result<(), Failure> {
    prepared.read.say_so(terminal);
    let plan = Plan {
        data: prepared.data,
        settings: prepared.read.effective.settings,
        upgrade: prepared.upgrade,
    };
    let mut stop = StopSignals::new()?;
    let mut hang_ups = HangUps::new()?;
    let mut platform = tokio::select! {
        platform = Platform::start(plan, terminal) => platform?,
        () = stop.next() => {
            terminal.say("stopped before it was ready");
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
        loop {
            tokio::select! {
                () = stop.next() => break,
                () = platform.keep() => {}
                there = hang_ups.next() => {
                    if !(there && platform.reload_certificate(terminal)) {
                        break;
                    }
                }
            }
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
