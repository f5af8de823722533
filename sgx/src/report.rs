//! What an enclave is, said by the processor: REPORT.

use crate::attributes::{Attributes, Miscselect};
use crate::bytes::{self, Reserved, field, put, short, word};
use crate::digest::{Mrenclave, Mrsigner};

/// What a REPORT says of an enclave (SDM 3D, 35.16): the first 384 bytes of a [`Report`], and of the
/// body of an SGX quote.
///
/// The processor fills in everything but the report data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportBody {
    /// CPUSVN: the security version of the processor. Which bytes mean what is not architectural.
    pub cpusvn: [u8; 16],
    /// MISCSELECT of the enclave.
    pub miscselect: Miscselect,
    /// CET_ATTRIBUTES of the enclave.
    pub cet_attributes: u8,
    /// ISVEXTPRODID, with key separation and sharing.
    pub isv_ext_prod_id: [u8; 16],
    /// ATTRIBUTES of the enclave.
    pub attributes: Attributes,
    /// What was measured.
    pub mrenclave: Mrenclave,
    /// Who signed it.
    pub mrsigner: Mrsigner,
    /// CONFIGID, with key separation and sharing: chosen by who launched the enclave.
    pub config_id: [u8; 64],
    /// ISVPRODID: which of the signer's programs it is.
    pub isv_prod_id: u16,
    /// ISVSVN: its security version.
    pub isv_svn: u16,
    /// CONFIGSVN, with key separation and sharing.
    pub config_svn: u16,
    /// ISVFAMILYID, with key separation and sharing.
    pub isv_family_id: [u8; 16],
    /// REPORTDATA: what the enclave says.
    pub report_data: [u8; 64],
}

/// A REPORT: a body that an enclave on the same processor can check with its report key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Report {
    /// What it says.
    pub body: ReportBody,
    /// KEYID: what the report key was derived with.
    pub key_id: [u8; 32],
    /// MAC: AES-CMAC over the body's bytes, with the report key of the enclave that it is for.
    pub mac: [u8; 16],
}

const STRUCTURE: &str = "REPORT";

const MISCSELECT: usize = 16;
const CET_ATTRIBUTES: usize = 20;
const ISVEXTPRODID: usize = 32;
const ATTRIBUTES: usize = 48;
const MRENCLAVE: usize = 64;
const MRSIGNER: usize = 128;
const CONFIGID: usize = 192;
const ISVPRODID: usize = 256;
const ISVSVN: usize = 258;
const CONFIGSVN: usize = 260;
const ISVFAMILYID: usize = 304;
const REPORTDATA: usize = 320;
const RESERVED: [(usize, usize); 4] = [(21, 32), (96, 128), (160, 192), (262, 304)];

const KEYID: usize = 384;
const MAC: usize = 416;

impl ReportBody {
    /// Bytes of it.
    pub const SIZE: usize = 384;

    /// From its bytes.
    ///
    /// # Errors
    ///
    /// If a reserved byte is not zero.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Result<Self, Reserved> {
        bytes::zero(bytes, STRUCTURE, &RESERVED)?;
        Ok(Self {
            cpusvn: field(bytes, 0),
            miscselect: Miscselect(word(bytes, MISCSELECT)),
            cet_attributes: bytes[CET_ATTRIBUTES],
            isv_ext_prod_id: field(bytes, ISVEXTPRODID),
            attributes: Attributes::from_bytes(field(bytes, ATTRIBUTES)),
            mrenclave: Mrenclave(field(bytes, MRENCLAVE)),
            mrsigner: Mrsigner(field(bytes, MRSIGNER)),
            config_id: field(bytes, CONFIGID),
            isv_prod_id: short(bytes, ISVPRODID),
            isv_svn: short(bytes, ISVSVN),
            config_svn: short(bytes, CONFIGSVN),
            isv_family_id: field(bytes, ISVFAMILYID),
            report_data: field(bytes, REPORTDATA),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        put(&mut bytes, 0, &self.cpusvn);
        put(&mut bytes, MISCSELECT, &self.miscselect.0.to_le_bytes());
        put(&mut bytes, CET_ATTRIBUTES, &[self.cet_attributes]);
        put(&mut bytes, ISVEXTPRODID, &self.isv_ext_prod_id);
        put(&mut bytes, ATTRIBUTES, &self.attributes.to_bytes());
        put(&mut bytes, MRENCLAVE, &self.mrenclave.0);
        put(&mut bytes, MRSIGNER, &self.mrsigner.0);
        put(&mut bytes, CONFIGID, &self.config_id);
        put(&mut bytes, ISVPRODID, &self.isv_prod_id.to_le_bytes());
        put(&mut bytes, ISVSVN, &self.isv_svn.to_le_bytes());
        put(&mut bytes, CONFIGSVN, &self.config_svn.to_le_bytes());
        put(&mut bytes, ISVFAMILYID, &self.isv_family_id);
        put(&mut bytes, REPORTDATA, &self.report_data);
        bytes
    }
}

impl Report {
    /// Bytes of it.
    pub const SIZE: usize = 432;

    /// From its bytes. Whether the MAC is right, only the enclave that it is for can tell.
    ///
    /// # Errors
    ///
    /// If a reserved byte is not zero.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Result<Self, Reserved> {
        Ok(Self {
            body: ReportBody::parse(&field(bytes, 0))?,
            key_id: field(bytes, KEYID),
            mac: field(bytes, MAC),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        put(&mut bytes, 0, &self.body.to_bytes());
        put(&mut bytes, KEYID, &self.key_id);
        put(&mut bytes, MAC, &self.mac);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::check;

    #[test]
    fn every_byte_of_a_report_is_a_field_or_refused() {
        check::every_byte::<{ Report::SIZE }, _>(
            |bytes| Report::parse(bytes).map(|report| report.to_bytes()),
            &RESERVED,
        );
    }

    #[test]
    fn fields_are_where_the_manual_has_them() {
        let mut bytes = [0; Report::SIZE];
        for (at, value) in [(16, 1), (20, 2), (48, 3), (56, 4), (64, 5), (128, 6)] {
            bytes[at] = value;
        }
        for (at, value) in [
            (256, 7),
            (258, 8),
            (260, 9),
            (320, 10),
            (384, 11),
            (416, 12),
        ] {
            bytes[at] = value;
        }
        let report = Report::parse(&bytes).unwrap();
        let body = report.body;
        assert_eq!((body.miscselect.0, body.cet_attributes), (1, 2));
        assert_eq!((body.attributes.flags, body.attributes.xfrm), (3, 4));
        assert_eq!((body.mrenclave.0[0], body.mrsigner.0[0]), (5, 6));
        assert_eq!((body.isv_prod_id, body.isv_svn, body.config_svn), (7, 8, 9));
        assert_eq!(
            (body.report_data[0], report.key_id[0], report.mac[0]),
            (10, 11, 12)
        );
    }
}
