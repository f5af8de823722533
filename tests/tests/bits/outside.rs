//! The bits that no signature covers.

use crate::flips::Flip;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A quote.
    Quote,
    /// Collateral, its JSON text.
    Collateral,
}

/// Members of the collateral that are hex: the case of their letters says nothing.
const HEX: [&str; 4] = [
    "root_ca_crl",
    "pck_crl",
    "tcb_info_signature",
    "qe_identity_signature",
];

impl Input {
    /// Whether a bit is outside every signature. Each of them changes how something is written, and
    /// nothing of what it says.
    ///
    /// - Quote: none. Its certificates are PEM, of which one text is taken for each certificate.
    /// - Collateral: upper and lower case of hex digits.
    pub(crate) fn is_outside(self, bytes: &[u8], flip: Flip) -> bool {
        match self {
            Self::Quote => false,
            Self::Collateral => {
                let case = bytes[flip.at].is_ascii_alphabetic() && flip.bit == 5;
                case && HEX.iter().any(|member| is_in(bytes, member, flip.at))
            }
        }
    }
}

/// Whether a byte is in the text of a member that has no quotation mark in it.
fn is_in(json: &[u8], member: &str, at: usize) -> bool {
    let before = &json[..at];
    let Some(quote) = before.iter().rposition(|byte| *byte == b'"') else {
        return false;
    };
    let before = before[..quote].trim_ascii_end();
    let Some(before) = before.strip_suffix(b":") else {
        return false;
    };
    let name = format!("\"{member}\"");
    before.trim_ascii_end().ends_with(name.as_bytes())
}

/// Whether a byte is in the value of a member, which is a number, or a text without quotation marks.
pub(crate) fn is_value_of(json: &[u8], member: &str, at: usize) -> bool {
    let text = String::from_utf8_lossy(json);
    let name = format!("\"{member}\":");
    let Some(begin) = text.find(&name).map(|found| found + name.len()) else {
        return false;
    };
    let end = text[begin..].find([',', '}']);
    end.is_some_and(|length| (begin..begin + length).contains(&at))
}
