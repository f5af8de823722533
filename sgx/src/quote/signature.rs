//! The signature, and what leads it back to the platform.

use super::error::Error;
use super::header::Version;
use super::reader::Reader;
use crate::bytes::Reserved;
use crate::report::ReportBody;

/// The signature section. Signatures are r and s, keys x and y, each 32 bytes, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature<'a> {
    /// Over header and body, by the attestation key.
    pub isv_signature: &'a [u8; 64],
    /// The attestation key, which the quoting enclave has made.
    pub attestation_key: &'a [u8; 64],
    /// The quoting enclave's own report, as it was signed.
    pub qe_report_bytes: &'a [u8; ReportBody::SIZE],
    /// Over that report, by the platform's certified key (PCK).
    pub qe_report_signature: &'a [u8; 64],
    /// What the quoting enclave has put under the same hash as the attestation key; 32 bytes of Intel's.
    pub qe_auth_data: &'a [u8],
    /// Which platform it was.
    pub certification: Certification<'a>,
}

/// What leads to the platform's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Certification<'a> {
    /// What the data is.
    pub kind: CertificationKind,
    /// As it stands in the quote.
    pub data: &'a [u8],
}

/// What certification data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificationKind {
    /// 1: the platform's id and security versions.
    Ppid,
    /// 2: the same, the id encrypted with RSA-2048.
    PpidRsa2048,
    /// 3: the same, the id encrypted with RSA-3072.
    PpidRsa3072,
    /// 4: the platform's certificate, PEM.
    PckLeaf,
    /// 5: the platform's certificate and its issuers, PEM; a NUL may end it.
    PckChain,
    /// 7: the manifest of a platform that is not registered yet.
    PlatformManifest,
}

impl Signature<'_> {
    /// What the quoting enclave's report says. To be asked after its signature has been checked: a bit
    /// changed by somebody else is first of all a wrong signature.
    ///
    /// # Errors
    ///
    /// If a reserved byte is not zero.
    pub fn qe_report(&self) -> Result<ReportBody, Reserved> {
        ReportBody::parse(self.qe_report_bytes)
    }
}

impl CertificationKind {
    /// The number in the quote.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Ppid => 1,
            Self::PpidRsa2048 => 2,
            Self::PpidRsa3072 => 3,
            Self::PckLeaf => 4,
            Self::PckChain => 5,
            Self::PlatformManifest => 7,
        }
    }

    const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Ppid),
            2 => Some(Self::PpidRsa2048),
            3 => Some(Self::PpidRsa3072),
            4 => Some(Self::PckLeaf),
            5 => Some(Self::PckChain),
            7 => Some(Self::PlatformManifest),
            _ => None,
        }
    }
}

/// Certification data of this type is an envelope: the quoting enclave's report, and certification
/// data again.
pub(super) const ENVELOPE: u16 = 6;

impl<'a> Signature<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, version: Version) -> Result<Self, Error> {
        let length = reader.length("the signature section's length")?;
        let mut part = "the signature section";
        let mut section = reader.part(length, part)?;
        let isv_signature = section.array("the quote's signature")?;
        let attestation_key = section.array("the attestation key")?;
        if version > Version::V3 {
            let (offset, found) = (section.offset(), section.short("the envelope's type")?);
            if found != ENVELOPE {
                return Err(Error::Envelope {
                    offset,
                    found,
                    version: version.number(),
                });
            }
            let length = section.length("the envelope's length")?;
            let envelope = section.part(length, "the envelope")?;
            section.filled(part)?;
            (part, section) = ("the envelope", envelope);
        }
        let qe_report_bytes = section.array("the quoting enclave's report")?;
        let qe_report_signature = section.array("the signature of the quoting enclave's report")?;
        let length = section.short("the authentication data's length")?;
        let qe_auth_data = section.take(length.into(), "the authentication data")?;
        let certification = Certification::read(&mut section, version)?;
        section.filled(part)?;
        Ok(Self {
            isv_signature,
            attestation_key,
            qe_report_bytes,
            qe_report_signature,
            qe_auth_data,
            certification,
        })
    }
}

impl<'a> Certification<'a> {
    fn read(section: &mut Reader<'a>, version: Version) -> Result<Self, Error> {
        let (offset, found) = (
            section.offset(),
            section.short("the certification data's type")?,
        );
        if found == ENVELOPE {
            return Err(Error::Envelope {
                offset,
                found,
                version: version.number(),
            });
        }
        let kind = CertificationKind::from_number(found)
            .ok_or(Error::CertificationType { offset, found })?;
        let length = section.length("the certification data's length")?;
        let data = section.take(length, "the certification data")?;
        Ok(Self { kind, data })
    }
}
