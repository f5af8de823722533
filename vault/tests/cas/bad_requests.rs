//! Requests for secrets that are refused before anything is verified, or as soon as that begins.

use provision::ReleaseRequest;
use serde_json::{Value, json};

use crate::support::{Asker, World};

/// Name, and what is changed in the JSON of a good request.
type Case = (&'static str, fn(&mut Value));

/// What is no request.
const FORMS: &[Case] = &[
    ("a list", |all| *all = json!([all.clone()])),
    ("a text", |all| *all = json!("request")),
    ("nothing in it", |all| *all = json!({})),
    ("no session", |all| remove(all, "session")),
    ("no service", |all| remove(all, "service")),
    ("no nonce", |all| remove(all, "nonce")),
    ("no key", |all| remove(all, "key")),
    ("no evidence", |all| remove(all, "evidence")),
    ("an unknown member", |all| all["debug"] = json!(true)),
    ("a session without namespace", |all| {
        all["session"] = json!("till")
    }),
    ("a session upwards", |all| all["session"] = json!("shop/..")),
    ("a session with a service", |all| {
        all["session"] = json!("shop/till/app")
    }),
    ("a session that is null", |all| all["session"] = Value::Null),
    ("a long session", |all| {
        all["session"] = json!(format!("a/{}", "b".repeat(65)))
    }),
    ("a service that is a number", |all| {
        all["service"] = json!(1)
    }),
    ("a short nonce", |all| all["nonce"] = json!("00")),
    ("a long nonce", |all| all["nonce"] = json!("00".repeat(33))),
    ("a nonce in capitals", |all| {
        all["nonce"] = json!("AB".repeat(32))
    }),
    ("a nonce that is no hex", |all| {
        all["nonce"] = json!("zz".repeat(32))
    }),
    ("a nonce of numbers", |all| {
        all["nonce"] = json!(vec![0; 32])
    }),
    ("a short key", |all| all["key"] = json!("00".repeat(31))),
    ("a key in base64", |all| all["key"] = json!("AAAA")),
    ("evidence that is a text", |all| {
        all["evidence"] = json!("quote")
    }),
    ("evidence without a quote", |all| {
        remove(&mut all["evidence"], "quote")
    }),
    ("evidence without collateral", |all| {
        remove(&mut all["evidence"], "collateral")
    }),
    ("evidence with more", |all| {
        all["evidence"]["root"] = json!("")
    }),
    ("a quote in hex with a blank", |all| {
        all["evidence"]["quote"] = json!("03 00")
    }),
    ("a quote in base64 without padding", |all| {
        all["evidence"]["quote"] = json!("AQ")
    }),
    ("a quote of numbers", |all| {
        all["evidence"]["quote"] = json!([3, 0])
    }),
];

/// What is a request, and brings no evidence.
const EVIDENCE: &[Case] = &[
    ("no bytes of a quote", |all| {
        all["evidence"]["quote"] = json!("")
    }),
    ("a byte of a quote", |all| {
        all["evidence"]["quote"] = json!("Aw==")
    }),
    ("collateral that is null", |all| {
        all["evidence"]["collateral"] = Value::Null
    }),
    ("collateral that is a text", |all| {
        all["evidence"]["collateral"] = json!("{}")
    }),
    ("collateral that is a list", |all| {
        all["evidence"]["collateral"] = json!([])
    }),
    ("collateral with a member less", |all| {
        remove(&mut all["evidence"]["collateral"], "pck_crl");
    }),
    ("collateral with a member more", |all| {
        all["evidence"]["collateral"]["version"] = json!(3);
    }),
    ("a signature that is cut", |all| {
        all["evidence"]["collateral"]["tcb_info_signature"] = json!("00");
    }),
    ("a revocation list that is none", |all| {
        all["evidence"]["collateral"]["pck_crl"] = json!("3000");
    }),
    ("a chain that is none", |all| {
        all["evidence"]["collateral"]["pck_crl_issuer_chain"] = json!("");
    }),
    ("TCB info that is none", |all| {
        all["evidence"]["collateral"]["tcb_info"] = json!("{}");
    }),
];

fn remove(object: &mut Value, member: &str) {
    object.as_object_mut().unwrap().remove(member).unwrap();
}

fn good(world: &World) -> Value {
    let (_, request) = world.request(&Asker::app());
    serde_json::to_value(&request).unwrap()
}

#[test]
fn what_is_no_request_is_not_read() {
    let world = World::with_till();
    for (name, change) in FORMS {
        let mut request = good(&world);
        change(&mut request);
        let text = serde_json::to_vec(&request).unwrap();
        let error = ReleaseRequest::from_json(&text);
        let error = error.err().unwrap_or_else(|| panic!("{name}: it is read"));
        assert_eq!(error.to_string().lines().count(), 1, "{name}");
    }
    for text in ["", "{", "null", "{\"session\":", "\u{feff}{}", "[]"] {
        assert!(
            ReleaseRequest::from_json(text.as_bytes()).is_err(),
            "{text}"
        );
    }
    let long = vec![b' '; provision::MAX_RELEASE_REQUEST + 1];
    assert!(ReleaseRequest::from_json(&long).is_err());
}

#[test]
fn what_is_no_evidence_is_refused() {
    for (name, change) in EVIDENCE {
        let mut world = World::with_till();
        let mut request = good(&world);
        change(&mut request);
        let text = serde_json::to_vec(&request).unwrap();
        let request = ReleaseRequest::from_json(&text).unwrap();
        let (error, code) = world.refusal_of(&request);
        assert_eq!(code, "cas.evidence", "{name}: {error}");
    }
}

#[test]
fn names_that_no_service_has_are_cut_in_the_log() {
    let mut world = World::with_till();
    let (_, mut request) = world.request(&Asker::app());
    request.service = format!("a\nb{}", "c".repeat(100_000));
    let error = world.release(&request).unwrap_err();
    assert_eq!(error.code(), "cas.service");
    let line = world.log.last().unwrap();
    let service = line.service.as_deref().unwrap();
    assert!(service.starts_with("a b") && service.len() <= 512);
    assert!(line.detail.as_deref().unwrap().len() <= 2048);
}
