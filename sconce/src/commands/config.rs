//! `sconce config`: what the settings are, where they come from, and whether a file can be used.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::{DataArgs, SettingsArgs};
use crate::failure::Failure;
use crate::settings::{Fault, File, Layers, Shown, example, find};
use crate::terminal::Terminal;

/// Show the settings of `sconce up`, and check files of them.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Show(ShowArgs),
    Check(CheckArgs),
    Example(ExampleArgs),
}

/// Show every setting with its value and where that comes from.
///
/// The source is `default`, a file and a line, a variable of the environment, or a flag.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce config show
  sconce config show --config sconce.toml --set limits.body=1MiB --json")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Check whether a file of settings can be used: exit status 0 if so, and 2 if not.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce config check sconce.toml")]
pub(crate) struct CheckArgs {
    /// The file [default: the one that `sconce up` would read].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Print a complete file with every setting, its default and its meaning.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  sconce config example > sconce.toml")]
pub(crate) struct ExampleArgs {}

/// Does what was asked for.
pub(crate) fn run(command: Command, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        Command::Show(args) => show(&args, terminal),
        Command::Check(args) => check(&args, terminal),
        Command::Example(ExampleArgs {}) => {
            terminal.print(example().trim_end());
            Ok(())
        }
    }
}

fn show(args: &ShowArgs, terminal: &Terminal) -> Result<(), Failure> {
    let read = args.settings.read(&args.data.folder()?, Vec::new())?;
    let list = read.effective.list();
    if args.json {
        let views: Vec<_> = list.iter().map(view).collect();
        terminal.print_json(&json!({ "file": read.file, "settings": views }));
        return Ok(());
    }
    read.say_so(terminal);
    let longest = |of: fn(&Shown) -> usize| list.iter().map(of).max().unwrap_or(0);
    let key = longest(|one| one.key.len());
    let value = longest(|one| one.value.to_string().len()).min(24);
    for one in &list {
        let shown = one.value.to_string();
        terminal.print(format_args!(
            "{:key$}  {shown:value$}  {}",
            one.key, one.source
        ));
    }
    Ok(())
}

fn view(one: &Shown) -> serde_json::Value {
    json!({
        "key": one.key,
        "value": one.value,
        "source": one.source,
        "expected": one.wanted,
        "variable": one.variable,
        "flag": one.flag,
        "about": one.about,
    })
}

fn check(args: &CheckArgs, terminal: &Terminal) -> Result<(), Failure> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => found(&args.data.folder()?)?,
    };
    let faults = match File::read(&file) {
        Err(fault) => vec![fault],
        Ok(read) => {
            let layers = Layers {
                file: Some(read),
                ..Layers::default()
            };
            layers.lay().err().unwrap_or_default()
        }
    };
    if args.json {
        let view =
            |fault: &Fault| json!({ "place": fault.place, "key": fault.key, "what": fault.what });
        let views: Vec<_> = faults.iter().map(view).collect();
        terminal.print_json(&json!({
            "file": file,
            "usable": faults.is_empty(),
            "faults": views,
        }));
    }
    match Failure::of_settings(&faults) {
        Some(failure) => Err(failure),
        None if args.json => Ok(()),
        None => {
            terminal.print(format_args!("{} can be used", file.display()));
            Ok(())
        }
    }
}

fn found(data: &Path) -> Result<PathBuf, Failure> {
    find(
        std::env::var_os("SCONCE_CONFIG")
            .filter(|file| !file.is_empty())
            .map(PathBuf::from)
            .as_deref(),
        data,
    )
    .map(|found| found.file)
    .ok_or_else(|| {
        Failure::unusable("there is no sconce.toml in the data folder or here")
            .advice("name a file, or make one: sconce config example > sconce.toml")
    })
}
