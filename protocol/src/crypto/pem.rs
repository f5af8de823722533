//! PEM as Avalon's peers hash it: RFC 7468 when we write, any wrapping when we read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::KeyError;

/// Columns of a line, RFC 7468 section 2.
const COLUMNS: usize = 64;

/// `der` as PEM: 64 columns, LF, a final newline.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The bytes of the one block in `text`, which must carry `label`; lines may wrap anywhere.
///
/// # Errors
///
/// [`KeyError::Pem`] when the text is anything else.
pub fn decode(label: &'static str, text: &str) -> Result<Vec<u8>, KeyError> {
    let inner = || -> Option<Vec<u8>> {
        let body = text
            .trim()
            .strip_prefix("-----BEGIN ")?
            .strip_prefix(label)?;
        let body = body.strip_prefix("-----")?.strip_suffix("-----")?;
        let body = body.strip_suffix(label)?.strip_suffix("-----END ")?;
        let digits: String = body.split_ascii_whitespace().collect();
        STANDARD.decode(digits).ok()
    };
    inner().ok_or(KeyError::Pem(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_64_columns_and_reads_any() {
        let der: Vec<u8> = (0..100).collect();
        let text = encode("PUBLIC KEY", &der);
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(widths, [26, 64, 64, 8, 24]);
        assert!(text.ends_with("-----END PUBLIC KEY-----\n"));
        assert_eq!(decode("PUBLIC KEY", &text).unwrap(), der);

        let odd = text.replace('\n', "\r\n  ");
        assert_eq!(decode("PUBLIC KEY", &odd).unwrap(), der);
    }

    #[test]
    fn refuses_other_labels_and_garbage() {
        let text = encode("PUBLIC KEY", b"abc");
        assert!(decode("PRIVATE KEY", &text).is_err());
        for bad in ["", "-----BEGIN PUBLIC KEY-----", "PUBLIC KEY", &text[1..]] {
            assert!(decode("PUBLIC KEY", bad).is_err(), "{bad:?}");
        }
        let trailing = format!("{text}x");
        assert!(decode("PUBLIC KEY", &trailing).is_err());
    }
}
