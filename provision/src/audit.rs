//! Lines of the audit log: numbered without gaps, each with the digest of the one before it.

use attestation::Time;
use protocol::crypto::sha256;
use serde::{Deserialize, Serialize};
use sgx::Digest;

use crate::text::{Hex, Text};

/// What happened, before it has its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audited {
    /// When, by the vault's notion of time, which never goes back.
    pub time: Text<Time>,
    /// What was wanted: `release`, `session.create`, `session.update`, `worker.generation`, …
    pub event: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The session that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The service that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The refusal in words, or what else there is to know. Never anything secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// MRENCLAVE of the program that asked, if its evidence was genuine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Text<Digest>>,
    /// Who asked: SHA-256 of the public key of the client's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Hex<32>>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditLine {
    /// Counts from 1.
    pub sequence: u64,
    /// What happened.
    pub entry: Audited,
    /// The hash of the line before it; zeros in the first.
    pub previous: Hex<32>,
    /// Its own hash.
    pub hash: Hex<32>,
}

impl AuditLine {
    /// What stands before the first line.
    pub const BEGIN: Hex<32> = Hex([0; 32]);

    /// The line with this number, behind the one whose hash is `previous`.
    #[must_use]
    pub fn new(sequence: u64, entry: Audited, previous: Hex<32>) -> Self {
        let hash = digest(sequence, &entry, &previous);
        Self {
            sequence,
            entry,
            previous,
            hash,
        }
    }

    /// Whether it is what it says, and stands behind the line with this number and hash.
    #[must_use]
    pub fn follows(&self, sequence: u64, previous: &Hex<32>) -> bool {
        sequence.checked_add(1) == Some(self.sequence)
            && self.previous == *previous
            && self.hash == digest(self.sequence, &self.entry, &self.previous)
    }
}

/// SHA-256 of `sconce/v1/audit`, a zero byte, the hash of the line before, and the JSON text of number
/// and entry, written without blanks and in the order of their declaration.
fn digest(sequence: u64, entry: &Audited, previous: &Hex<32>) -> Hex<32> {
    // Made of strings and numbers: writing it can't fail.
    let text = serde_json::to_vec(&(sequence, entry)).unwrap_or_default();
    Hex(sha256(&[b"sconce/v1/audit", &[0], &previous.0, &text]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(code: Option<&str>) -> Audited {
        Audited {
            time: Text(Time::from_unix(1)),
            event: "release".to_owned(),
            outcome: Outcome::Refused,
            session: Some("a/b".to_owned()),
            service: None,
            code: code.map(str::to_owned),
            detail: None,
            measurement: None,
            who: None,
        }
    }

    #[test]
    fn a_line_fits_in_one_place_only() {
        let first = AuditLine::new(1, entry(Some("cas.debug")), AuditLine::BEGIN);
        let second = AuditLine::new(2, entry(None), first.hash);
        assert!(first.follows(0, &AuditLine::BEGIN));
        assert!(second.follows(1, &first.hash));
        assert!(!second.follows(2, &first.hash));
        assert!(!second.follows(1, &AuditLine::BEGIN));
        let changed = AuditLine {
            entry: entry(Some("cas.svn")),
            ..first.clone()
        };
        assert!(!changed.follows(0, &AuditLine::BEGIN));
        let text = serde_json::to_string(&first).unwrap();
        let again: AuditLine = serde_json::from_str(&text).unwrap();
        assert_eq!(again, first);
    }
}
