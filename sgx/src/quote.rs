//! Quotes: what a quoting enclave signs for others to verify (Intel SGX DCAP, ECDSA with P-256).
//!
//! Versions 3 (SGX), 4 and 5 (SGX and TDX). A quote is a header, a body and a signature section, which
//! carries what is needed to lead the signature back to the platform's certificate. Reading one
//! says nothing of whether it is genuine: no signature is checked here.
//!
//! | version | signed bytes | certification |
//! |---|---|---|
//! | 3 | header 48, REPORT body 384 | as it stands |
//! | 4 | header 48, REPORT body 384 or TD report 584 | in an envelope of type 6 |
//! | 5 | header 48, type and length of the body 6, body 384, 584 or 648 | in an envelope of type 6 |
//!
//! Bodies of version 5 beyond TDX 1.5 (type 4) are refused as unknown.

mod body;
mod encode;
mod error;
mod header;
mod reader;
mod signature;
mod td_report;

pub use body::Body;
pub use encode::{Unencodable, encode, to_be_signed};
pub use error::Error;
pub use header::{Header, INTEL_VENDOR, Tee, Version};
pub use signature::{Certification, CertificationKind, Signature};
pub use td_report::{TdReport, TdReport15};

use reader::Reader;

/// Bytes that no quote exceeds; real ones have five thousand.
pub const MAX_SIZE: usize = 64 << 10;

/// A quote in its form. Whether it is genuine is for `attestation` to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote<'a> {
    signed: &'a [u8],
    header: Header,
    body: Body,
    signature: Signature<'a>,
}

impl<'a> Quote<'a> {
    /// Reads a quote.
    ///
    /// Nothing may follow an SGX quote. A TDX quote may be followed by zeros up to [`MAX_SIZE`],
    /// because quoting services fill up the buffers that they give to Linux; those bytes are signed by nobody.
    ///
    /// # Errors
    ///
    /// With the first thing that is not in its form, or not known. Reserved bytes of the body must be
    /// zero; those of the quoting enclave's report are left to [`Signature::qe_report`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_SIZE {
            return Err(Error::TooLong { size: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        let (header, tee) = Header::read(&mut reader)?;
        let body = Body::read(&mut reader, header.version, tee)?;
        let signed = &bytes[..reader.offset()];
        let signature = Signature::read(&mut reader, header.version)?;
        reader.end(tee)?;
        Ok(Self {
            signed,
            header,
            body,
            signature,
        })
    }

    /// The bytes over which the attestation key's signature is made: header and body.
    #[must_use]
    pub const fn signed(&self) -> &'a [u8] {
        self.signed
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What is said of whom.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The signature, and what leads it back to the platform's certificate.
    #[must_use]
    pub const fn signature(&self) -> &Signature<'a> {
        &self.signature
    }
}

#[cfg(test)]
mod tests;
