//! TCB info, version 3: which versions of a platform's parts the vendor takes to be how good.

mod members;

use alloc::string::String;
use alloc::vec::Vec;

use sgx::quote::Tee;

use crate::document::Ladder;
use crate::json::{Object, fault};
use crate::tcb::Level;
use crate::{Stage, Time};
use members::Document;

/// The TCB info of one kind of platform (FMSPC and PCE).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcbInfo {
    /// Which TEE of the platform it judges.
    pub tee: Tee,
    /// When it was issued.
    pub issued: Time,
    /// Until when it is to be used.
    pub next_update: Time,
    /// Family, model, stepping, platform type and custom SKU of the processor package.
    pub fmspc: [u8; 6],
    /// Identity of the provisioning certification enclave.
    pub pce_id: [u8; 2],
    /// The vendor's count of TCB recoveries that the levels take into account.
    pub evaluation: u32,
    /// The module for all TDX module versions that have no identity of their own.
    module: Option<Module>,
    /// Those versions that have identities and levels of their own.
    modules: Vec<ModuleVersion>,
    /// From the best to the worst.
    levels: Vec<PlatformLevel>,
}

/// What a platform brings to the comparison with the levels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform<'a> {
    /// SVNs of its sixteen components, from the PCK certificate.
    pub(crate) components: &'a [u8; 16],
    /// SVN of its PCE, from the PCK certificate.
    pub(crate) pcesvn: u16,
    /// TEE_TCB_SVN of a trust domain's report.
    pub(crate) tdx: Option<&'a [u8; 16]>,
}

/// Who has to have signed a TDX module, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Module {
    mrsigner: [u8; 48],
    attributes: u64,
    attributes_mask: u64,
}

/// A version of the TDX module.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ModuleVersion {
    version: u8,
    module: Module,
    levels: Ladder<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PlatformLevel {
    components: [u8; 16],
    pcesvn: u16,
    /// Zero, and never looked at, in the levels of SGX.
    tdx: [u8; 16],
    level: Level,
}

/// Why a TCB info can't be used, or does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It has not the form of a TCB info.
    #[error("TCB info: {0}")]
    Form(String),
    /// It is of a version that nothing is known of.
    #[error(
        "TCB info: version {version} and TCB type {tcb_type}, but only version 3 and type 0 are known"
    )]
    Version {
        /// Its version.
        version: u32,
        /// How it says that CPUSVNs are made up of components.
        tcb_type: u32,
    },
    /// It lacks what a TCB info of its kind has, or has what it may not have.
    #[error("TCB info of {}: {what}", word(*tee))]
    Members {
        /// The TEE that it judges.
        tee: Tee,
        /// What is wrong.
        what: &'static str,
    },
    /// It judges another TEE.
    #[error("TCB info is of {is}, but the quote is of {of}: fetch that of {of}", is = word(*found), of = word(*wanted))]
    Tee {
        /// What it is of.
        found: Tee,
        /// What the quote is of.
        wanted: Tee,
    },
    /// It is of another kind of platform.
    #[error(
        "TCB info is of platforms {}/{}, but the PCK certificate is of {}/{} (FMSPC/PCE-ID): fetch the one for these",
        hex::encode(found.0), hex::encode(found.1), hex::encode(wanted.0), hex::encode(wanted.1)
    )]
    Platform {
        /// FMSPC and PCE-ID of the TCB info.
        found: ([u8; 6], [u8; 2]),
        /// FMSPC and PCE-ID of the PCK certificate.
        wanted: ([u8; 6], [u8; 2]),
    },
    /// No level is as low as the platform.
    #[error("the platform is below every level of the TCB info: component SVNs {}, PCESVN {pcesvn}{}",
        hex::encode(components), tdx.map(|svn| alloc::format!(", TEE_TCB_SVN {}", hex::encode(svn))).unwrap_or_default())]
    NoLevel {
        /// SVNs of the platform's components.
        components: [u8; 16],
        /// SVN of its PCE.
        pcesvn: u16,
        /// TEE_TCB_SVN, of a trust domain.
        tdx: Option<[u8; 16]>,
    },
    /// There is no identity for the TDX module's version.
    #[error("TCB info has no identity TDX_{0:02X}, the version of the TDX module")]
    NoModule(u8),
    /// The TDX module was signed by another.
    #[error(
        "the TDX module was signed by {}, not by {}",
        hex::encode(found),
        hex::encode(wanted)
    )]
    ModuleSigner {
        /// MRSIGNERSEAM of the report.
        found: [u8; 48],
        /// The TCB info's.
        wanted: [u8; 48],
    },
    /// The TDX module is of another kind.
    #[error(
        "the TDX module has attributes {found:#x}, not {wanted:#x} (mask {mask:#x}; the other bits are zero)"
    )]
    ModuleAttributes {
        /// SEAMATTRIBUTES of the report.
        found: u64,
        /// The TCB info's.
        wanted: u64,
        /// Which bits are compared; the others have to be zero.
        mask: u64,
    },
    /// The TDX module is older than every level.
    #[error("the TDX module's SVN {0} is below every level of its identity in the TCB info")]
    NoModuleLevel(u8),
}

impl TcbInfo {
    /// Reads the JSON text that the vendor has signed: its `tcbInfo` member, byte for byte.
    ///
    /// Only a text whose signature has been checked is worth reading.
    ///
    /// # Errors
    ///
    /// Every text that is not in the form of version 3: other, missing or repeated members, too.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let Object(document) = serde_json::from_str::<Object<Document>>(text)
            .map_err(|error| Error::Form(fault(&error)))?;
        document.try_into()
    }

    /// Refuses a TCB info that is not for this kind of platform, then one for another TEE.
    pub(crate) fn check_is_for(
        &self,
        tee: Tee,
        fmspc: [u8; 6],
        pce_id: [u8; 2],
    ) -> Result<(), Error> {
        if (self.fmspc, self.pce_id) != (fmspc, pce_id) {
            return Err(Error::Platform {
                found: (self.fmspc, self.pce_id),
                wanted: (fmspc, pce_id),
            });
        }
        if self.tee != tee {
            return Err(Error::Tee {
                found: self.tee,
                wanted: tee,
            });
        }
        Ok(())
    }

    /// The best level that the platform has reached.
    pub(crate) fn platform_level(&self, platform: Platform<'_>) -> Result<&Level, Error> {
        self.levels
            .iter()
            .find(|level| level.is_reached_by(platform))
            .map(|level| &level.level)
            .ok_or(Error::NoLevel {
                components: *platform.components,
                pcesvn: platform.pcesvn,
                tdx: platform.tdx.copied(),
            })
    }

    /// Refuses a TDX module that the vendor has not signed, or that is of another kind.
    pub(crate) fn check_module(
        &self,
        svn: &[u8; 16],
        mrsigner: &[u8; 48],
        attributes: u64,
    ) -> Result<(), Error> {
        let own = self.module(svn)?.map(|own| &own.module);
        own.or(self.module.as_ref())
            .ok_or(Error::NoModule(svn[1]))?
            .check(mrsigner, attributes)
    }

    /// The level that a TDX module has reached, where its version has an identity of its own; of
    /// others the platform's level says all.
    pub(crate) fn module_level(&self, svn: &[u8; 16]) -> Result<Option<&Level>, Error> {
        let Some(own) = self.module(svn)? else {
            return Ok(None);
        };
        let level = own.levels.reached_by(svn[0]);
        level.map(Some).ok_or(Error::NoModuleLevel(svn[0]))
    }

    /// The module version in TEE_TCB_SVN; version 0 has nothing of its own.
    fn module(&self, svn: &[u8; 16]) -> Result<Option<&ModuleVersion>, Error> {
        let version = svn[1];
        if version == 0 {
            return Ok(None);
        }
        self.modules
            .iter()
            .find(|own| own.version == version)
            .map(Some)
            .ok_or(Error::NoModule(version))
    }
}

impl Error {
    /// The check that has failed.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Form(_) | Self::Version { .. } | Self::Members { .. } | Self::Tee { .. } => {
                Stage::TcbInfo
            }
            _ => Stage::TcbMatch,
        }
    }
}

impl PlatformLevel {
    fn is_reached_by(&self, platform: Platform<'_>) -> bool {
        let all =
            |have: &[u8], least: &[u8]| have.iter().zip(least).all(|(have, least)| have >= least);
        // A module with a version has an identity, whose levels judge the first two components.
        let tdx = platform.tdx.is_none_or(|svn| {
            let judged_apart = if svn[1] == 0 { 0 } else { 2 };
            all(&svn[judged_apart..], &self.tdx[judged_apart..])
        });
        tdx && all(platform.components, &self.components) && platform.pcesvn >= self.pcesvn
    }
}

impl Module {
    fn check(&self, mrsigner: &[u8; 48], attributes: u64) -> Result<(), Error> {
        if self.mrsigner != *mrsigner {
            return Err(Error::ModuleSigner {
                found: *mrsigner,
                wanted: self.mrsigner,
            });
        }
        // What the mask leaves out has to be zero: no bit of a module goes unjudged.
        let mask = self.attributes_mask;
        if attributes != self.attributes & mask {
            return Err(Error::ModuleAttributes {
                found: attributes,
                wanted: self.attributes,
                mask,
            });
        }
        Ok(())
    }
}

/// A TEE's name.
pub(crate) const fn word(tee: Tee) -> &'static str {
    match tee {
        Tee::Sgx => "SGX",
        Tee::Tdx => "TDX",
    }
}

#[cfg(test)]
pub(crate) mod tests;
