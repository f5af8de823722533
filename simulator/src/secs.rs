//! An enclave as the processor knows it: SECS.

use sgx::{Attributes, Miscselect, Mrenclave, Mrsigner, ReportBody, TargetInfo};

/// What EINIT has found of an enclave (SDM 3D, 35.7): all that reports and keys depend on.
///
/// The launcher fills it in, from what it has measured and from the SIGSTRUCT that it has checked;
/// the enclave has no say in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Secs {
    /// MRENCLAVE: what was measured.
    pub mrenclave: Mrenclave,
    /// MRSIGNER: who signed it.
    pub mrsigner: Mrsigner,
    /// ATTRIBUTES that it runs with.
    pub attributes: Attributes,
    /// MISCSELECT that it runs with.
    pub miscselect: Miscselect,
    /// CET_ATTRIBUTES that it runs with.
    pub cet_attributes: u8,
    /// ISVPRODID: which of the signer's programs it is.
    pub isv_prod_id: u16,
    /// ISVSVN: its security version.
    pub isv_svn: u16,
    /// ISVEXTPRODID, with key separation and sharing.
    pub isv_ext_prod_id: [u8; 16],
    /// ISVFAMILYID, with key separation and sharing.
    pub isv_family_id: [u8; 16],
    /// CONFIGID, with key separation and sharing.
    pub config_id: [u8; 64],
    /// CONFIGSVN, with key separation and sharing.
    pub config_svn: u16,
}

impl Secs {
    /// Of an initialised 64-bit enclave with x87 and SSE state, product 0 in version 0, without
    /// anything else.
    #[must_use]
    pub const fn new(mrenclave: Mrenclave, mrsigner: Mrsigner) -> Self {
        Self {
            mrenclave,
            mrsigner,
            attributes: Attributes {
                flags: sgx::flags::INIT | Attributes::PLAIN.flags,
                xfrm: Attributes::PLAIN.xfrm,
            },
            miscselect: Miscselect(0),
            cet_attributes: 0,
            isv_prod_id: 0,
            isv_svn: 0,
            isv_ext_prod_id: [0; 16],
            isv_family_id: [0; 16],
            config_id: [0; 64],
            config_svn: 0,
        }
    }

    /// The TARGETINFO that lets this enclave check a report.
    #[must_use]
    pub const fn target(&self) -> TargetInfo {
        TargetInfo {
            mrenclave: self.mrenclave,
            attributes: self.attributes,
            cet_attributes: self.cet_attributes,
            config_svn: self.config_svn,
            miscselect: self.miscselect,
            config_id: self.config_id,
        }
    }

    /// What a report says of this enclave, on a processor of this version.
    pub(crate) const fn report_body(&self, cpusvn: [u8; 16], report_data: [u8; 64]) -> ReportBody {
        ReportBody {
            cpusvn,
            miscselect: self.miscselect,
            cet_attributes: self.cet_attributes,
            isv_ext_prod_id: self.isv_ext_prod_id,
            attributes: self.attributes,
            mrenclave: self.mrenclave,
            mrsigner: self.mrsigner,
            config_id: self.config_id,
            isv_prod_id: self.isv_prod_id,
            isv_svn: self.isv_svn,
            config_svn: self.config_svn,
            isv_family_id: self.isv_family_id,
            report_data,
        }
    }
}
