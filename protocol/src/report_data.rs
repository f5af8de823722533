//! REPORTDATA: the 64 bytes that a program has quoted, one layout for each purpose, so that a quote for
//! one can't be shown for another. `docs/architecture.md` has the table.

use crate::crypto::sha256;
use crate::ids::WorkerId;

/// What a worker has quoted when it starts: its keys.
///
/// The first half is SHA-256 of the verification key's PEM, as Avalon has it. The second is SHA-256 of
/// `sconce/v1/worker-keys`, a zero byte, and then four texts, each behind its length as four big-endian
/// bytes: worker id, verification key, encryption key, and the key of the directory that publishes them
/// (DER), which is empty where there is none.
#[must_use]
pub fn worker_keys(
    worker: &WorkerId,
    verification_key_pem: &str,
    encryption_key_pem: &str,
    directory_key_der: &[u8],
) -> [u8; 64] {
    let texts = [
        worker.as_str().as_bytes(),
        verification_key_pem.as_bytes(),
        encryption_key_pem.as_bytes(),
        directory_key_der,
    ];
    let lengths = texts.map(|text| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    let mut parts: Vec<&[u8]> = vec![b"sconce/v1/worker-keys", &[0]];
    for (length, text) in lengths.iter().zip(texts) {
        parts.extend([&length[..], text]);
    }
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&sha256(&[verification_key_pem.as_bytes()]));
    bytes[32..].copy_from_slice(&sha256(&parts));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let worker = WorkerId::from_name("w");
        let mut text = b"sconce/v1/worker-keys\0\0\0\0\x40".to_vec();
        text.extend_from_slice(worker.as_str().as_bytes());
        text.extend_from_slice(b"\0\0\0\x03ABC\0\0\0\x02DE\0\0\0\x01\x07");
        let found = worker_keys(&worker, "ABC", "DE", &[7]);
        assert_eq!(found[..32], sha256(&[b"ABC"]));
        assert_eq!(found[32..], sha256(&[&text]));
    }

    #[test]
    fn no_text_can_end_elsewhere() {
        let worker = WorkerId::from_name("w");
        assert_ne!(
            worker_keys(&worker, "ABC", "DE", &[])[32..],
            worker_keys(&worker, "AB", "CDE", &[])[32..]
        );
        assert_ne!(
            worker_keys(&worker, "ABC", "DE", b"F")[32..],
            worker_keys(&worker, "ABC", "DEF", &[])[32..]
        );
    }
}
