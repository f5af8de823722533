//! Hex, PEM, AES layouts, details, tokens.

use proptest::prelude::*;
use sconce_protocol::crypto::aes::{Ivs, SessionKey};
use sconce_protocol::crypto::pem;
use sconce_protocol::crypto::rsa::EncryptionKey;
use sconce_protocol::crypto::secp256k1::{SigningKey, VerifyingKey};
use sconce_protocol::detail;
use sconce_protocol::ids::{HexText, WorkOrderId, WorkerId, WorkloadId, decode, is_hex};
use sconce_protocol::membership::is_worker_name;
use sconce_protocol::token::Token;

use crate::support::{Counting, bytes, damage, hex, text};

/// Both layouts of a ciphertext.
fn layouts() -> impl Strategy<Value = Ivs> {
    prop_oneof![Just(Ivs::Prefixed), any::<[u8; 12]>().prop_map(Ivs::Shared)]
}

proptest! {
    #[test]
    fn hex_is_read_back(bytes in bytes(), prefix in "(0x|0X)?", upper in any::<bool>()) {
        let digits = if upper { hex::encode_upper(&bytes) } else { hex::encode(&bytes) };
        let written = prefix + &digits;
        prop_assert_eq!(is_hex(&written), !bytes.is_empty());
        prop_assert_eq!(decode(&written), Some(bytes));
    }

    #[test]
    fn any_text_is_hex_or_not(text in text()) {
        match HexText::new(text.clone()) {
            Ok(hex) => {
                prop_assert!(is_hex(&text));
                prop_assert_eq!(hex.as_str(), &text);
                prop_assert_eq!(hex.decode(), decode(&text));
                prop_assert_eq!(WorkOrderId::new(text.clone()).is_ok(), text.len() <= HexText::MAX_ID);
            }
            Err(_) => prop_assert!(!is_hex(&text)),
        }
    }

    #[test]
    fn ids_are_kept_to_the_letter(text in hex()) {
        let id = WorkerId::new(text.clone()).unwrap();
        prop_assert_eq!(id.as_str(), &text);
        let written = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<WorkerId>(&written).unwrap(), id);
    }

    #[test]
    fn workload_names_are_read_back(name in text()) {
        match WorkloadId::from_name(&name) {
            Ok(id) => prop_assert_eq!(id.name(), Some(name)),
            Err(_) => prop_assert!(name.is_empty() || name.len() * 2 > HexText::MAX_ID),
        }
    }

    #[test]
    fn pem_is_read_back_however_it_wraps(der in bytes(), columns in 1usize..100, end in "(\n|\r\n| |\t)") {
        let written = pem::encode("PUBLIC KEY", &der);
        prop_assert!(written.lines().all(|line| line.len() <= 64));
        prop_assert_eq!(pem::decode("PUBLIC KEY", &written), Ok(der.clone()));

        let body: String = written.lines().filter(|line| !line.starts_with('-')).collect();
        let lines: Vec<_> = body.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let other = format!("-----BEGIN PUBLIC KEY-----{end}{}{end}-----END PUBLIC KEY-----", lines.join(&end));
        prop_assert_eq!(pem::decode("PUBLIC KEY", &other), Ok(der));
    }

    #[test]
    fn damaged_pem_is_refused_or_read_as_something_that_reads_the_same(der in bytes(), damage in damage()) {
        let damaged = damage.of(pem::encode("PUBLIC KEY", &der).as_bytes());
        if let Ok(text) = String::from_utf8(damaged)
            && let Ok(read) = pem::decode("PUBLIC KEY", &text)
        {
            prop_assert_eq!(pem::decode("PUBLIC KEY", &pem::encode("PUBLIC KEY", &read)), Ok(read));
        }
    }

    #[test]
    fn any_bytes_are_a_key_or_none(der in bytes(), text in text()) {
        for text in [pem::encode("PUBLIC KEY", &der), text] {
            if let Ok(key) = VerifyingKey::from_pem(&text) {
                prop_assert_eq!(key.pem(), &text);
            }
            let _ = EncryptionKey::from_pem(&text);
        }
    }

    #[test]
    fn signing_keys_and_signatures_are_read_back(secret in any::<[u8; 32]>(), digest in any::<[u8; 32]>(), damage in damage()) {
        let Ok(key) = SigningKey::from_bytes(&secret) else { return Ok(()) };
        prop_assert_eq!(*key.expose(), secret);
        let public = VerifyingKey::from_pem(key.verifying_key().pem()).unwrap();
        let signature = key.sign(&digest);
        prop_assert!(public.verifies(&digest, &signature));
        let damaged = damage.of(&signature);
        prop_assert!(damaged == signature || !public.verifies(&digest, &damaged));
    }

    #[test]
    fn ciphertexts_open_and_damaged_ones_do_not(key in any::<[u8; 32]>(), ivs in layouts(), plain in bytes(), context in bytes(), damage in damage()) {
        let key = SessionKey::new(&key).unwrap();
        let sealed = key.seal_bound(ivs, &context, &plain, &Counting).unwrap();
        prop_assert_eq!(&*key.open_bound(ivs, &context, &sealed).unwrap(), &plain);
        let damaged = damage.of(&sealed);
        prop_assert!(damaged == sealed || key.open_bound(ivs, &context, &damaged).is_err());
        prop_assert!(context.is_empty() || key.open(ivs, &sealed).is_err());
    }

    #[test]
    fn any_bytes_open_or_not(key in bytes(), ivs in layouts(), sealed in bytes()) {
        match SessionKey::new(&key) {
            Some(key) => prop_assert!(key.open(ivs, &sealed).is_err()),
            None => prop_assert_ne!(key.len(), 32),
        }
    }

    #[test]
    fn details_are_read_back_for_their_order_alone(order in hex(), other in hex(), message in text(), any in text()) {
        let key = SessionKey::new(&[7; 32]).unwrap();
        let sealed = detail::seal(&key, &order, &message, &Counting).unwrap();
        prop_assert_eq!(detail::open(&key, &order, &sealed), Ok(message));
        prop_assert!(order == other || detail::open(&key, &other, &sealed).is_err());
        prop_assert!(detail::open(&key, &order, &any).is_err());
    }

    #[test]
    fn tokens_are_what_they_were_made_of(text in text(), other in text()) {
        match Token::new(text.clone()) {
            Ok(token) => {
                prop_assert_eq!(token.expose(), &text);
                prop_assert!(token.is(text.as_bytes()));
                prop_assert_eq!(token.is(other.as_bytes()), text == other);
            }
            Err(_) => prop_assert!(text.len() < 16 || text.len() > 256 || !text.bytes().all(|byte| byte.is_ascii_graphic())),
        }
    }

    #[test]
    fn any_text_is_a_workers_name_or_not(text in text()) {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let wanted = !text.is_empty() && text.len() <= 64 && text.chars().all(plain);
        prop_assert_eq!(is_worker_name(&text), wanted);
        prop_assert!(is_hex(WorkerId::from_name(&text).as_str()));
    }
}
