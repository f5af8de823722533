//! The programs of a platform: that of the workers and that of the vault, each in an image that was given
//! or is built from the checkout.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sconify::reading::Reading;
use sconify::verify::{Expected, verify_reading};
use sconify::{Fault as _, build, terminal};
use tokio::task;

use super::built;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// That of the workers.
    Worker,
    /// That of the vault.
    Vault,
}

/// An image that is what it says.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) reading: Reading,
    /// Where it was found.
    pub(crate) from: PathBuf,
}

impl Which {
    /// Its package.
    pub(super) const fn package(self) -> &'static str {
        match self {
            Self::Worker => build::WORKER,
            Self::Vault => "sconce-vault",
        }
    }

    /// As in `the worker's image`.
    pub(super) const fn whose(self) -> &'static str {
        match self {
            Self::Worker => "the worker's",
            Self::Vault => "the vault's",
        }
    }

    /// The product (ISVPRODID) that the signature of its image names.
    const fn product(self) -> u16 {
        match self {
            Self::Worker => provision::WORKER_PRODUCT,
            Self::Vault => provision::VAULT_PRODUCT,
        }
    }

    /// What names an image of it on the command line.
    pub(super) const fn option(self) -> &'static str {
        match self {
            Self::Worker => "--image",
            Self::Vault => "--vault-image",
        }
    }
}

/// The images of a platform. Where one was not given, the vault's is the one beside that of the
/// workers, and what there is none of is built.
pub(crate) async fn locate_both(
    worker: Option<&Path>,
    vault: Option<&Path>,
    terminal: &Terminal,
) -> Result<(Verified, Verified), Failure> {
    let beside = worker.and_then(beside);
    let vault = vault.or(beside.as_deref());
    // What is given is read at once, and before anything is built.
    let (given_worker, given_vault) =
        tokio::try_join!(given(Which::Worker, worker), given(Which::Vault, vault))?;
    let worker = match given_worker {
        Some(image) => image,
        None => built::image(Which::Worker, terminal).await?,
    };
    let vault = match given_vault {
        Some(image) => image,
        None => built::image(Which::Vault, terminal).await?,
    };
    Ok((worker, vault))
}

/// One of the images: the one that was given, or that of the checkout, built if need be.
pub(crate) async fn locate(
    which: Which,
    image: Option<&Path>,
    terminal: &Terminal,
) -> Result<Verified, Failure> {
    match given(which, image).await? {
        Some(image) => Ok(image),
        None => built::image(which, terminal).await,
    }
}

/// The vault's image beside that of the workers, in the same form: `vault` beside `worker`, `vault.tar`
/// beside `worker.tar`.
fn beside(worker: &Path) -> Option<PathBuf> {
    let mut name = OsStr::new("vault").to_owned();
    if let Some(ending) = worker.extension().filter(|_| worker.is_file()) {
        name.push(".");
        name.push(ending);
    }
    let vault = worker.canonicalize().ok()?.parent()?.join(name);
    vault.exists().then_some(vault)
}

async fn given(which: Which, path: Option<&Path>) -> Result<Option<Verified>, Failure> {
    let Some(path) = path.map(Path::to_owned) else {
        return Ok(None);
    };
    // Measuring takes all of a core for a moment.
    task::spawn_blocking(move || verified(which, &path))
        .await
        .map_err(Failure::failed)?
        .map(Some)
}

/// An image that is what it says.
fn verified(which: Which, path: &Path) -> Result<Verified, Failure> {
    let option = which.option();
    let path = path.canonicalize().map_err(|_| {
        Failure::unusable(format_args!("there is no file {}", path.display())).advice(format_args!(
            "give an image as `sconify build` writes it, as in {option} target/sconify/{}",
            which.package().trim_start_matches("sconce-")
        ))
    })?;
    if is_bare(&path).map_err(Failure::unusable)? {
        return Err(Failure::unusable(format_args!(
            "{} is a program and no image: nothing measures it, so a vault has no keys for it",
            path.display()
        ))
        .advice(format_args!(
            "give the image of `sconify build`; `sconce host --program {}` runs it without keys of a \
             vault",
            path.display()
        )));
    }
    let quiet = terminal::Terminal::new(false, true);
    let reading = Reading::open(&path).map_err(|error| of_sconify(&error))?;
    let verification = verify_reading(&reading, &Expected::default(), &quiet)
        .map_err(|error| of_sconify(&error))?;
    verification.answer().map_err(|failed| {
        Failure::failed(format_args!("{}: {failed}", path.display())).advice(format_args!(
            "sconce sconify verify {} says more",
            path.display()
        ))
    })?;
    right_product(which, &reading, &path)?;
    Ok(Verified {
        reading,
        from: path,
    })
}

/// The worker's program in the vault's place would start again and again, and say no more than its usage.
fn right_product(which: Which, reading: &Reading, path: &Path) -> Result<(), Failure> {
    let sigstruct = reading
        .beside
        .as_ref()
        .and_then(|beside| beside.sigstruct.as_ref());
    match sigstruct.map(|sigstruct| sigstruct.body().product_id) {
        Some(product) if product != which.product() => Err(Failure::unusable(format_args!(
            "{} is signed as product {product}, and {} image is product {}",
            path.display(),
            which.whose(),
            which.product()
        ))
        .advice(format_args!(
            "{} names an image of {}; product_id in its enclave.toml is what it is signed as",
            which.option(),
            which.package()
        ))),
        _ => Ok(()),
    }
}

/// Whether it's a program and no image: images are folders and tars.
fn is_bare(path: &Path) -> io::Result<bool> {
    /// Where a tar's first header says what it is (POSIX, ustar).
    const MAGIC: SeekFrom = SeekFrom::Start(257);
    if path.is_dir() {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    let mut magic = [0; 5];
    file.seek(MAGIC)?;
    match file.read_exact(&mut magic) {
        Ok(()) => Ok(&magic != b"ustar"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
        Err(error) => Err(error),
    }
}

/// Why there is no image, or it can't be used, with what a compiler says of it.
pub(super) fn of_sconify(error: &sconify::Error) -> Failure {
    let failure = match error {
        sconify::Error::Build(build::Error::Cargo {
            package,
            diagnostics,
        }) => Failure::failed(format_args!("building {package} failed:\n{diagnostics}")),
        _ => Failure::failed(format_args!("{error} ({})", error.code())),
    };
    match error.advice() {
        Some(advice) => failure.advice(advice),
        None => failure,
    }
}
