//! `sconify package`.

use std::path::{Path, PathBuf};

use crate::build;
use crate::image::{self, Image};
use crate::package::{
    Created, Destination, Flavour, Owner, Place, Plan, Reference, Variable, write,
};
use crate::terminal::Terminal;

/// Package an image for docker and other users of OCI images, without a daemon.
///
/// The package is the same bytes each time. `docker load` takes the tar, skopeo takes both forms; copy
/// with `skopeo copy --preserve-digests`, which keeps the layer as it is.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("destination").args(["out", "layout"]).required(true))]
#[command(after_help = "\
Examples:
  sconify package --to sconce/worker:0.1.0-debug -o worker.tar
  docker load -i worker.tar
  sconify package --from worker.tar --to sconce/worker:0.1.0-debug --layout worker
  sconify package --program sconce --to sconce/platform:0.1.0 -o platform.tar")]
pub(crate) struct Args {
    /// The image: a folder of `sconify build`, an OCI image layout, or a tar of either [default: what
    /// was built in this checkout; with --program none].
    #[arg(long, value_name = "IMAGE")]
    from: Option<PathBuf>,
    /// The name of the package.
    #[arg(long, value_name = "NAME:TAG")]
    to: Reference,
    /// Write a tar.
    #[arg(short, long, alias = "output", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write an OCI image layout, in the place of one that is there.
    #[arg(long, value_name = "FOLDER")]
    layout: Option<PathBuf>,
    /// Refuse an image whose signature allows DEBUG.
    #[arg(long)]
    release: bool,
    /// A statically linked program to put beside the enclave, such as `sconce`, and to start instead
    /// of the enclave's: not measured.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// What a container runs: a program and its arguments, separated by blanks [default: the program].
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// A variable of a container's environment; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<Variable>,
    /// Who a container runs as, in numbers [default: root].
    #[arg(long, value_name = "UID[:GID]")]
    user: Option<Owner>,
    /// An empty folder of that user, for a volume; may be repeated.
    #[arg(long, value_name = "PATH")]
    volume_folder: Vec<Place>,
}

/// Runs the subcommand.
pub(crate) fn run(args: Args, terminal: &Terminal) -> Result<(), crate::Error> {
    let from = match (args.from, &args.program) {
        (Some(from), _) => Some(from),
        (None, Some(_)) => None,
        (None, None) => Some(built_image()?),
    };
    let plan = Plan {
        image: from.as_deref().map(image::open).transpose()?,
        program: args.program,
        to: args.to,
        created: Created::from_environment()?,
        release: args.release,
        command: args.command,
        environment: args.env,
        user: args.user,
        folders: args.volume_folder,
    };
    let destination = match (&args.out, &args.layout) {
        (Some(file), _) => Destination::Archive(file),
        (None, Some(folder)) => Destination::Layout(folder),
        // The command line asks for one of them.
        (None, None) => Destination::Archive(Path::new("image.tar")),
    };
    let bytes = plan.image.iter().flat_map(Image::members);
    let bar = terminal.bar("packaging", bytes.map(|(_, member)| member.size()).sum());
    let packaged = write(&plan, destination, &mut |bytes| bar.advance(bytes))?;
    drop(bar);
    if packaged.flavour == Some(Flavour::Debug) && !plan.to.tag().ends_with("debug") {
        terminal.warn(format_args!(
            "{} can be debugged, and its tag does not say so: call it {}-debug",
            plan.to, plan.to
        ));
    }
    terminal.print(&packaged);
    Ok(())
}

/// Where `sconify build` leaves the image of the checkout around the working directory.
fn built_image() -> Result<PathBuf, crate::Error> {
    let here = std::env::current_dir().map_err(crate::Error::io("read", "."))?;
    let checkout = build::find_checkout(&here)?;
    Ok(build::image_folder(&checkout, "worker"))
}
