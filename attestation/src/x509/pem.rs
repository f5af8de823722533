//! Chains of certificates as texts.

use alloc::vec::Vec;

use der::pem::Decoder;

use super::{Document, Error, Result};

/// The certificates of a chain, decoded and unread: that of the leaf first, the root's as the last.
#[derive(Debug, Clone)]
pub struct Chain {
    document: Document,
    certificates: Vec<Vec<u8>>,
}

impl Chain {
    /// Certificates at most; the longest chain has three.
    const MAX: usize = 4;

    /// Bytes of the longest text.
    pub const MAX_SIZE: usize = 64 << 10;

    /// The chain of a platform's certificate, from a quote: PCK, PCK CA, root. One zero byte may follow
    /// the text.
    ///
    /// # Errors
    ///
    /// [`Error::Pem`], [`Error::Length`] and [`Error::Size`].
    pub fn pck(text: &[u8]) -> Result<Self> {
        Chains::default().pck(text)
    }

    /// The chain of the CA of platforms' certificates, from collateral: PCK CA, root.
    ///
    /// # Errors
    ///
    /// [`Error::Pem`], [`Error::Length`] and [`Error::Size`].
    pub fn pck_ca(text: &[u8]) -> Result<Self> {
        Chains::default().pck_ca(text)
    }

    /// The chain of the TCB signing certificate, from collateral: TCB signing, root.
    ///
    /// # Errors
    ///
    /// [`Error::Pem`], [`Error::Length`] and [`Error::Size`].
    pub fn tcb_signing(text: &[u8]) -> Result<Self> {
        Chains::default().tcb_signing(text)
    }

    /// Whose chain it is.
    #[must_use]
    pub const fn document(&self) -> Document {
        self.document
    }

    /// Its certificates, each as DER.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
}

/// Reads the chains of one piece of evidence. They share most of their certificates; a text that has been
/// decoded before is compared with what is known, which takes far less time.
#[derive(Default)]
pub(crate) struct Chains<'t> {
    known: Vec<(&'t [u8], Vec<u8>)>,
}

impl<'t> Chains<'t> {
    /// See [`Chain::pck`].
    pub(crate) fn pck(&mut self, text: &'t [u8]) -> Result<Chain> {
        let text = text.strip_suffix(&[0]).unwrap_or(text);
        self.read(Document::Pck, text, 3)
    }

    /// See [`Chain::pck_ca`].
    pub(crate) fn pck_ca(&mut self, text: &'t [u8]) -> Result<Chain> {
        self.read(Document::PckCa, text, 2)
    }

    /// See [`Chain::tcb_signing`].
    pub(crate) fn tcb_signing(&mut self, text: &'t [u8]) -> Result<Chain> {
        self.read(Document::TcbSigning, text, 2)
    }

    fn read(&mut self, document: Document, text: &'t [u8], wanted: usize) -> Result<Chain> {
        super::check_size(document, text, Chain::MAX_SIZE)?;
        let mut certificates = Vec::new();
        let mut left = text;
        let fault = |left: &[u8], what| Error::Pem {
            document,
            offset: text.len() - left.len(),
            what,
        };
        while !left.is_empty() {
            if certificates.len() == Chain::MAX {
                return Err(fault(left, "more certificates than any chain has"));
            }
            let (one, behind) =
                split(left).ok_or_else(|| fault(left, "there should be a certificate here"))?;
            let der = self
                .decode(one)
                .ok_or_else(|| fault(left, "a certificate is not in PEM"))?;
            certificates.push(der);
            left = behind;
        }
        if certificates.len() != wanted {
            return Err(Error::Length {
                document,
                found: certificates.len(),
                wanted,
            });
        }
        Ok(Chain {
            document,
            certificates,
        })
    }

    fn decode(&mut self, text: &'t [u8]) -> Option<Vec<u8>> {
        if let Some((_, der)) = self.known.iter().find(|(known, _)| *known == text) {
            return Some(der.clone());
        }
        let mut der = Vec::new();
        Decoder::new_detect_wrap(text)
            .ok()?
            .decode_to_end(&mut der)
            .ok()?;
        self.known.push((text, der.clone()));
        Some(der)
    }
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The first certificate's lines, and what follows its line end and blank lines.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(BEGIN)?;
    // No digit of base64 is a dash.
    let end = BEGIN.len() + inside.iter().position(|byte| *byte == b'-')?;
    if !text[end..].starts_with(END) {
        return None;
    }
    let (one, behind) = text.split_at(end + END.len());
    if !behind.is_empty() && line_end(behind).is_none() {
        return None;
    }
    // Some services leave blank lines between certificates.
    let mut behind = behind;
    while let Some(rest) = line_end(behind) {
        behind = rest;
    }
    Some((one, behind))
}

/// What follows a line end.
fn line_end(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\r\n")
        .or_else(|| text.strip_prefix(b"\n"))
}
