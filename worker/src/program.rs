//! From the command line to serving: `--worker NAME --threads N --development-keys DESCRIPTOR`, on a
//! platform that can vouch for it also `--report-socket DESCRIPTOR`; or a list of what there is to run:
//! `--list`.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use rustix::net::sockopt::socket_type;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tee::{Sim, descriptors};

use crate::engine::{Engine, Find};
use crate::keys::{DevelopmentKeyFile, KeySource};
use crate::serve::{self, exit};

const USAGE: &str = "usage: sconce-worker --worker NAME --threads N --development-keys DESCRIPTOR\n\
                     \x20                    [--report-socket DESCRIPTOR]\n\
                     \x20      sconce-worker --list\n\
                     It is started by `sconce host`, with a socket as standard input.";

/// Runs the program with the workloads that `find` knows, none of which may take longer than
/// `longest`, and returns when the host is done with it. Messages go to standard error. With `--list`
/// it prints `ids` and serves nobody.
pub fn run(find: Find, longest: Duration, ids: &mut dyn Iterator<Item = &str>) -> ExitCode {
    if std::env::args().skip(1).eq(["--list"]) {
        return list(ids);
    }
    match start(find, longest) {
        Ok(()) => ExitCode::from(exit::END_OF_FILE),
        Err(fault) => {
            eprintln!("{fault}");
            let mut source = fault.source();
            while let Some(inner) = source {
                eprintln!("  because: {inner}");
                source = inner.source();
            }
            let serving = fault.downcast_ref::<serve::Error>().is_some();
            ExitCode::from(if serving {
                exit::INTERNAL
            } else {
                exit::CONFIGURATION
            })
        }
    }
}

/// Prints a line for each id.
fn list(ids: &mut dyn Iterator<Item = &str>) -> ExitCode {
    let mut out = std::io::stdout().lock();
    for id in ids {
        if writeln!(out, "{id}").is_err() {
            return ExitCode::from(exit::INTERNAL);
        }
    }
    ExitCode::SUCCESS
}

fn start(find: Find, longest: Duration) -> Result<(), Box<dyn Error>> {
    // Nobody but root may look into it from now on, and it leaves no core.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let arguments = Arguments::parse(std::env::args().skip(1)).ok_or(USAGE)?;
    let source = DevelopmentKeyFile::new(&arguments.worker, arguments.key_file()?);
    let platform = arguments.platform()?;
    let stream = connection()?;
    let mut keys = source.keys()?;
    if let Some(platform) = platform {
        keys = keys.attested(&platform)?;
    }
    let config = serve::Config {
        worker: arguments.worker,
        keys: source.kind(),
        threads: arguments.threads,
        longest,
    };
    serve::serve(stream, Engine::new(keys, find), &config)?;
    Ok(())
}

/// Standard input, if it's the socket that a host gives.
fn connection() -> Result<UnixStream, Box<dyn Error>> {
    let stdin = rustix::stdio::stdin();
    socket_type(stdin).map_err(|_| USAGE)?;
    Ok(UnixStream::from(stdin.try_clone_to_owned()?))
}

struct Arguments {
    worker: String,
    threads: NonZeroUsize,
    development_keys: RawFd,
    report_socket: Option<RawFd>,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Option<Self> {
        let (mut worker, mut threads) = (None, None);
        let (mut development_keys, mut report_socket) = (None, None);
        while let Some(name) = given.next() {
            let value = given.next()?;
            match name.as_str() {
                "--worker" => worker = Some(value),
                "--development-keys" => development_keys = Some(value.parse().ok()?),
                "--threads" => threads = Some(value.parse().ok()?),
                "--report-socket" => report_socket = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(Self {
            worker: worker?,
            threads: threads?,
            development_keys: development_keys?,
            report_socket,
        })
    }

    /// The simulated platform, if there is a socket to it.
    fn platform(&self) -> std::io::Result<Option<Sim<UnixStream>>> {
        let Some(number) = self.report_socket else {
            return Ok(None);
        };
        let socket = UnixStream::from(descriptors::take(number)?);
        Ok(Some(Sim::new(socket)))
    }

    /// The file of development keys.
    fn key_file(&self) -> std::io::Result<File> {
        descriptors::take(self.development_keys).map(File::from)
    }
}
