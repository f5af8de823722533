//! The quoting enclave's identity, version 2: which enclave may vouch for attestation keys, and which
//! versions of it the vendor takes to be how good.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use sgx::ReportBody;
use sgx::quote::Tee;

use crate::document::{Isvsvn, Ladder, LevelMembers};
use crate::json::{Date, Hex, Object, fault};
use crate::tcb::Level;
use crate::tcb_info::word;
use crate::{Stage, Time};

/// What the vendor's quoting enclave for one TEE looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QeIdentity {
    /// The TEE whose reports it quotes.
    pub tee: Tee,
    /// When it was issued.
    pub issued: Time,
    /// Until when it is to be used.
    pub next_update: Time,
    /// The vendor's count of TCB recoveries that the levels take into account.
    pub evaluation: u32,
    miscselect: u32,
    miscselect_mask: u32,
    attributes: [u8; 16],
    attributes_mask: [u8; 16],
    mrsigner: [u8; 32],
    isv_prod_id: u16,
    levels: Ladder<u16>,
}

/// Why an identity can't be used, or is not the quoting enclave's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It has not the form of an identity.
    #[error("QE identity: {0}")]
    Form(String),
    /// It is of a version that nothing is known of.
    #[error("QE identity: version {0}, but only version 2 is known")]
    Version(u32),
    /// It is of an enclave that quotes for another TEE.
    #[error("QE identity is of the quoting enclave of {is}, but the quote is of {of}: fetch that of {of}", is = word(*found), of = word(*wanted))]
    Tee {
        /// What it is of.
        found: Tee,
        /// What the quote is of.
        wanted: Tee,
    },
    /// A debugger could look into the quoting enclave.
    #[error("the quoting enclave can be debugged: its keys are anybody's")]
    Debug,
    /// A member of its report is not as the identity wants it.
    #[error("the quoting enclave's {claim} is {found}, not {wanted}")]
    Differs {
        /// Which member of the report.
        claim: &'static str,
        /// What stands there, masked.
        found: String,
        /// What has to stand there, masked.
        wanted: String,
    },
    /// Its version is older than all that the identity lists.
    #[error("the quoting enclave's ISVSVN {0} is below every level of its identity")]
    NoLevel(u16),
}

impl QeIdentity {
    /// Reads the JSON text that the vendor has signed: its `enclaveIdentity` member, byte for byte.
    ///
    /// Only a text whose signature has been checked is worth reading.
    ///
    /// # Errors
    ///
    /// Every text that is not in the form of version 2: other, missing or repeated members, too.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let Object(document) = serde_json::from_str::<Object<Document>>(text)
            .map_err(|error| Error::Form(fault(&error)))?;
        document.try_into()
    }

    /// Refuses an identity of an enclave that quotes for another TEE.
    pub(crate) fn check_is_for(&self, tee: Tee) -> Result<(), Error> {
        if self.tee == tee {
            return Ok(());
        }
        Err(Error::Tee {
            found: self.tee,
            wanted: tee,
        })
    }

    /// Compares the report of a quoting enclave with the identity; its level if it is the one.
    pub(crate) fn appraise(&self, report: &ReportBody) -> Result<&Level, Error> {
        if report.attributes.is_debug() {
            return Err(Error::Debug);
        }
        self.check_members(report)?;
        self.levels
            .reached_by(report.isv_svn)
            .ok_or(Error::NoLevel(report.isv_svn))
    }

    fn check_members(&self, report: &ReportBody) -> Result<(), Error> {
        let attributes = report.attributes.to_bytes();
        same("MRSIGNER", &report.mrsigner.0, &self.mrsigner, &[0xff; 32])?;
        same(
            "ATTRIBUTES",
            &attributes,
            &self.attributes,
            &self.attributes_mask,
        )?;
        same(
            "MISCSELECT",
            &report.miscselect.0.to_le_bytes(),
            &self.miscselect.to_le_bytes(),
            &self.miscselect_mask.to_le_bytes(),
        )?;
        same(
            "ISVPRODID",
            &report.isv_prod_id.to_be_bytes(),
            &self.isv_prod_id.to_be_bytes(),
            &[0xff; 2],
        )
    }
}

/// Compares the bits that a mask names.
fn same<const N: usize>(
    claim: &'static str,
    found: &[u8; N],
    wanted: &[u8; N],
    mask: &[u8; N],
) -> Result<(), Error> {
    let masked = |bytes: &[u8; N]| core::array::from_fn::<u8, N, _>(|i| bytes[i] & mask[i]);
    let (found, wanted) = (masked(found), masked(wanted));
    if found == wanted {
        return Ok(());
    }
    Err(Error::Differs {
        claim,
        found: hex::encode(found),
        wanted: hex::encode(wanted),
    })
}

impl Error {
    /// The check that has failed.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Form(_) | Self::Version(_) | Self::Tee { .. } => Stage::QeIdentity,
            Self::Debug => Stage::PolicyDebug,
            Self::Differs { .. } | Self::NoLevel(_) => Stage::QePolicy,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    id: String,
    version: u32,
    issue_date: Date,
    next_update: Date,
    tcb_evaluation_data_number: u32,
    miscselect: Hex<4>,
    miscselect_mask: Hex<4>,
    attributes: Hex<16>,
    attributes_mask: Hex<16>,
    mrsigner: Hex<32>,
    isvprodid: u16,
    tcb_levels: Vec<Object<LevelMembers<Isvsvn<u16>>>>,
}

impl TryFrom<Document> for QeIdentity {
    type Error = Error;

    fn try_from(document: Document) -> Result<Self, Error> {
        if document.version != 2 {
            return Err(Error::Version(document.version));
        }
        let tee = match document.id.as_str() {
            "QE" => Tee::Sgx,
            "TD_QE" => Tee::Tdx,
            _ => return Err(Error::Form("`id` is neither `QE` nor `TD_QE`".into())),
        };
        if document.issue_date.0 > document.next_update.0 {
            return Err(Error::Form("`nextUpdate` is before `issueDate`".into()));
        }
        Ok(Self {
            tee,
            issued: document.issue_date.0,
            next_update: document.next_update.0,
            evaluation: document.tcb_evaluation_data_number,
            miscselect: u32::from_le_bytes(document.miscselect.0),
            miscselect_mask: u32::from_le_bytes(document.miscselect_mask.0),
            attributes: document.attributes.0,
            attributes_mask: document.attributes_mask.0,
            mrsigner: document.mrsigner.0,
            isv_prod_id: document.isvprodid,
            levels: document.tcb_levels.into(),
        })
    }
}

#[cfg(test)]
mod tests;
