//! Quotes, written.

use alloc::vec::Vec;

use super::body::Body;
use super::header::{Header, Version};
use super::signature::{ENVELOPE, Signature};
use super::td_report::TdReport;

/// A quote that its format has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unencodable {
    /// The version of the format has no such body.
    #[error("version {version} of the format has no such body")]
    Body {
        /// Of the format.
        version: u16,
    },
    /// A part is longer than its length can say, or the quote than any may be.
    #[error("{what} has {size} bytes, which is too long")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its bytes.
        size: usize,
    },
}

/// The bytes over which the attestation key's signature is made.
///
/// # Errors
///
/// If the version of the format has no such body.
pub fn to_be_signed(header: &Header, body: &Body) -> Result<Vec<u8>, Unencodable> {
    let known = match body {
        Body::Sgx(_) => true,
        Body::Tdx(TdReport { tdx15: None, .. }) => header.version >= Version::V4,
        Body::Tdx(TdReport { tdx15: Some(_), .. }) => header.version >= Version::V5,
    };
    if !known {
        let version = header.version.number();
        return Err(Unencodable::Body { version });
    }
    let report = match body {
        Body::Sgx(report) => report.to_bytes().to_vec(),
        Body::Tdx(report) => report.to_bytes(),
    };
    let mut bytes = header.to_bytes(body.tee()).to_vec();
    if header.version == Version::V5 {
        bytes.extend(body.kind().to_le_bytes());
        bytes.extend(length("the body", report.len())?);
    }
    bytes.extend(report);
    Ok(bytes)
}

/// The bytes of a quote.
///
/// # Errors
///
/// If the version of the format has no such body, or something is too long.
pub fn encode(
    header: &Header,
    body: &Body,
    signature: &Signature<'_>,
) -> Result<Vec<u8>, Unencodable> {
    let mut certified = Vec::new();
    certified.extend(signature.qe_report_bytes);
    certified.extend(signature.qe_report_signature);
    let auth = signature.qe_auth_data;
    let auth_length = u16::try_from(auth.len()).map_err(|_| Unencodable::TooLong {
        what: "the authentication data",
        size: auth.len(),
    })?;
    certified.extend(auth_length.to_le_bytes());
    certified.extend(auth);
    let certification = signature.certification;
    certified.extend(certification.kind.number().to_le_bytes());
    certified.extend(length("the certification data", certification.data.len())?);
    certified.extend(certification.data);

    let mut section = Vec::new();
    section.extend(signature.isv_signature);
    section.extend(signature.attestation_key);
    if header.version > Version::V3 {
        section.extend(ENVELOPE.to_le_bytes());
        section.extend(length("the envelope", certified.len())?);
    }
    section.extend(certified);

    let mut bytes = to_be_signed(header, body)?;
    bytes.extend(length("the signature section", section.len())?);
    bytes.extend(section);
    if bytes.len() > super::MAX_SIZE {
        return Err(Unencodable::TooLong {
            what: "the quote",
            size: bytes.len(),
        });
    }
    Ok(bytes)
}

fn length(what: &'static str, size: usize) -> Result<[u8; 4], Unencodable> {
    u32::try_from(size)
        .map(u32::to_le_bytes)
        .map_err(|_| Unencodable::TooLong { what, size })
}
