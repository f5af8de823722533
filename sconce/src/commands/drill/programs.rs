//! The programs of a drill: those of images, or samples; and who else appears under their names.

use std::path::{Path, PathBuf};

use attestation::Policy;
use attestation::policy::{Program as Wanted, SgxProgram};
use sconify::reading::Reading;
use sgx::sigstruct::Launch;
use sgx::{Attributes, Digest, Kind, Mrenclave, Mrsigner};
use simulator::Secs;

use super::scenario::Cast;
use crate::failure::Failure;

/// A program that somebody relies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) secs: Secs,
    pub(super) source: Source,
}

/// Where a program comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Made up for the drill.
    Sample,
    /// Measured and checked as a launcher does it.
    Image(PathBuf),
    /// Made up so that the policy of the same name takes it.
    Policy,
}

impl Program {
    /// One that stands for all.
    pub(super) fn sample() -> Self {
        let secs = Secs {
            isv_prod_id: 1,
            isv_svn: 3,
            ..Secs::new(Mrenclave([0xa1; 32]), Mrsigner([0x51; 32]))
        };
        Self {
            name: "worker".to_owned(),
            secs,
            source: Source::Sample,
        }
    }

    /// The program of an image, if it could be launched: the stream is measured, SIGSTRUCT checked.
    pub(super) fn of_image(path: &Path) -> Result<Self, Failure> {
        let reading = Reading::open(path).map_err(|error| unusable(path, &error))?;
        let beside = reading.beside.as_ref().ok_or_else(|| {
            Failure::unusable(format_args!("{} is a stream alone", path.display()))
                .advice("who signed it stands in an image: `sconify build` makes one")
        })?;
        let signed = beside.sigstruct.as_ref().ok_or_else(|| {
            Failure::unusable(format_args!(
                "{} has no signature that can be read",
                path.display()
            ))
            .advice("`sconify inspect` tells more; `sconify sign` signs it")
        })?;
        let signed = signed.verify().map_err(|error| unusable(path, &error))?;
        let body = signed.body();
        let launch = Launch {
            mrenclave: reading.summary.mrenclave,
            attributes: body.attributes,
            miscselect: body.miscselect,
            cet_attributes: body.cet_attributes,
        };
        signed
            .launch(&launch)
            .map_err(|error| unusable(path, &error))?;
        let attributes = Attributes {
            flags: body.attributes.flags | sgx::flags::INIT,
            ..body.attributes
        };
        let secs = Secs {
            attributes,
            miscselect: body.miscselect,
            cet_attributes: body.cet_attributes,
            isv_prod_id: body.product_id,
            isv_svn: body.security_version,
            isv_ext_prod_id: body.extended_product_id,
            isv_family_id: body.family_id,
            ..Secs::new(reading.summary.mrenclave, signed.mrsigner())
        };
        Ok(Self {
            name: beside.program.clone(),
            secs,
            source: Source::Image(path.to_owned()),
        })
    }

    /// One that a policy takes, if it is about enclaves; `name` is the policy's.
    pub(super) fn of_policy(name: &str, policy: &Policy) -> Option<Self> {
        let Self { mut secs, .. } = Self::sample();
        match &policy.program {
            Wanted::Sgx(wanted) => fit(&mut secs, wanted),
            Wanted::Any => {}
            _ => return None,
        }
        Some(Self {
            name: name.to_owned(),
            secs,
            source: Source::Policy,
        })
    }

    /// Whether a policy is asked about it: one that was made up for a policy is of no interest to others.
    pub(super) fn concerns(&self, policy: &str) -> bool {
        self.source != Source::Policy || self.name == policy
    }

    /// Who is judged in its place.
    pub(super) fn played_by(&self, cast: Cast) -> Secs {
        let other = |mask: u8| Mrenclave(self.secs.mrenclave.0.map(|byte| byte ^ mask));
        match cast {
            Cast::Genuine => self.secs,
            Cast::NewRelease => Secs {
                mrenclave: other(0x0f),
                isv_svn: self.secs.isv_svn.saturating_add(1),
                ..self.secs
            },
            Cast::OldRelease => Secs {
                mrenclave: other(0xf0),
                isv_svn: self.secs.isv_svn.saturating_sub(1),
                ..self.secs
            },
            Cast::Impostor => Secs {
                mrenclave: other(0xff),
                isv_svn: u16::MAX,
                ..self.secs
            },
        }
    }

    /// Whether a debugger may look in.
    pub(super) const fn is_debug(&self) -> bool {
        self.secs.attributes.is_debug()
    }

    pub(super) const fn measurement(&self) -> Digest {
        Digest::Mrenclave(Kind::Sim, self.secs.mrenclave)
    }

    pub(super) const fn signer(&self) -> Digest {
        Digest::Mrsigner(Kind::Sim, self.secs.mrsigner)
    }
}

/// Makes a program that is as wanted, where something is wanted.
fn fit(secs: &mut Secs, wanted: &SgxProgram) {
    if let Some(Digest::Mrenclave(_, first)) = wanted.measurements.first() {
        secs.mrenclave = *first;
    }
    if let Some(Digest::Mrsigner(_, first)) = wanted.signers.first() {
        secs.mrsigner = *first;
    }
    if let Some(product) = wanted.product {
        secs.isv_prod_id = product;
    }
    secs.isv_svn = wanted.minimum_svn.unwrap_or(secs.isv_svn);
    if let Some(bits) = wanted.attributes {
        secs.attributes.flags = (secs.attributes.flags & !bits.mask) | bits.value;
    }
    if let Some(bits) = wanted.xfrm {
        secs.attributes.xfrm = (secs.attributes.xfrm & !bits.mask) | bits.value;
    }
    if let Some(config) = wanted.config_id {
        secs.config_id = config;
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::unusable(format_args!("{}: {error}", path.display()))
        .advice("`sconify verify` tells more of an image")
}
