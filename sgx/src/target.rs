//! For whom a REPORT is made: TARGETINFO.

use crate::attributes::{Attributes, Miscselect};
use crate::bytes::{self, Reserved, field, put, short, word};
use crate::digest::Mrenclave;
use crate::report::ReportBody;

/// The enclave that shall be able to check a REPORT (SDM 3D, 35.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TargetInfo {
    /// What was measured of it.
    pub mrenclave: Mrenclave,
    /// Its ATTRIBUTES.
    pub attributes: Attributes,
    /// Its CET_ATTRIBUTES.
    pub cet_attributes: u8,
    /// Its CONFIGSVN.
    pub config_svn: u16,
    /// Its MISCSELECT.
    pub miscselect: Miscselect,
    /// Its CONFIGID.
    pub config_id: [u8; 64],
}

const ATTRIBUTES: usize = 32;
const CET_ATTRIBUTES: usize = 48;
const CONFIGSVN: usize = 50;
const MISCSELECT: usize = 52;
const CONFIGID: usize = 64;
const RESERVED: [(usize, usize); 3] = [(49, 50), (56, 64), (128, TargetInfo::SIZE)];

impl TargetInfo {
    /// Bytes of it.
    pub const SIZE: usize = 512;

    /// Of an enclave that has said what it is.
    #[must_use]
    pub const fn of(report: &ReportBody) -> Self {
        Self {
            mrenclave: report.mrenclave,
            attributes: report.attributes,
            cet_attributes: report.cet_attributes,
            config_svn: report.config_svn,
            miscselect: report.miscselect,
            config_id: report.config_id,
        }
    }

    /// From its bytes.
    ///
    /// # Errors
    ///
    /// If a reserved byte is not zero.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Result<Self, Reserved> {
        bytes::zero(bytes, "TARGETINFO", &RESERVED)?;
        Ok(Self {
            mrenclave: Mrenclave(field(bytes, 0)),
            attributes: Attributes::from_bytes(field(bytes, ATTRIBUTES)),
            cet_attributes: bytes[CET_ATTRIBUTES],
            config_svn: short(bytes, CONFIGSVN),
            miscselect: Miscselect(word(bytes, MISCSELECT)),
            config_id: field(bytes, CONFIGID),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        put(&mut bytes, 0, &self.mrenclave.0);
        put(&mut bytes, ATTRIBUTES, &self.attributes.to_bytes());
        put(&mut bytes, CET_ATTRIBUTES, &[self.cet_attributes]);
        put(&mut bytes, CONFIGSVN, &self.config_svn.to_le_bytes());
        put(&mut bytes, MISCSELECT, &self.miscselect.0.to_le_bytes());
        put(&mut bytes, CONFIGID, &self.config_id);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::check;

    #[test]
    fn every_byte_is_a_field_or_refused() {
        check::every_byte::<{ TargetInfo::SIZE }, _>(
            |bytes| TargetInfo::parse(bytes).map(|target| target.to_bytes()),
            &RESERVED,
        );
    }

    #[test]
    fn a_report_says_for_whom_an_answer_is() {
        let mut bytes = [0; ReportBody::SIZE];
        for (at, value) in [(16, 1), (20, 2), (48, 3), (64, 5), (192, 6), (260, 7)] {
            bytes[at] = value;
        }
        let target = TargetInfo::of(&ReportBody::parse(&bytes).unwrap()).to_bytes();
        assert_eq!(
            [target[52], target[48], target[32], target[0]],
            [1, 2, 3, 5]
        );
        assert_eq!([target[64], target[50]], [6, 7]);
    }
}
