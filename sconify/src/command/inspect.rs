//! `sconify inspect`.

use std::path::PathBuf;

use crate::Error;
use crate::inspect::inspect;
use crate::terminal::Terminal;

/// Say what an image's measurement covers, and what it does not.
///
/// Parameters, the table of workloads and the page map are read from the measured pages.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconify inspect target/sconify/worker
  sconify inspect worker.tar --json
  sconify inspect enclave.sgxs

Exit status: 0 said; 2 it is no image, or its stream is not canonical.")]
pub(super) struct Args {
    /// An image (a folder, an OCI layout, or a tar with either), or a stream.
    #[arg(value_name = "IMAGE|FILE.sgxs")]
    image: PathBuf,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Error> {
    let reading = terminal.spinner("reading the image");
    let inspection = inspect(&args.image)?;
    drop(reading);
    terminal.print(&inspection);
    Ok(())
}
