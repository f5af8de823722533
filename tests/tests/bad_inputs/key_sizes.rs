//! Keys and vectors of other sizes than the protocol has.

use protocol::Reason::{OrderIntegrity, RequestMember};
use protocol::crypto::pem;
use protocol::requester::Protection::OwnKey;
use sconce_tests::entropy::FixedEntropy;
use sconce_tests::keys;
use sconce_tests::orders::{Recipe, TestOrder};
use serde_json::Value;

use crate::case::{Case, Change, case, ends, fails, is_error};
use crate::ids::registration;

pub(crate) fn cases() -> Vec<Case> {
    let session = [0, 1, 16, 24, 31, 33, 64, 342].map(|length| {
        case(format!("a session key of {length} bytes"), move |stage| {
            let mut order = stage.order("python-hello", "x");
            order.set_session_key(&vec![1; length]);
            ends(stage, &order, OrderIntegrity)
        })
    });
    let vectors = [1, 8, 11, 13, 16, 1000].map(|length| {
        case(
            format!("a vector for all of {length} bytes"),
            move |stage| {
                let mut order = stage.order("python-hello", "x");
                order.params["sessionKeyIv"] = "00".repeat(length).into();
                order.rehash();
                ends(stage, &order, OrderIntegrity)
            },
        )
    });
    let own_keys = [0, 16, 31, 33].map(|length| {
        case(
            format!("an input's own key of {length} bytes"),
            move |stage| {
                let mut order = stage.own(Recipe::new("python-hello", &[("x", OwnKey)]).seal());
                let wrapped = wrapped(&order, &vec![1; length]);
                order.params["inData"][0]["encryptedDataEncryptionKey"] = wrapped;
                order.rehash();
                ends(stage, &order, OrderIntegrity)
            },
        )
    });
    let records = [1024, 2040, 8200, 16384].map(|bits| {
        case(
            format!("a worker with an RSA key of {bits} bits"),
            move |stage| {
                let mut params = registration("ab0b");
                let data = &mut params["details"]["workerTypeData"];
                data["encryptionKey"] = pem::encode("PUBLIC KEY", &rsa(bits, &[1, 0, 1])).into();
                data["encryptionKeySignature"] = Value::Null;
                is_error(&stage.operate("WorkerRegister", &params)?, 2, RequestMember)
            },
        )
    });
    let exponents = [("1", vec![1]), ("2", vec![2])].map(|(name, exponent)| {
        case(
            format!("a worker with an RSA exponent of {name}"),
            move |stage| {
                let mut params = registration("ab0b");
                let data = &mut params["details"]["workerTypeData"];
                data["encryptionKey"] = pem::encode("PUBLIC KEY", &rsa(3072, &exponent)).into();
                data["encryptionKeySignature"] = Value::Null;
                is_error(&stage.operate("WorkerRegister", &params)?, 2, RequestMember)
            },
        )
    });
    let swapped = case("a worker whose two keys are exchanged", |stage| {
        let mut params = registration("ab0b");
        let data = &mut params["details"]["workerTypeData"];
        let one = data["encryptionKey"].take();
        let other = std::mem::replace(&mut data["verificationKey"], one);
        data["encryptionKey"] = other;
        is_error(&stage.operate("WorkerRegister", &params)?, 2, RequestMember)
    });
    let texts = TEXTS
        .iter()
        .map(|(name, change)| fails(name, OrderIntegrity, *change));
    let mut cases: Vec<_> = session.into_iter().chain(vectors).chain(own_keys).collect();
    cases.extend(
        records
            .into_iter()
            .chain(exponents)
            .chain([swapped])
            .chain(texts),
    );
    cases
}

/// Ciphertexts of other lengths than the worker's key has, or of values that RSA treats oddly.
const TEXTS: &[(&str, Change)] = &[
    ("a text of 1 byte", |o| {
        o.params["encryptedSessionKey"] = "AB".into()
    }),
    ("a text for a key of 2 048 bits", |o| {
        o.params["encryptedSessionKey"] = "5A".repeat(256).into()
    }),
    ("a text for a key of 4 096 bits", |o| {
        o.params["encryptedSessionKey"] = "5A".repeat(512).into()
    }),
    ("a text a byte too long", |o| {
        let longer = format!("00{}", o.params["encryptedSessionKey"].as_str().unwrap());
        o.params["encryptedSessionKey"] = longer.into();
    }),
    ("a text a byte too short", |o| {
        let shorter = o.params["encryptedSessionKey"].as_str().unwrap()[2..].to_owned();
        o.params["encryptedSessionKey"] = shorter.into();
    }),
    ("a text of zero", |o| {
        o.params["encryptedSessionKey"] = "00".repeat(384).into()
    }),
    ("a text of one", |o| {
        o.params["encryptedSessionKey"] = format!("{}01", "00".repeat(383)).into()
    }),
    ("a text beyond the modulus", |o| {
        o.params["encryptedSessionKey"] = "FF".repeat(384).into()
    }),
    ("a text of 1 MiB", |o| {
        o.params["encryptedSessionKey"] = "5A".repeat(1 << 20).into()
    }),
];

/// A data key as an item carries it (wire facts 4.6).
fn wrapped(order: &TestOrder, key: &[u8]) -> Value {
    let worker = keys::worker_decryption().encryption_key().unwrap();
    let to_worker = worker.seal(key).unwrap();
    let session = &order.pending.session_key;
    let sealed = session.seal(order.pending.ivs, &to_worker, &FixedEntropy::new("wrapped"));
    hex::encode(sealed.unwrap()).into()
}

/// A SubjectPublicKeyInfo with an odd modulus of so many bits.
fn rsa(bits: usize, exponent: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0x5b; bits / 8];
    modulus[0] = 0xc1;
    let key = tlv(0x30, &[integer(&modulus), integer(exponent)].concat());
    // rsaEncryption, no parameters (RFC 8017, A.1).
    let algorithm = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let bits = tlv(3, &[&[0], &key[..]].concat());
    tlv(0x30, &[&algorithm[..], &bits].concat())
}

fn integer(value: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if value[0] >= 0x80 { &[0] } else { &[] };
    tlv(2, &[sign, value].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head: Vec<u8> = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [&head, content].concat()
}
