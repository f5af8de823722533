use super::*;
use crate::messages::{DigitallySigned, HashAlgorithm, MapHead, SignatureAlgorithm, Timestamp};

fn head() -> SignedMapHead {
    SignedMapHead {
        map_head: Some(MapHead {
            realm: "a:b,{c}/\"<\u{1}".to_owned(),
            epoch: 9_007_199_254_740_993,
            root: vec![0xff; 3],
            issue_time: Some(Timestamp {
                seconds: 2,
                nanos: 0,
            }),
        }),
        signatures: [
            ("b".to_owned(), DigitallySigned::default()),
            (
                "a".to_owned(),
                DigitallySigned {
                    hash_algorithm: HashAlgorithm::Sha256,
                    sig_algorithm: SignatureAlgorithm::Ecdsa,
                    signature: vec![1],
                },
            ),
        ]
        .into(),
        auditor_signatures: [("z".to_owned(), DigitallySigned::default())].into(),
    }
}

#[test]
fn the_text_is_what_the_log_prints() {
    assert_eq!(
        entry_text(&head()),
        concat!(
            r#"{ "data": { "map_head": { "realm": "a: b, { c }\/\"\u003c\u0001", "#,
            r#""epoch": 9007199254740993, "root": "\/\/\/\/", "issue_time": { "seconds": 2 } }, "#,
            r#""signatures": { "a": { "hash_algorithm": 4, "sig_algorithm": 1, "#,
            r#""signature": "AQ==" }, "b": {  } } } }"#,
        )
    );
    assert_eq!(entry_text(&SignedMapHead::default()), r#"{ "data": {  } }"#);
}

#[test]
fn a_promise_is_for_one_head_of_one_log_at_one_time() {
    let key = SigningKey::generate().unwrap();
    let sct = Sct::sign(&key, 1_700_000_000_000, &head()).unwrap();
    sct.verify(&head(), key.verifying_key()).unwrap();
    assert_eq!(Sct::decode(&sct.encode().unwrap()), Ok(sct.clone()));

    let other = SigningKey::generate().unwrap();
    assert_eq!(sct.verify(&head(), other.verifying_key()), Err(Error::Log));
    let mut later = sct.clone();
    later.timestamp_ms += 1;
    assert_eq!(
        later.verify(&head(), key.verifying_key()),
        Err(Error::Signature)
    );
    let mut fewer = head();
    fewer.signatures.remove("b");
    assert_eq!(
        sct.verify(&fewer, key.verifying_key()),
        Err(Error::Signature)
    );
    // Auditors sign afterwards.
    fewer = head();
    fewer.auditor_signatures.clear();
    sct.verify(&fewer, key.verifying_key()).unwrap();
}

#[test]
fn a_timestamp_has_one_form() {
    let key = SigningKey::generate().unwrap();
    let good = Sct::sign(&key, 7, &head()).unwrap().encode().unwrap();
    for len in 0..good.len() {
        let fault = Sct::decode(&good[..len]).unwrap_err();
        assert_eq!(fault.code(), "kt.sct");
    }
    Sct::decode(&[&good[..], &[0]].concat()).unwrap_err();
    // The version, the length of the extensions, the algorithms and the length of the signature.
    for at in [0, 41, 42, 43, 44, 45, 46] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(matches!(Sct::decode(&bad), Err(Error::Form { .. })), "{at}");
    }
}

#[test]
fn a_text_is_bounded() {
    let long = "x".repeat(MAX_TEXT + 1);
    assert_eq!(
        signature_input(0, &long),
        Err(Error::TooLong { len: long.len() })
    );
    assert_eq!(
        merkle_leaf(1, "ab").unwrap(),
        hex::decode("000000000000000000018000000002616200 00".replace(' ', "")).unwrap()
    );
}
