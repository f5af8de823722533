//! What Gramine is given to run an enclave program in an enclave of its own.
//!
//! Gramine is a library operating system: it loads the program and its files into an enclave that
//! consists of Gramine's own loader, and measures that loader and its *manifest*. So the hardware
//! measurement is that of Gramine's enclave and another one than ours. It can only come from Gramine's
//! tools, and is taken from what they print ([`View`]); it's never computed or guessed here.
//!
//! The [`Manifest`] is a typed model of Gramine's manifest syntax, in which unknown keys are refused as
//! Gramine's own checker refuses them. What [`Manifest::for_image`] makes pins the program and its files
//! by their SHA-256, and allows nothing else.

mod check;
mod generate;
mod manifest;
mod of_image;
mod sections;
mod values;
mod view;

pub use generate::{Program, TrustedContent};
pub use manifest::Manifest;
pub use of_image::Contents;
pub use sections::{
    AllowedIoctl, Brk, CpuFeatures, Entrypoint, Fds, Fs, Libos, Loader, MockSyscall, Mount,
    MountType, Profile, Root, SealKey, Sgx, Stack, Sys,
};
pub use values::{
    EnvValue, FileCheckPolicy, LogLevel, Mask32, Mask64, Need, ProfileMode, ProfileScope,
    RemoteAttestation, Sha256, Size, Switch, TrustedFile, Uri,
};
pub use view::View;

use crate::located::Located;
use crate::{Exit, Fault};

/// Why a manifest, or what Gramine's tools printed, is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A manifest breaks Gramine's rules.
    #[error("{origin}: {fault}")]
    Manifest {
        /// Which one: a path, or `the manifest`.
        origin: String,
        /// What is wrong, and where.
        fault: Located,
    },
    /// A manifest gives up what a release must not.
    #[error("{origin} is not fit for a release: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Concessions {
        /// Which one.
        origin: String,
        /// Each concession.
        faults: Vec<Located>,
    },
    /// What `gramine-sgx-sigstruct-view` printed can't be read.
    #[error("{origin}: {fault}")]
    View {
        /// Which file.
        origin: String,
        /// What is wrong, and where.
        fault: Located,
    },
    /// It's of another enclave than this manifest's.
    #[error("{origin}: {fault}, so it is not the enclave of this manifest")]
    Mismatch {
        /// Which file.
        origin: String,
        /// What differs.
        fault: Located,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => "gramine.manifest",
            Self::Concessions { .. } => "gramine.release",
            Self::View { .. } | Self::Mismatch { .. } => "gramine.measurement",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Manifest { .. } | Self::View { .. } => Exit::Unusable,
            Self::Concessions { .. } | Self::Mismatch { .. } => Exit::Failed,
        }
    }

    fn advice(&self) -> Option<String> {
        match self {
            Self::View { .. } => Some(
                "give what `gramine-sgx-sigstruct-view --output-format json FILE.sig` prints"
                    .to_owned(),
            ),
            Self::Mismatch { .. } => {
                Some("sign this manifest with gramine-sgx-sign, and view that signature".to_owned())
            }
            _ => None,
        }
    }
}
