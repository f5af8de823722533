//! `sconify lock`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::build::built;
use crate::Error;
use crate::build::{self, Plan, WORKER};
use crate::lock::{FILE, Lock};
use crate::terminal::Terminal;

/// What `sconify lock` takes.
#[derive(clap::Args)]
#[command(
    about = "Write the measurement of an enclave program to its lock file, or compare it",
    after_help = "\
Examples:
  sconify lock
  sconify lock --check

Exit status of --check: 0 the same; 1 another measurement; 3 another one, but made with other tools,
so nothing follows from it."
)]
pub(crate) struct Args {
    /// Compare with the file that is there, and write nothing
    #[arg(long)]
    check: bool,
    /// The package of the enclave program
    #[arg(long, value_name = "NAME", default_value = WORKER)]
    package: String,
}

/// Does it.
pub(crate) fn run(args: Args, terminal: &Terminal) -> Result<(), Error> {
    let here = std::env::current_dir().map_err(Error::io("read", "."))?;
    let mut plan = Plan::new(build::find_checkout(&here)?);
    plan.package = args.package;
    let path = plan.package_folder().join(FILE);
    let locked = if args.check {
        Some(Lock::read(&path)?)
    } else {
        None
    };
    let lock = Lock::of(&built(&plan, terminal)?);
    match locked {
        Some(locked) => locked.check(&lock, &path)?,
        None => lock.write(&path)?,
    }
    terminal.print(&Report {
        mrenclave: lock.mrenclave,
        file: path,
        checked: args.check,
    });
    Ok(())
}

#[derive(Serialize)]
struct Report {
    mrenclave: String,
    file: PathBuf,
    checked: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.checked { "as in" } else { "written to" };
        write!(f, "{}  {what} {}", self.mrenclave, self.file.display())
    }
}
