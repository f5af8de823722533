//! `sconify diff`.

use std::path::PathBuf;

use crate::Error;
use crate::diff::diff;
use crate::terminal::Terminal;

/// Say what makes two images' measurements differ, and likely why.
///
/// Compares parameters, the enclave's manifest, workloads, files, pages, functions and variables, how
/// the images were made, and what the differing bytes say of paths and times. What merely moved,
/// because something before it grew, is told from what changed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconify diff target/sconify/worker /tmp/rebuilt/worker
  sconify diff released.tar target/sconify/worker --json
  sconify diff a.sgxs b.sgxs

Exit status: 0 nothing differs; 1 something does; 2 an image cannot be read.")]
pub(super) struct Args {
    /// An image (a folder, an OCI layout, or a tar with either), or a stream.
    #[arg(value_name = "FIRST")]
    first: PathBuf,
    /// Another one.
    #[arg(value_name = "SECOND")]
    second: PathBuf,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<(), Error> {
    let comparing = terminal.spinner("comparing");
    let comparison = diff(&args.first, &args.second)?;
    drop(comparing);
    terminal.print(&comparison);
    Ok(comparison.answer()?)
}
