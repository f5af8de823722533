//! `sconce vault`: the process beside a vault program. `sconce up` starts it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use host::vault::{Config, run as host};

use crate::commands::host::{failed, stop_with_standard_input};
use crate::failure::Failure;
use crate::platform;
use crate::terminal::Terminal;

/// Run the host process of a vault (`sconce up` does it for you).
///
/// It launches the program in the image's measured pages on a simulated platform, which vouches for it and
/// protects nothing, gives it its file and sockets, and starts it again when it dies. It carries nothing:
/// clients of a vault speak TLS with the program itself.
///
/// A vault of its own has no owner until somebody claims it: whoever asks first.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce vault --image target/sconify/vault --platform platform --journal vault.journal")]
pub(crate) struct Args {
    /// The folder of the vault's image, as `sconify build` writes it.
    #[arg(long, value_name = "FOLDER")]
    image: PathBuf,
    /// The folder of the simulated platform that the image is launched on; a new one if it isn't there.
    /// Workers get keys only on the same one.
    #[arg(long, value_name = "FOLDER")]
    platform: PathBuf,
    /// The file with its sealed state; a new one if it isn't there.
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// Where workers and operators reach it.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8081",
        conflicts_with = "sockets_from_stdin"
    )]
    listen: SocketAddr,
    /// Where pools reach its key management, in plain HTTP.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "sockets_from_stdin")]
    pool: Option<SocketAddr>,
    /// Take both sockets over standard input, which is a socket, and stop when that ends.
    #[arg(long, hide = true)]
    sockets_from_stdin: bool,
}

/// Runs until a signal says stop.
pub(crate) fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let enclave = platform::enclave(&args.image, args.platform)?;
    let (requests, pool) = if args.sockets_from_stdin {
        platform::receive_sockets(io::stdin().as_fd())
            .map_err(|error| Failure::unusable(format_args!("standard input: {error}")))?
    } else {
        tracing::warn!("the program runs on a simulated platform, which protects nothing");
        let bind = |address| {
            TcpListener::bind(address).map_err(|error| {
                Failure::failed(format_args!("cannot listen at {address}: {error}"))
            })
        };
        (bind(args.listen)?, args.pool.map(bind).transpose()?)
    };
    let mut config = Config::new(enclave, args.journal, requests);
    config.pool = pool;
    if args.sockets_from_stdin {
        stop_with_standard_input(config.timing);
    }
    host(config).map_err(|error| match error {
        host::Error::Vault(_) if args.sockets_from_stdin => {
            tell_supervisor(&failed(&error), terminal)
        }
        _ => failed(&error),
    })
}

/// Ends with what the vault refuses, which the supervisor reads from standard output and says itself.
fn tell_supervisor(failure: &Failure, terminal: &Terminal) -> ! {
    terminal.print_json_line(&failure.to_json());
    std::process::exit(1)
}
