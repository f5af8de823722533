//! The image whose program the workers are, and the simulated platform that it is launched on.
//!
//! An image's stream and SIGSTRUCT are kept in the data folder, as they were verified, for as long as the
//! platform runs. Launch control looks at them here, before anything is started, and again in each host.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use host::Enclave;
use sconify::image::{self, Form, Image};
use sconify::reading::Reading;
use sgx::sigstruct::{SIZE as SIGSTRUCT, Sigstruct};
use sgx::{Digest, Kind, Mrenclave};
use simulator::launch::{self, Options};
use simulator::{Secs, Settings};

use super::program::of_sconify;
use crate::failure::Failure;
use crate::folders;

/// An image that launch control lets through.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The folder with its stream and SIGSTRUCT.
    pub(crate) folder: PathBuf,
    /// What the platform will report of it.
    secs: Secs,
    /// How many orders its threads can work on at once.
    pub(crate) threads: usize,
}

/// Threads of an image that work on no order: one for the connection, one for time limits.
const OTHER_THREADS: usize = 2;

impl Measured {
    /// Keeps what `reading`, of the image at `from`, was verified to be in `folder`.
    pub(super) fn place(reading: &Reading, from: &Path, folder: &Path) -> Result<Self, Failure> {
        let Some(manifest) = reading
            .manifest
            .as_ref()
            .filter(|_| reading.program.is_some())
        else {
            return Err(Failure::unusable(format_args!(
                "{} has no program in its measured pages",
                from.display()
            )));
        };
        let threads = usize::from(manifest.parameters.threads.count).saturating_sub(OTHER_THREADS);
        if threads == 0 {
            return Err(Failure::unusable(format_args!(
                "{} has no thread for an order: threads.count in its enclave.toml must be at least 3",
                from.display()
            )));
        }
        copy(from, folder)?;
        let secs = control(folder, reading.summary.mrenclave)?;
        Ok(Self {
            folder: folder.to_owned(),
            secs,
            threads,
        })
    }

    /// What it measures.
    pub(crate) const fn measurement(&self) -> Digest {
        Digest::Mrenclave(Kind::Sim, self.secs.mrenclave)
    }

    /// Who signed it.
    pub(crate) const fn signer(&self) -> Digest {
        Digest::Mrsigner(Kind::Sim, self.secs.mrsigner)
    }

    /// Whether a debugger may look into it.
    pub(crate) const fn is_debug(&self) -> bool {
        self.secs.attributes.is_debug()
    }
}

/// What a host is told to launch: the image in `folder`, on the platform in `platform`. A debugger may
/// look into it if it was signed for that, since signatures of `sconify` allow one of the two.
pub(crate) fn enclave(folder: &Path, platform: PathBuf) -> Result<Enclave, Failure> {
    let image = open(folder)?;
    if image.form() != Form::Folder {
        return Err(Failure::unusable(format_args!(
            "{} is not the folder of an image but a package: hosts launch folders",
            folder.display()
        ))
        .advice("give the folder that `sconify build` wrote; `sconce up` takes packages too"));
    }
    let (stream, sigstruct) = members(&image)?;
    let debug = signed_for_debug(&image, &sigstruct)?;
    Ok(Enclave {
        stream: folder.join(stream),
        sigstruct: folder.join(sigstruct),
        platform,
        debug,
    })
}

/// The fingerprint of the simulated platform in a folder, which is made if it isn't there.
pub(super) fn platform(folder: &Path) -> Result<String, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let settings = Settings::new(now.map_or(0, |now| now.as_secs()));
    simulator::Platform::open_or_make(folder, settings)
        .map(|platform| platform.fingerprint())
        .map_err(|error| {
            let failure = Failure::failed(&error).coded(error.code());
            match error.advice() {
                Some(advice) => failure.advised(advice),
                None => failure,
            }
        })
}

fn open(path: &Path) -> Result<Image, Failure> {
    image::open(path).map_err(|error| of_sconify(&error.into()))
}

/// The names of stream and SIGSTRUCT in an image.
fn members(image: &Image) -> Result<(String, String), Failure> {
    let name = image.name().map_err(|error| of_sconify(&error.into()))?;
    Ok((image::stream(name), image::signature(name)))
}

/// A SIGSTRUCT that is none is left to launch control.
fn signed_for_debug(image: &Image, sigstruct: &str) -> Result<bool, Failure> {
    let limit = u64::try_from(SIGSTRUCT).unwrap_or(u64::MAX);
    let bytes = image
        .read(sigstruct, limit)
        .map_err(|error| of_sconify(&error.into()))?;
    let parsed = Sigstruct::parse(&bytes);
    Ok(parsed.is_ok_and(|signed| signed.body().attributes.is_debug()))
}

/// Copies stream and SIGSTRUCT of an image, whatever its form, into a folder that has nothing else.
fn copy(from: &Path, folder: &Path) -> Result<(), Failure> {
    let image = open(from)?;
    let (stream, sigstruct) = members(&image)?;
    let enclave = folder.join(image::ENCLAVE);
    let cannot = |error: io::Error| {
        Failure::failed(format_args!(
            "the image cannot be kept in {}: {error}",
            folder.display()
        ))
        .advice("choose another folder with --data-dir")
    };
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
        _ => {}
    }
    folders::make_private(&enclave).map_err(cannot)?;
    for member in [stream, sigstruct] {
        let mut reader = image
            .reader(&member)
            .map_err(|error| of_sconify(&error.into()))?;
        let copied = folders::private()
            .create_new(true)
            .open(folder.join(&member))
            .and_then(|mut file| io::copy(&mut reader, &mut file));
        copied.map_err(cannot)?;
    }
    Ok(())
}

/// Launch control over what is kept in a folder: the verified enclave, or nothing.
fn control(folder: &Path, verified: Mrenclave) -> Result<Secs, Failure> {
    let image = open(folder)?;
    let (stream, sigstruct) = members(&image)?;
    let debug = signed_for_debug(&image, &sigstruct)?;
    let options = Options {
        debug,
        ..Options::default()
    };
    let unreadable = |error: io::Error| Failure::failed(format_args!("{stream}: {error}"));
    let signed = fs::read(folder.join(&sigstruct)).map_err(unreadable)?;
    let pages = File::open(folder.join(&stream)).map_err(unreadable)?;
    let launched = launch::launch(pages, &signed, &options).map_err(|refusal| {
        Failure::failed(format_args!("the image is not launched: {refusal}")).coded(refusal.code())
    })?;
    if launched.secs.mrenclave != verified {
        return Err(Failure::failed(
            "the image was changed while it was read; start again",
        ));
    }
    Ok(launched.secs)
}
