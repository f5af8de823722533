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
    let first = sha256(&[verification_key_pem.as_bytes()]);
    halves(&first, &labelled(b"sconce/v1/worker-keys", &texts))
}

/// What a program has quoted when it asks a vault for the secrets of `session`, written
/// `NAMESPACE/NAME/SERVICE`: the vault's nonce, and the X25519 key that they are to be encrypted to.
///
/// The first half is the nonce. The second is SHA-256 of `sconce/v1/provision`, a zero byte, and then
/// session, nonce and key, each behind its length.
#[must_use]
pub fn provision(nonce: &[u8; 32], session: &str, key: &[u8; 32]) -> [u8; 64] {
    let texts: [&[u8]; 3] = [session.as_bytes(), nonce, key];
    halves(nonce, &labelled(b"sconce/v1/provision", &texts))
}

/// What a vault has quoted when it starts: the public key of its TLS certificate (SubjectPublicKeyInfo,
/// DER), and its realm, the name that it gave itself when it first started.
///
/// The first half is SHA-256 of the key. The second is SHA-256 of `sconce/v1/vault`, a zero byte, and
/// then key and realm, each behind its length.
#[must_use]
pub fn vault(key_der: &[u8], realm: &str) -> [u8; 64] {
    let texts: [&[u8]; 2] = [key_der, realm.as_bytes()];
    halves(&sha256(&[key_der]), &labelled(b"sconce/v1/vault", &texts))
}

/// What the key management of a pool has quoted: its published verification key, and MRENCLAVE of the one
/// program that it gives orders' keys to (wire facts 7).
///
/// The first half is SHA-256 of the key's PEM. The second is that measurement itself, which the pool's owner
/// has chosen: the first half alone keeps such a quote from passing for one of another purpose.
#[must_use]
pub fn pool(verification_key_pem: &str, processor: &[u8; 32]) -> [u8; 64] {
    halves(&sha256(&[verification_key_pem.as_bytes()]), processor)
}

/// What a processor of a pool has quoted: the key that orders' keys are encrypted to, and the unique key that
/// they are signed with, as it is named on the wire (wire facts 6.1).
///
/// The first half is SHA-256 of the key's PEM, the second of the [unique id](crate::pool::unique_id).
#[must_use]
pub fn pool_processor(encryption_key_pem: &str, unique_id: &str) -> [u8; 64] {
    let (key, unique) = (encryption_key_pem.as_bytes(), unique_id.as_bytes());
    halves(&sha256(&[key]), &sha256(&[unique]))
}

fn halves(first: &[u8; 32], second: &[u8; 32]) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(first);
    bytes[32..].copy_from_slice(second);
    bytes
}

/// SHA-256 of a purpose, a zero byte, and texts, each behind its length as four big-endian bytes.
fn labelled(purpose: &[u8], texts: &[&[u8]]) -> [u8; 32] {
    let length = |text: &&[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let lengths: Vec<[u8; 4]> = texts.iter().map(length).collect();
    let mut parts: Vec<&[u8]> = vec![purpose, &[0]];
    for (length, text) in lengths.iter().zip(texts) {
        parts.extend([&length[..], text]);
    }
    sha256(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_have_the_layouts_of_avalon() {
        let found = pool("ABC", &[7; 32]);
        assert_eq!(found[..32], sha256(&[b"ABC"]));
        assert_eq!(found[32..], [7; 32]);
        let found = pool_processor("ABC", "0a");
        assert_eq!(found[..32], sha256(&[b"ABC"]));
        assert_eq!(found[32..], sha256(&[b"0a"]));
    }

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

    #[test]
    fn each_purpose_has_its_layout() {
        let (nonce, key) = ([1; 32], [2; 32]);
        let mut text = b"sconce/v1/provision\0\0\0\0\x05a/b/c\0\0\0\x20".to_vec();
        text.extend_from_slice(&nonce);
        text.extend_from_slice(b"\0\0\0\x20");
        text.extend_from_slice(&key);
        let found = provision(&nonce, "a/b/c", &key);
        assert_eq!(found[..32], nonce);
        assert_eq!(found[32..], sha256(&[&text]));

        let found = vault(b"DER", "realm");
        assert_eq!(found[..32], sha256(&[b"DER"]));
        let text = b"sconce/v1/vault\0\0\0\0\x03DER\0\0\0\x05realm";
        assert_eq!(found[32..], sha256(&[text]));
    }
}
