//! Texts that are no hex, no base64, no PEM, no UTF-8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::Reason::{
    OrderIntegrity, OrderSignature, RequestJson, RequestMember, WorkloadInput, WorkloadUnknown,
};
use sconce_tests::entropy::FixedEntropy;
use sconce_tests::keys;
use serde_json::json;

use crate::case::{Case, Change, body, case, ends, fails, is_error, refused};
use crate::stage::call;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = REFUSED
        .iter()
        .map(|(name, change)| refused(name, RequestMember, *change))
        .collect();
    cases.extend([
        body(
            "a name as worker id",
            call("WorkerRetrieve", &json!({ "workerId": "test-worker" })),
            2,
            RequestMember,
        ),
        body(
            "an organization that is no hex",
            call("WorkerLookUp", &json!({ "organizationId": "xyz" })),
            2,
            RequestMember,
        ),
        case("a body that is no UTF-8", |stage| {
            is_error(
                &stage.post_with("", b"{\"a\":\"\xff\xfe\"}")?,
                2,
                RequestJson,
            )
        }),
        case("UTF-8 longer than needed", |stage| {
            is_error(
                &stage.post_with("", b"{\"a\":\"\xc0\xaf\"}")?,
                2,
                RequestJson,
            )
        }),
        case("UTF-8 cut short", |stage| {
            is_error(
                &stage.post_with("", b"{\"a\":\"\xe2\x82\"}")?,
                2,
                RequestJson,
            )
        }),
        case("UTF-16", |stage| {
            is_error(&stage.post_with("", b"\xff\xfe{\x00}\x00")?, 2, RequestJson)
        }),
        fails(
            "a session key of an odd number of digits",
            OrderIntegrity,
            |o| {
                o.params["encryptedSessionKey"] = "abc".into();
            },
        ),
        fails(
            "a request hash of an odd number of digits",
            OrderIntegrity,
            |o| {
                o.params["encryptedRequestHash"] = "abc".into();
            },
        ),
        fails(
            "an input's hash of an odd number of digits",
            OrderIntegrity,
            |o| {
                o.params["inData"][0]["dataHash"] = "abc".into();
                o.rehash();
            },
        ),
        fails("bits behind the end of base64", OrderIntegrity, |o| {
            o.params["inData"][0]["data"] = "AB==".into();
            o.rehash();
        }),
        fails("a workload's id that is no UTF-8", WorkloadUnknown, |o| {
            o.params["workloadId"] = "ff".into();
            o.rehash();
        }),
        fails(
            "a workload's id of an odd number of digits",
            WorkloadUnknown,
            |o| {
                o.params["workloadId"] = "abc".into();
                o.rehash();
            },
        ),
        case(
            "an input that is no UTF-8 for a workload that takes text",
            |stage| {
                let mut order = stage.order("python-hello", "x");
                let key = &order.pending.session_key;
                let sealed = key.seal(order.pending.ivs, b"\xff\xfe", &FixedEntropy::new("bytes"));
                order.params["inData"][0]["data"] = STANDARD.encode(sealed.unwrap()).into();
                order.rehash();
                ends(stage, &order, WorkloadInput)
            },
        ),
    ]);
    cases.extend(PEMS.iter().map(|(name, pem)| {
        case(*name, |stage| {
            let mut order = stage.order("python-hello", "x");
            order.sign(&keys::requester_signing());
            order.params["verifyingKey"] = pem().into();
            ends(stage, &order, OrderSignature)
        })
    }));
    cases
}

const REFUSED: &[(&str, Change)] = &[
    ("an order id of another alphabet", |o| {
        o.params["workOrderId"] = "xyz".into()
    }),
    ("an order id that is a path", |o| {
        o.params["workOrderId"] = "../../etc/passwd".into()
    }),
    ("an empty order id", |o| o.params["workOrderId"] = "".into()),
    ("a prefix alone", |o| o.params["workOrderId"] = "0x".into()),
    ("a pipe, which Avalon's pattern lets through", |o| {
        o.params["workOrderId"] = "0|ab".into()
    }),
    ("a line feed, which Avalon's pattern lets through", |o| {
        o.params["workOrderId"] = "ab\n".into()
    }),
    ("a blank before the digits", |o| {
        o.params["workOrderId"] = " ab".into()
    }),
    ("digits of another script", |o| {
        o.params["requesterNonce"] = "٣٤".into()
    }),
    ("full-width letters", |o| {
        o.params["requesterId"] = "ａｂ".into()
    }),
    ("a NUL among the digits", |o| {
        o.params["requesterId"] = "ab\0".into()
    }),
    ("a session key that is no hex", |o| {
        o.params["encryptedSessionKey"] = "q".into()
    }),
    ("a worker's key that is PEM and not its hex", |o| {
        o.params["workerEncryptionKey"] = "-----BEGIN PUBLIC KEY-----".into();
    }),
    ("an empty initialisation vector", |o| {
        o.params["sessionKeyIv"] = "".into()
    }),
    ("an input's vector that is no hex", |o| {
        o.params["inData"][0]["iv"] = "0x".into()
    }),
    ("an empty hash of an input", |o| {
        o.params["inData"][0]["dataHash"] = "".into()
    }),
    ("an unknown word for an input's key", |o| {
        o.params["inData"][0]["encryptedDataEncryptionKey"] = "none".into();
    }),
    ("empty data", |o| o.params["inData"][0]["data"] = "".into()),
    ("data that is no base64", |o| {
        o.params["inData"][0]["data"] = "****".into()
    }),
    ("data of the other alphabet", |o| {
        o.params["inData"][0]["data"] = "-_-_".into()
    }),
    ("data with a hole", |o| {
        o.params["inData"][0]["data"] = "AA AA".into()
    }),
    ("data with a line feed", |o| {
        o.params["inData"][0]["data"] = "AAAA\nAAAA".into()
    }),
    ("data without its padding", |o| {
        o.params["inData"][0]["data"] = "AAA".into()
    }),
    ("data that is padding only", |o| {
        o.params["inData"][0]["data"] = "====".into()
    }),
    ("a signature that is no base64", |o| {
        o.params["requesterSignature"] = "****".into()
    }),
    ("a signature with white space", |o| {
        o.params["requesterSignature"] = "AA AA".into()
    }),
];

/// A text that is no key, and what is wrong with it.
type Pem = (&'static str, fn() -> String);

const PEMS: &[Pem] = &[
    ("a key that is no PEM", || "key".to_owned()),
    ("PEM of another label", || {
        pem().replace("PUBLIC", "PRIVATE")
    }),
    ("PEM without end", || pem().replace("-----END", "")),
    ("PEM with text behind it", || pem() + "x"),
    ("PEM with two keys", || pem() + &pem()),
    ("PEM whose base64 is broken", || pem().replace('A', "*")),
    ("PEM of nothing", || {
        protocol::crypto::pem::encode("PUBLIC KEY", b"")
    }),
];

fn pem() -> String {
    keys::requester_signing().verifying_key().pem().to_owned()
}
