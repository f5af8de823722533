//! From the command line to serving: `--worker NAME --threads N`, and `--report-socket DESCRIPTOR
//! --session NAMESPACE/NAME/SERVICE` on a platform that can vouch for it, `--unattested` on any other; or a list
//! of what there is to run: `--list`.

use std::error::Error;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use attestation::Time;
use provision::ServiceName;
use rustix::net::sockopt::socket_type;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tee::{Sim, descriptors};

use crate::boot::{self, Host, Unattested};
use crate::engine::Find;
use crate::serve::{self, exit};

const USAGE: &str = "usage: sconce-worker --worker NAME --threads N --report-socket DESCRIPTOR\n\
                     \x20                    --session NAMESPACE/NAME/SERVICE\n\
                     \x20      sconce-worker --worker NAME --threads N --unattested\n\
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
        Err(fault) => ExitCode::from(tell(&*fault)),
    }
}

/// Writes into the log why the program ends, and returns its exit code.
fn tell(fault: &(dyn Error + 'static)) -> u8 {
    let boot = fault.downcast_ref::<boot::Error>();
    if matches!(boot, Some(boot::Error::Closed)) {
        return exit::END_OF_FILE;
    }
    match boot.and_then(boot::Error::code) {
        Some(code) => eprintln!("error[{code}]: {fault}"),
        None => eprintln!("{fault}"),
    }
    let mut source = fault.source();
    while let Some(inner) = source {
        eprintln!("  because: {inner}");
        source = inner.source();
    }
    match fault.downcast_ref::<serve::Error>() {
        Some(_) => exit::INTERNAL,
        None => exit::CONFIGURATION,
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
    let platform = arguments.platform()?;
    let stream = connection()?;
    let mut host = Host::new(stream.try_clone()?);
    let unattested = Unattested::new(&arguments.worker, &mut host);
    let serving = match platform {
        Some((platform, session)) => {
            let attested = unattested.attest(&platform, session, now())?;
            let serving = attested.provision()?.serving(find);
            serving.vouched(Box::new(platform))
        }
        None => unattested.unvouched()?.serving(find),
    };
    let config = serve::Config {
        worker: arguments.worker,
        threads: arguments.threads,
        longest,
    };
    serve::serve(stream, serving, &config)?;
    Ok(())
}

/// The time, as far as the host lets the program know it.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Time::from_unix(since.unwrap_or_default().as_secs())
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
    boot: Boot,
}

/// Where the keys come from.
enum Boot {
    Vault {
        report_socket: RawFd,
        session: ServiceName,
    },
    Unattested,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Option<Self> {
        let (mut worker, mut threads) = (None, None);
        let (mut report_socket, mut session, mut unattested) = (None, None, false);
        while let Some(name) = given.next() {
            let mut value = || given.next();
            match name.as_str() {
                "--worker" => worker = Some(value()?),
                "--threads" => threads = Some(value()?.parse().ok()?),
                "--report-socket" => report_socket = Some(value()?.parse().ok()?),
                "--session" => session = Some(value()?.parse().ok()?),
                "--unattested" => unattested = true,
                _ => return None,
            }
        }
        let boot = match (report_socket, session, unattested) {
            (Some(report_socket), Some(session), false) => Boot::Vault {
                report_socket,
                session,
            },
            (None, None, true) => Boot::Unattested,
            _ => return None,
        };
        Some(Self {
            worker: worker?,
            threads: threads?,
            boot,
        })
    }

    /// The simulated platform, if there is a socket to it, and the session to ask for there.
    fn platform(&self) -> std::io::Result<Option<(Sim<UnixStream>, ServiceName)>> {
        match &self.boot {
            Boot::Unattested => Ok(None),
            Boot::Vault {
                report_socket,
                session,
            } => {
                let socket = UnixStream::from(descriptors::take(*report_socket)?);
                Ok(Some((Sim::new(socket), session.clone())))
            }
        }
    }
}
