//! Arguments that several commands take.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{Client, Options, Trust};

use crate::failure::Failure;
use crate::folders;
use crate::settings::{Effective, File, Flag, Layers, find};
use crate::terminal::Terminal;

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
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

impl ListenerArgs {
    /// A client of it.
    pub(crate) fn connect(&self) -> Result<Client, client::Error> {
        self.trust.connect(&self.uri)
    }
}

/// Whom to believe that a listener is the one it says it is.
#[derive(clap::Args)]
pub(crate) struct TrustArgs {
    /// The authority that vouches for a listener with an https address: its certificate in PEM
    /// [default: those that this system trusts].
    #[arg(long, env = "SCONCE_CA", hide_env_values = true, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl TrustArgs {
    /// A client of the listener at this address.
    pub(crate) fn connect(&self, uri: &str) -> Result<Client, client::Error> {
        let mut options = Options::default();
        if let Some(file) = &self.ca {
            options.trust = Trust::Authorities(file.clone());
        }
        Client::connect_with(uri, options)
    }
}

/// Settings beside the flags that have a name of their own.
#[derive(clap::Args)]
pub(crate) struct SettingsArgs {
    /// The file of settings [default: sconce.toml in the data folder, or in the working directory].
    #[arg(
        long,
        env = "SCONCE_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    /// One setting, as in --set limits.body=1MiB; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Settings that have been read.
pub(crate) struct Read {
    pub(crate) effective: Effective,
    /// The file, if there is one.
    pub(crate) file: Option<PathBuf>,
    passed_over: Option<PathBuf>,
}

impl SettingsArgs {
    /// Reads all layers; `flags` are those that have a name of their own.
    pub(crate) fn read(&self, data: &Path, mut flags: Vec<Flag>) -> Result<Read, Failure> {
        for set in &self.sets {
            let (key, value) = set.split_once('=').ok_or_else(|| {
                Failure::unusable(format_args!("--set {set}: expected KEY=VALUE"))
                    .advice("as in --set limits.body=1MiB; `sconce config example` shows all keys")
            })?;
            flags.push(Flag {
                name: format!("--set {key}"),
                key: key.to_owned(),
                words: vec![value.to_owned()],
            });
        }
        let found = find(self.config.as_deref(), data);
        if self.config.is_none()
            && let Some(found) = &found
            && found.is_a_trap().unwrap_or(true)
        {
            let file = found.file.display();
            return Err(Failure::unusable(format_args!(
                "{file} in the working directory may be anybody's"
            ))
            .advice(format_args!(
                "name it if you trust it: --config {file}; or work in another folder"
            )));
        }
        let file = found.as_ref().map(|found| File::read(&found.file));
        let file = file.transpose().map_err(Failure::unusable)?;
        let environment: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                let value = value.to_string_lossy().into_owned();
                name.starts_with("SCONCE_").then_some((name, value))
            })
            .collect();
        let layers = Layers {
            file,
            environment,
            flags,
        };
        let effective = layers.lay().map_err(|faults| {
            // There is at least one.
            Failure::of_settings(&faults).unwrap_or_else(|| Failure::unusable("bad settings"))
        })?;
        let (file, passed_over) =
            found.map_or((None, None), |found| (Some(found.file), found.passed_over));
        Ok(Read {
            effective,
            file,
            passed_over,
        })
    }
}

impl Read {
    /// Says which file counts, and what was left out.
    pub(crate) fn say_so(&self, terminal: &Terminal) {
        if let Some(file) = &self.file {
            terminal.say(format_args!("settings   {}", file.display()));
            if std::fs::metadata(file).is_ok_and(|file| file.mode() & 0o022 != 0) {
                terminal.warn(format_args!(
                    "{} can be changed by other users: chmod go-w it",
                    file.display()
                ));
            }
        }
        if let Some(other) = &self.passed_over {
            terminal.note(format_args!("{} does not count", other.display()));
        }
        for stray in &self.effective.strays {
            terminal.warn(stray);
        }
    }
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

/// A time, as in `30s`, `500ms` or `2m`.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let advice = "give a number and a unit, as in 30s, 500ms or 2m";
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(advice),
    };
    let number: u32 = digits.parse().map_err(|_| advice)?;
    Ok(Duration::from_millis(u64::from(number) * millis))
}

/// A time in whole seconds.
pub(crate) fn seconds(text: &str) -> Result<u32, &'static str> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err("give a whole number of seconds from 1 on, as in 30"),
    }
}

/// How long to wait for an answer.
#[derive(clap::Args)]
pub(crate) struct WaitArgs {
    /// How long to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
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
