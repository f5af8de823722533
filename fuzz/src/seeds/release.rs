//! Every message between a program and its vault.

use provision::audit::{AuditLine, Audited, Outcome};
use provision::relay::{Ask, Told};
use provision::text::{Base64, Hex, Text};
use provision::{Challenge, Evidence, File, Grant, Release, ReleaseRequest, VaultEvidence, path};
use serde::Serialize;
use serde_json::value::RawValue;

pub(super) fn messages() -> Vec<Vec<u8>> {
    vec![
        json(&request()),
        json(&Release {
            key: Hex([1; 32]),
            sealed: Base64(vec![2; 40]),
            signature: Base64(vec![3; 70]),
        }),
        json(&grant()),
        json(&Challenge {
            nonce: Hex([4; 32]),
            lifetime_seconds: 60,
        }),
        json(&VaultEvidence {
            key: Base64(vec![5; 91]),
            realm: "0123456789abcdef0123456789abcdef".parse().expect("hex"),
            evidence: evidence(),
        }),
        json(&line()),
        Ask::body(path::RELEASE, &request()),
        Told {
            status: 200,
            body: RawValue::from_string("{}".to_owned()).expect("JSON"),
        }
        .to_json(),
        b"avalon/worker-1".to_vec(),
        b"avalon/worker-1/g1".to_vec(),
        // Changes to each part of a release.
        vec![0, 0, 0, 1],
        vec![1, 0, 7, 1, 0, 9, 2],
        vec![2, 0, 1, 70],
        vec![129],
    ]
}

fn request() -> ReleaseRequest {
    ReleaseRequest {
        session: "avalon/worker-1".parse().expect("a name"),
        service: "g1".to_owned(),
        nonce: Hex([6; 32]),
        // No point of small order.
        key: Hex([9; 32]),
        evidence: evidence(),
    }
}

fn evidence() -> Evidence {
    Evidence::new(vec![8; 60], r#"{"tcb_info": "", "more": [1, {"a": null}]}"#).expect("JSON")
}

fn grant() -> Grant {
    Grant {
        command: vec!["/worker".to_owned(), "--serve".to_owned()],
        pwd: Some("/".to_owned()),
        environment: [("SCONCE_GENERATION".to_owned(), "1".to_owned())].into(),
        files: vec![File {
            path: "/etc/tls.key".to_owned(),
            content: Base64(b"PEM".to_vec()),
        }],
    }
}

fn line() -> AuditLine {
    let entry = Audited {
        time: Text(attestation::Time::from_unix(1_800_000_000)),
        event: "release".to_owned(),
        outcome: Outcome::Refused,
        session: Some("avalon/worker-1".to_owned()),
        service: Some("g1".to_owned()),
        code: Some("cas.debug".to_owned()),
        detail: None,
        measurement: None,
        who: Some(Hex([7; 32])),
    };
    AuditLine::new(1, entry, AuditLine::BEGIN)
}

fn json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("a message is JSON")
}
