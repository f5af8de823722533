//! Of whom something is said.

use super::error::Error;
use super::header::{Tee, Version};
use super::reader::Reader;
use super::td_report::TdReport;
use crate::report::ReportBody;

/// What the platform says of a program.
#[expect(
    clippy::large_enum_variant,
    reason = "one per quote, and boxes would need an allocator to read it"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// Of an enclave.
    Sgx(ReportBody),
    /// Of a virtual machine.
    Tdx(TdReport),
}

impl Body {
    /// The kind of platform.
    #[must_use]
    pub const fn tee(&self) -> Tee {
        match self {
            Self::Sgx(_) => Tee::Sgx,
            Self::Tdx(_) => Tee::Tdx,
        }
    }

    /// REPORTDATA: what the program itself says.
    #[must_use]
    pub const fn report_data(&self) -> &[u8; 64] {
        match self {
            Self::Sgx(report) => &report.report_data,
            Self::Tdx(report) => &report.report_data,
        }
    }

    /// The type that version 5 states for it.
    pub(super) const fn kind(&self) -> u16 {
        match self {
            Self::Sgx(_) => 1,
            Self::Tdx(TdReport { tdx15: None, .. }) => 2,
            Self::Tdx(TdReport { tdx15: Some(_), .. }) => 3,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, version: Version, tee: Tee) -> Result<Self, Error> {
        let (kind, size) = if version == Version::V5 {
            (
                reader.short("the body's type")?,
                reader.length("the body's length")?,
            )
        } else {
            match tee {
                Tee::Sgx => (1, ReportBody::SIZE),
                Tee::Tdx => (2, TdReport::SIZE_1_0),
            }
        };
        match (tee, kind, size) {
            (Tee::Sgx, 1, ReportBody::SIZE) => {
                let bytes = reader.array("the report of the enclave")?;
                Ok(Self::Sgx(ReportBody::parse(bytes)?))
            }
            (Tee::Tdx, 2, TdReport::SIZE_1_0) => {
                let bytes = reader.array("the report of the TD")?;
                Ok(Self::Tdx(TdReport::parse_1_0(bytes)))
            }
            (Tee::Tdx, 3, TdReport::SIZE_1_5) => {
                let bytes = reader.array("the report of the TD")?;
                Ok(Self::Tdx(TdReport::parse_1_5(bytes)))
            }
            _ => Err(Error::BodyType {
                kind,
                size,
                tee: tee.number(),
            }),
        }
    }
}
