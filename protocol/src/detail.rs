//! `error.data.detail`: a workload's own message, for its requester alone. It's our addition.
//!
//! Base64 of `iv ‖ ciphertext ‖ tag` under the order's session key, with a fresh initialisation
//! vector always: the answer may use the shared one. The associated data is `"sconce/v1/detail" ‖ 00
//! ‖ order id`, so that nobody can show the requester an input of its own as the workload's message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::crypto::aes::{DoesNotOpen, Ivs, SessionKey};
use crate::crypto::entropy::{Entropy, EntropyFailed};

/// Encrypts `message` about an order.
pub fn seal(
    key: &SessionKey,
    work_order_id: &str,
    message: &str,
    entropy: &dyn Entropy,
) -> Result<String, EntropyFailed> {
    let context = context(work_order_id);
    let sealed = key.seal_bound(Ivs::Prefixed, &context, message.as_bytes(), entropy)?;
    Ok(STANDARD.encode(sealed))
}

/// Decrypts the message about an order. Whoever holds the session key made it: this requester, or
/// the worker.
pub fn open(key: &SessionKey, work_order_id: &str, detail: &str) -> Result<String, DoesNotOpen> {
    let sealed = STANDARD.decode(detail).map_err(|_| DoesNotOpen)?;
    let plain: Zeroizing<Vec<u8>> =
        key.open_bound(Ivs::Prefixed, &context(work_order_id), &sealed)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

fn context(work_order_id: &str) -> Vec<u8> {
    [b"sconce/v1/detail\0", work_order_id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SystemEntropy;

    #[test]
    fn only_details_of_the_same_order_open() {
        let entropy = SystemEntropy::new();
        let key = SessionKey::generate(&entropy).unwrap();
        let detail = seal(&key, "ab", "too large", &entropy).unwrap();
        assert_eq!(open(&key, "ab", &detail).as_deref(), Ok("too large"));
        assert!(open(&key, "abc", &detail).is_err());

        let input = key
            .seal(Ivs::Prefixed, b"my secret input", &entropy)
            .unwrap();
        assert!(open(&key, "ab", &STANDARD.encode(input)).is_err());
    }
}
