//! Arguments that several commands take.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;
use crate::folders;

/// Where a platform listens unless it's told otherwise.
pub(crate) const DEFAULT_URI: &str = "http://localhost:1947";

/// Which listener to talk to.
#[derive(clap::Args)]
pub(crate) struct ListenerArgs {
    /// The listener's address.
    #[arg(
        short,
        long,
        env = "SCONCE_URI",
        hide_env_values = true,
        value_name = "URL",
        default_value = DEFAULT_URI
    )]
    pub(crate) uri: String,
}

/// Which platform of this machine.
#[derive(clap::Args)]
pub(crate) struct DataArgs {
    /// The data folder [default: $XDG_DATA_HOME/sconce, or ~/.local/share/sconce].
    #[arg(
        long,
        env = folders::DATA_DIR,
        hide_env_values = true,
        value_name = "FOLDER"
    )]
    data_dir: Option<PathBuf>,
}

impl DataArgs {
    /// The folder that was given, or the default one.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        self.data_dir.clone().map_or_else(folders::data, Ok)
    }
}

/// How long to wait for an answer.
#[derive(clap::Args)]
pub(crate) struct WaitArgs {
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Don't wait: end as soon as it's known whether there is an answer already.
    #[arg(long, alias = "no_wait")]
    pub(crate) no_wait: bool,
}

impl WaitArgs {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}
