//! `sconce demo`: a platform, the three sample orders and one that fails, each step shown.

mod script;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::platform::{Plan, Platform};
use crate::settings::Settings;
use crate::signals::StopSignals;
use crate::terminal::Terminal;
use crate::verification::Requirement;

/// Show everything: a platform in a temporary folder, sample orders, each step.
///
/// The images of worker and vault are built first where that has not been done: that takes some minutes.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  cargo run --release -- demo")]
pub(crate) struct Args {
    /// The worker's image [default: built from the checkout].
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    /// The vault's image [default: the folder vault beside that of --image, or built from the checkout].
    #[arg(long, value_name = "IMAGE")]
    vault_image: Option<PathBuf>,
}

/// How long the worker may take to turn up: the vault makes an RSA key first.
const READY: Duration = Duration::from_secs(60);

/// Runs the demonstration; any other answer than the expected is a failure.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let mut stop = StopSignals::new()?;
    let folder = tempfile::Builder::new()
        .prefix("sconce-demo-")
        .tempdir()
        .map_err(|error| Failure::failed(format_args!("no temporary folder: {error}")))?;
    let mut settings = Settings::default();
    settings.listener.address.set_port(0);
    settings.workers.names = vec![script::WORKER.to_owned()];
    settings.workers.image = args.image;
    settings.vault.image = args.vault_image;
    settings.vault.address.set_port(0);
    if let Some(address) = &mut settings.directory.address {
        address.set_port(0);
    }
    let plan = Plan {
        data: folder.path().to_owned(),
        settings,
        upgrade: None,
    };
    let interrupted = || Failure::failed("stopped before the demonstration was over");
    let mut platform = tokio::select! {
        platform = Platform::start(plan, terminal) => platform?,
        () = stop.next() => return Err(interrupted()),
    };
    let outcome = tokio::select! {
        outcome = show(&mut platform, terminal) => outcome,
        () = stop.next() => Err(interrupted()),
    };
    terminal.say("stopping");
    platform.stop().await;
    drop(folder);
    outcome?;
    terminal.print(format_args!(
        "The platform is stopped and its folder removed. Start your own: {} up",
        own_name()
    ));
    Ok(())
}

/// How the user called this program.
fn own_name() -> String {
    std::env::args_os()
        .next()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "sconce".to_owned())
}

async fn show(platform: &mut Platform, terminal: &Terminal) -> Result<(), Failure> {
    tokio::time::timeout(READY, platform.ready(terminal))
        .await
        .map_err(|_| {
            Failure::failed(format_args!(
                "the worker is not there after {} s",
                READY.as_secs()
            ))
            .advice("run it again with -v to see why")
        })??;
    let ready = Instant::now();
    terminal.print(platform.greeting());
    let client = platform
        .record()
        .client()
        .map_err(|error| Failure::of_client("the demonstration", &error))?;
    let requirement = Requirement::of_platform(platform.data())?;
    script::play(&client, &requirement, terminal).await?;
    terminal.print("");
    terminal.print(format_args!(
        "All answers are as expected, {:.1} s after the worker was ready.",
        ready.elapsed().as_secs_f32()
    ));
    Ok(())
}
