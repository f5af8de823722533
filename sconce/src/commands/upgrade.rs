//! `sconce upgrade`: workers of a running platform get another program, with keys of its own.

use std::path::PathBuf;
use std::time::Duration;

use provision::api::{NewGeneration, Worker};
use provision::text::Text;

use super::keys;
use crate::args::{DataArgs, duration};
use crate::failure::Failure;
use crate::platform::{self, Images, Measured, Which};
use crate::terminal::Terminal;
use crate::vault::{self, VaultRecord};

/// Give the workers of a running platform another image, without losing an order.
///
/// New keys are made for the new image, and its processes start beside those of the present one. For the time
/// of the overlap both answer, each the orders that are encrypted to its own keys; then the earlier keys are
/// destroyed and their processes end. The vault keeps to the signer and refuses a lower security version, and
/// its audit log has every step (`sconce session audit`).
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sconce upgrade
  sconce upgrade --image target/sconify/worker --overlap 1h
  sconce upgrade scone-worker-1 --image worker-2.tar")]
pub(crate) struct Args {
    /// The workers' names [default: all of the vault].
    workers: Vec<String>,
    /// The new image: a folder of `sconify build`, an OCI layout, or a tar [default: built from the
    /// checkout].
    #[arg(long, value_name = "IMAGE")]
    image: Option<PathBuf>,
    /// How long earlier keys are kept.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    overlap: Duration,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// Has keys made for the image.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<(), Failure> {
    let outcome = upgrade(&args, terminal).await;
    if let (true, Err(failure)) = (args.json, &outcome) {
        terminal.print_json(&failure.to_json());
    }
    outcome
}

async fn upgrade(args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let data = args.data.folder()?;
    let record = VaultRecord::read(&data)?;
    // Before anything is built.
    let mut vault = vault::connect(&data)?;
    let image = platform::locate(Which::Worker, args.image.as_deref(), terminal).await?;
    let mut images = Images::open(platform::images_folder(&data))
        .map_err(|error| Failure::failed(format_args!("the folder of images: {error}")))?;
    let image = images.keep(&image)?;
    image.for_orders()?;
    let names = keys::names(&mut vault, &args.workers)?;
    let before = keys::all(&mut vault)?;
    let (has, lacks): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| has_keys_for(&before, name, &image));
    for name in has {
        terminal.note(format_args!(
            "the newest keys of {name} are for this image already"
        ));
    }
    let wish = NewGeneration {
        program: Some(image.program(record.root.0)),
        overlap_seconds: args.overlap.as_secs(),
    };
    keys::new_generations(&mut vault, &lacks, &wish, terminal)?;
    let mut after = keys::all(&mut vault)?;
    after.retain(|one| names.contains(&one.worker));
    keys::print(&after, args.json, terminal);
    Ok(())
}

fn has_keys_for(all: &[Worker], name: &str, image: &Measured) -> bool {
    let worker = all.iter().find(|one| one.worker == name);
    let newest = worker.and_then(|worker| worker.generations.last());
    newest.is_some_and(|newest| newest.measurement == Text(image.measurement()))
}
