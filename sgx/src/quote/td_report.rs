//! What a TDX platform says of a virtual machine.

use alloc::vec::Vec;

use crate::bytes::{field, long};
use crate::digest::{TdMeasurement, TdRegister};

/// The TD report of a quote (TDX DCAP quoting library API, A.3.2; TDX module, TDREPORT).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TdReport {
    /// TEE_TCB_SVN: security versions of the TDX module and what it needs.
    pub tee_tcb_svn: [u8; 16],
    /// MRSEAM: the TDX module.
    pub mr_seam: TdMeasurement,
    /// MRSIGNERSEAM: who signed it; zero for Intel's own.
    pub mr_signer_seam: TdMeasurement,
    /// SEAMATTRIBUTES: zero for a module that is not for debugging.
    pub seam_attributes: u64,
    /// TDATTRIBUTES: [`TdReport::DEBUG`] and others.
    pub td_attributes: u64,
    /// XFAM: the processor state that the TD has.
    pub xfam: u64,
    /// MRTD: what the TD was built of.
    pub mr_td: TdMeasurement,
    /// MRCONFIGID: chosen by who launched it.
    pub mr_config_id: TdMeasurement,
    /// MROWNER: chosen by who launched it.
    pub mr_owner: TdMeasurement,
    /// MROWNERCONFIG: chosen by who launched it.
    pub mr_owner_config: TdMeasurement,
    /// RTMR0 to RTMR3: what the TD has measured since.
    pub rtmr: [TdMeasurement; 4],
    /// REPORTDATA: what the TD says.
    pub report_data: [u8; 64],
    /// What TDX 1.5 adds.
    pub tdx15: Option<TdReport15>,
}

/// What a TD report of TDX 1.5 says besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TdReport15 {
    /// TEE_TCB_SVN2: security versions of the TDX module that runs now, if it was updated since the
    /// TD began.
    pub tee_tcb_svn2: [u8; 16],
    /// MRSERVICETD: service TDs that are bound to this one.
    pub mr_service_td: TdMeasurement,
}

impl TdReport {
    /// Bytes of one of TDX 1.0.
    pub const SIZE_1_0: usize = 584;
    /// Bytes of one of TDX 1.5.
    pub const SIZE_1_5: usize = 648;

    /// Bit of [`TdReport::td_attributes`]: a debugger may look in.
    pub const DEBUG: u64 = 1 << 0;
    /// Bit of [`TdReport::td_attributes`]: the host cannot interrupt the TD by taking pages away.
    pub const SEPT_VE_DISABLE: u64 = 1 << 28;

    /// Whether a debugger may look in.
    #[must_use]
    pub const fn is_debug(&self) -> bool {
        self.td_attributes & Self::DEBUG != 0
    }

    /// The value of a register, if this report has it.
    #[must_use]
    pub fn register(&self, register: TdRegister) -> Option<TdMeasurement> {
        Some(match register {
            TdRegister::MrSeam => self.mr_seam,
            TdRegister::MrSignerSeam => self.mr_signer_seam,
            TdRegister::MrTd => self.mr_td,
            TdRegister::MrConfigId => self.mr_config_id,
            TdRegister::MrOwner => self.mr_owner,
            TdRegister::MrOwnerConfig => self.mr_owner_config,
            TdRegister::Rtmr0 => self.rtmr[0],
            TdRegister::Rtmr1 => self.rtmr[1],
            TdRegister::Rtmr2 => self.rtmr[2],
            TdRegister::Rtmr3 => self.rtmr[3],
            TdRegister::MrServiceTd => self.tdx15?.mr_service_td,
        })
    }

    /// From the bytes of one of TDX 1.0.
    #[must_use]
    pub fn parse_1_0(bytes: &[u8; Self::SIZE_1_0]) -> Self {
        let measurement = |at| TdMeasurement(field(bytes, at));
        Self {
            tee_tcb_svn: field(bytes, 0),
            mr_seam: measurement(16),
            mr_signer_seam: measurement(64),
            seam_attributes: long(bytes, 112),
            td_attributes: long(bytes, 120),
            xfam: long(bytes, 128),
            mr_td: measurement(136),
            mr_config_id: measurement(184),
            mr_owner: measurement(232),
            mr_owner_config: measurement(280),
            rtmr: [328, 376, 424, 472].map(measurement),
            report_data: field(bytes, 520),
            tdx15: None,
        }
    }

    /// From the bytes of one of TDX 1.5.
    #[must_use]
    pub fn parse_1_5(bytes: &[u8; Self::SIZE_1_5]) -> Self {
        Self {
            tdx15: Some(TdReport15 {
                tee_tcb_svn2: field(bytes, 584),
                mr_service_td: TdMeasurement(field(bytes, 600)),
            }),
            ..Self::parse_1_0(&field(bytes, 0))
        }
    }

    /// Its bytes: 584, or 648 with what TDX 1.5 adds.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::SIZE_1_5);
        bytes.extend(self.tee_tcb_svn);
        bytes.extend(self.mr_seam.0);
        bytes.extend(self.mr_signer_seam.0);
        bytes.extend(self.seam_attributes.to_le_bytes());
        bytes.extend(self.td_attributes.to_le_bytes());
        bytes.extend(self.xfam.to_le_bytes());
        bytes.extend(self.mr_td.0);
        bytes.extend(self.mr_config_id.0);
        bytes.extend(self.mr_owner.0);
        bytes.extend(self.mr_owner_config.0);
        for register in &self.rtmr {
            bytes.extend(register.0);
        }
        bytes.extend(self.report_data);
        if let Some(tdx15) = &self.tdx15 {
            bytes.extend(tdx15.tee_tcb_svn2);
            bytes.extend(tdx15.mr_service_td.0);
        }
        bytes
    }
}
