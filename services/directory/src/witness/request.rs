//! What a log sends to a witness (C2SP tlog-witness, `add-checkpoint`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;

/// Most hashes in a proof: the specification's bound.
const MOST_HASHES: usize = 63;

/// A checkpoint, and the proof that it goes on from one that the witness has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint<'a> {
    /// The size, in leaves, that the proof begins at: the witness's latest; 0 if it has none.
    pub old: u64,
    /// The consistency proof (RFC 6962, section 2.1.2); empty from size 0, and to the same size.
    pub proof: Vec<[u8; 32]>,
    /// The checkpoint: a signed note.
    pub note: &'a str,
}

impl<'a> AddCheckpoint<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// [`Error::Form`].
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let text = str::from_utf8(body).map_err(|_| Error::Form("the body is no UTF-8"))?;
        let (head, note) = text
            .split_once("\n\n")
            .ok_or(Error::Form("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(decimal)
            .ok_or(Error::Form(
                "the first line is not `old` and a size in decimal",
            ))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MOST_HASHES {
                return Err(Error::Form("a proof of more than 63 hashes"));
            }
            proof.push(hash(line).ok_or(Error::Form(
                "a line of the proof is no hash of 32 bytes in base64",
            ))?);
        }
        Ok(Self { old, proof, note })
    }

    /// The body of a request.
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(self.note);
        text
    }
}

/// A number without sign or leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    (plain && !leading).then(|| text.parse().ok())?
}

fn hash(line: &str) -> Option<[u8; 32]> {
    STANDARD.decode(line).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "sconce.localhost/heads\n3\nAAAA\n\n\u{2014} x y\n";

    #[test]
    fn what_is_written_is_read() {
        for (old, count) in [(0, 0), (1, 1), (u64::MAX, 63)] {
            let request = AddCheckpoint {
                old,
                proof: vec![[7; 32]; count],
                note: NOTE,
            };
            let text = request.to_text();
            assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap(), request);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let hash = STANDARD.encode([7; 32]);
        let many = format!("old 1\n{}\n{NOTE}", format!("{hash}\n").repeat(64));
        let short = format!("old 1\n{}\n\n{NOTE}", STANDARD.encode([7; 31]));
        for body in [
            "",
            "old 1",
            "old 1\n",
            "old 01\n\nx",
            "old +1\n\nx",
            "old -1\n\nx",
            "old \n\nx",
            "old 18446744073709551616\n\nx",
            "size 1\n\nx",
            " old 1\n\nx",
            "old 1\r\n\r\nx",
            "old 1\n \n\nx",
            &many,
            &short,
        ] {
            AddCheckpoint::parse(body.as_bytes()).unwrap_err();
        }
        AddCheckpoint::parse(b"old 1\n\n\xff").unwrap_err();
    }
}
