//! Sessions, and recipes for requests.

use provision::text::Hex;
use provision::{Evidence, ReleaseRequest};

use crate::vaults::{platform, session};

pub(super) fn sessions() -> Vec<Vec<u8>> {
    let golden = |text: &str| text.as_bytes().to_vec();
    let simulated = session(&platform().fingerprint());
    let kinds = simulated.replace(
        "  - {name: token, kind: ascii}\n",
        "  - {name: token, kind: ascii, size: 8, export: [{session: shop/b}, {namespace: c}]}
  - {name: given, kind: binary, value: 00ff}
  - {name: k, kind: private-key, key_type: Ed25519, migrate: true}
  - {name: ca, kind: x509-ca, private_key: k, export_public: true, valid_for: 2 years}
  - {name: tls, kind: x509, private_key: k, issuer: ca, dns: [a.b, 10.0.0.1], endpoint: server}
images: [{name: i, injection_files: [{path: /f, content: \"$$SCONE::tls:chain$$\"}]}]
",
    );
    vec![
        simulated.clone().into_bytes(),
        kinds.into_bytes(),
        format!("{simulated}predecessor: \"{}\"\n", "33".repeat(32)).into_bytes(),
        simulated
            .replace(
                "{name: token, kind: ascii}",
                "{name: token, import: {session: a/b, secret: c}}",
            )
            .into_bytes(),
        golden(include_str!(
            "../../../sconify/tests/golden/scone/every-key.yaml"
        )),
        golden(include_str!("../../../sconify/tests/golden/scone/old.yaml")),
        golden(include_str!(
            "../../../sconify/tests/golden/scone/volumes.yaml"
        )),
        b"$$SCONE::a:b$$ $$SCONE::c.d$$".to_vec(),
    ]
}

pub(super) fn requests() -> Vec<Vec<u8>> {
    let request = ReleaseRequest {
        session: "shop/till".parse().expect("a name"),
        service: "app".to_owned(),
        nonce: Hex([6; 32]),
        key: Hex([9; 32]),
        evidence: Evidence::new(vec![3; 64], "{}").expect("JSON"),
    };
    vec![
        serde_json::to_vec(&request).expect("a request is JSON"),
        // A good request, and changes to each part of one.
        vec![0],
        vec![0, 0, 48, 1],
        vec![0, 1, 0, 1, 1, 176, 9],
        vec![1, 0, 40, b'!'],
        vec![1, 3, 0, b'0', 3, 1, b'0'],
        vec![2, 0, 31, 0],
        vec![3, 0, 0, 7],
        vec![4, 0, 0, b'b'],
        [&[5][..], &[0; 40]].concat(),
    ]
}
