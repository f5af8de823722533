//! Images that are launched, and the simulated platform under them.
//!
//! Of an image its stream and SIGSTRUCT are kept in the data folder, as they were verified. Launch control
//! looks at them here, before anything is started, and again in each host.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use attestation::{Fingerprint, TrustAnchor};
use host::Enclave;
use provision::api::Program;
use provision::text::Text;
use sconify::image::{self, Form, Image};
use sconify::reading::Reading;
use sgx::sigstruct::{SIZE as SIGSTRUCT, Sigstruct};
use sgx::{Digest, Kind, Mrenclave};
use simulator::launch::{self, Options};
use simulator::{Secs, Settings};

use super::program::{Verified, of_sconify};
use crate::failure::Failure;
use crate::folders;

/// An image that launch control lets through.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// The folder with its stream and SIGSTRUCT.
    pub(crate) folder: PathBuf,
    /// What the platform will report of it.
    secs: Secs,
    /// How many threads it has.
    threads: usize,
}

/// Threads of a worker that work on no order: one for the connection, one for time limits.
const OTHER_THREADS: usize = 2;

impl Verified {
    /// Keeps it in `folder`, which has nothing else then.
    pub(crate) fn place(&self, folder: &Path) -> Result<Measured, Failure> {
        let Some(manifest) = self
            .reading
            .manifest
            .as_ref()
            .filter(|_| self.reading.program.is_some())
        else {
            return Err(Failure::unusable(format_args!(
                "{} has no program in its measured pages",
                self.from.display()
            )));
        };
        copy(&self.from, folder)?;
        Ok(Measured {
            folder: folder.to_owned(),
            secs: control(folder, self.reading.summary.mrenclave)?,
            threads: manifest.parameters.threads.count.into(),
        })
    }
}

impl Measured {
    /// What is kept in a folder from before, if it still has its measurement.
    pub(super) fn kept(folder: &Path, measurement: Mrenclave) -> Result<Self, Failure> {
        let reading = Reading::open(folder).map_err(|error| of_sconify(&error))?;
        let threads = reading
            .manifest
            .as_ref()
            .map_or(0, |manifest| manifest.parameters.threads.count.into());
        Ok(Self {
            folder: folder.to_owned(),
            secs: control(folder, measurement)?,
            threads,
        })
    }

    /// On how many orders its threads can work at once; none if it's no worker's.
    pub(crate) fn for_orders(&self) -> Result<NonZeroUsize, Failure> {
        NonZeroUsize::new(self.threads.saturating_sub(OTHER_THREADS)).ok_or_else(|| {
            Failure::unusable(format_args!(
                "{} has no thread for an order: threads.count in its enclave.toml must be at least 3",
                self.measurement()
            ))
        })
    }

    /// What it is to those who decide about its keys. `root` is that of the platform that it runs on.
    pub(crate) fn program(&self, root: Fingerprint) -> Program {
        Program {
            measurement: Text(self.measurement()),
            signer: Text(self.signer()),
            product: self.secs.isv_prod_id,
            svn: self.secs.isv_svn,
            debug: self.is_debug(),
            simulated_roots: vec![Text(root)],
            tolerate: Vec::new(),
        }
    }

    /// What it measures.
    pub(crate) const fn measurement(&self) -> Digest {
        Digest::Mrenclave(Kind::Sim, self.secs.mrenclave)
    }

    /// The same without its kind.
    pub(super) const fn mrenclave(&self) -> Mrenclave {
        self.secs.mrenclave
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

/// The trust anchor of the simulated platform in a folder, which is made if it isn't there.
pub(super) fn platform(folder: &Path) -> Result<TrustAnchor, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let settings = Settings::new(now.map_or(0, |now| now.as_secs()));
    let platform = simulator::Platform::open_or_make(folder, settings).map_err(|error| {
        let failure = Failure::failed(&error).coded(error.code());
        match error.advice() {
            Some(advice) => failure.advised(advice),
            None => failure,
        }
    })?;
    let root = platform.root_der();
    TrustAnchor::simulated(root, Fingerprint::of(root)).map_err(Failure::failed)
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
    let cannot = |error: io::Error| not_kept(folder, &error);
    remove(folder).map_err(cannot)?;
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

/// Removes a folder, if it's there.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn not_kept(folder: &Path, error: &io::Error) -> Failure {
    Failure::failed(format_args!(
        "the image cannot be kept in {}: {error}",
        folder.display()
    ))
    .advice("choose another folder with --data-dir")
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
