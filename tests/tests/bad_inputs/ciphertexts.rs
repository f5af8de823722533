//! Orders whose ciphertexts, tags, hashes or vectors were touched: one error for all.

use protocol::Reason::OrderIntegrity;
use protocol::requester::Protection::{OwnKey, Plain, Session};
use sconce_tests::orders::{Recipe, TestOrder};
use serde_json::json;

use crate::case::{Case, Change, case, ends, fails};

pub(crate) fn cases() -> Vec<Case> {
    let one_input = CHANGES
        .iter()
        .map(|(name, change)| fails(name, OrderIntegrity, *change));
    let avalon = AVALON.iter().map(|(name, change)| {
        case(*name, |stage| {
            let recipe = Recipe {
                avalon_iv: true,
                ..Recipe::new("python-hello", &[("x", Session), ("y", Session)])
            };
            let mut order = stage.own(recipe.seal());
            change(&mut order);
            ends(stage, &order, OrderIntegrity)
        })
    });
    let own_key = OWN_KEY.iter().map(|(name, change)| {
        case(*name, |stage| {
            let mut order = stage.own(Recipe::new("python-hello", &[("x", OwnKey)]).seal());
            change(&mut order);
            order.rehash();
            ends(stage, &order, OrderIntegrity)
        })
    });
    let clear = case("a vector beside an input in clear", |stage| {
        let mut order = stage.own(Recipe::new("python-hello", &[("x", Plain)]).seal());
        order.params["inData"][0]["iv"] = "deadbeef".into();
        order.rehash();
        ends(stage, &order, OrderIntegrity)
    });
    one_input
        .chain(avalon)
        .chain(own_key)
        .chain([clear])
        .collect()
}

const CHANGES: &[(&str, Change)] = &[
    ("the session key's first byte", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedSessionKey"], 0)
    }),
    ("a byte within the session key", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedSessionKey"], 200)
    }),
    ("the session key's last byte", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedSessionKey"], 383)
    }),
    ("another session key", |o| {
        o.set_session_key(&[1; 32]);
    }),
    ("the request hash's vector", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedRequestHash"], 0)
    }),
    ("the request hash's text", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedRequestHash"], 20)
    }),
    ("the request hash's tag", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedRequestHash"], 59)
    }),
    ("the request hash cut", |o| {
        o.params["encryptedRequestHash"] = "00".into()
    }),
    ("the request hash of nothing", |o| {
        o.params["encryptedRequestHash"] = "00".repeat(60).into()
    }),
    ("a byte more behind the request hash", |o| {
        let longer = format!("{}00", o.params["encryptedRequestHash"].as_str().unwrap());
        o.params["encryptedRequestHash"] = longer.into();
    }),
    ("another nonce", |o| {
        o.params["requesterNonce"] =
            format!("{}00", o.params["requesterNonce"].as_str().unwrap()).into()
    }),
    ("another order id", |o| {
        o.params["workOrderId"] = format!("{}00", o.params["workOrderId"].as_str().unwrap()).into()
    }),
    ("another requester", |o| {
        o.params["requesterId"] = "00".into()
    }),
    ("another workload", |o| {
        o.params["workloadId"] = hex::encode("python-fib").into()
    }),
    ("the workload's id in capitals", |o| {
        let id = o.params["workloadId"].as_str().unwrap().to_uppercase();
        o.params["workloadId"] = id.into();
    }),
    ("the input's vector", |o| touch(o, 0)),
    ("the input's text", |o| touch(o, 12)),
    ("the input's tag", |o| touch(o, 28)),
    ("the input without a new hash", |o| {
        TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 15)
    }),
    ("an input shorter than a tag", |o| {
        o.params["inData"][0]["data"] = "AAAA".into();
        o.rehash();
    }),
    ("the input dropped", |o| o.params["inData"] = json!([])),
    ("the input marked as clear", |o| {
        o.params["inData"][0]["encryptedDataEncryptionKey"] = "-".into()
    }),
    ("an input added", |o| {
        let item = json!({ "index": 9, "data": "AAAA", "encryptedDataEncryptionKey": "-" });
        o.params["inData"].as_array_mut().unwrap().push(item);
    }),
    ("wishes for outputs added", |o| {
        o.params["outData"] = json!([{ "index": 0 }])
    }),
    ("a vector for all added", |o| {
        o.params["sessionKeyIv"] = "00".repeat(12).into()
    }),
    ("the hash of another input", |o| {
        o.params["inData"][0]["dataHash"] = "00".repeat(32).into();
        o.rehash();
    }),
    ("an input's hash cut short", |o| {
        let hash = hex::encode(&protocol::crypto::sha256(&[b"x"])[..31]);
        o.params["inData"][0]["dataHash"] = hash.into();
        o.rehash();
    }),
    ("a key that is none for an input", |o| {
        o.params["inData"][0]["encryptedDataEncryptionKey"] = "00ff".into();
        o.params["inData"][0]["iv"] = "00".repeat(12).into();
        o.rehash();
    }),
];

/// Touches the input and makes a new hash.
fn touch(order: &mut TestOrder, at: usize) {
    TestOrder::flip_base64(&mut order.params["inData"][0]["data"], at);
    order.rehash();
}

/// Changes to orders that share one vector.
const AVALON: &[(&str, Change)] = &[
    ("the vector for all", |o| {
        TestOrder::flip_hex(&mut o.params["sessionKeyIv"], 0)
    }),
    ("no vector for all", |o| {
        _ = o.params.as_object_mut().unwrap().remove("sessionKeyIv")
    }),
    ("inputs exchanged", |o| {
        o.params["inData"][0]["index"] = 1.into();
        o.params["inData"][1]["index"] = 0.into();
    }),
    ("the second input dropped", |o| {
        _ = o.params["inData"].as_array_mut().unwrap().pop()
    }),
];

/// Changes to an input with a key of its own, before the hash is made.
const OWN_KEY: &[(&str, Change)] = &[
    ("an input's own key", |o| {
        TestOrder::flip_hex(&mut o.params["inData"][0]["encryptedDataEncryptionKey"], 40);
    }),
    ("an input's own vector", |o| {
        TestOrder::flip_hex(&mut o.params["inData"][0]["iv"], 0)
    }),
    ("no vector beside an input's own key", |o| {
        o.params["inData"][0]["iv"] = "".into()
    }),
    ("the text under an input's own key", |o| {
        TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 0)
    }),
];
