//! Secrets of every kind: made, given, kept, and in every form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::pem;
use provision::Grant;
use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, UnixTime};

use crate::support::{ALICE, Asker, NOW, World};

/// What the program gets when `secrets` are those of its session: a file for each placeholder.
fn given(secrets: &str, placeholders: &[&str]) -> Vec<Vec<u8>> {
    let mut world = World::new();
    world
        .put(ALICE, "shop/till", &text(&world, secrets, placeholders))
        .unwrap();
    contents(&world.grant(&Asker::app()).unwrap())
}

fn text(world: &World, secrets: &str, placeholders: &[&str]) -> String {
    let files: Vec<_> = placeholders
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{{path: /f{index}, content: \"$$SCONE::{name}$$\"}}"))
        .collect();
    let rest = format!(
        "{secrets}images: [{{name: files, injection_files: [{}]}}]\n",
        files.join(", ")
    );
    world
        .till(&rest)
        .replace("  - name: app\n", "  - name: app\n    image_name: files\n")
}

fn contents(grant: &Grant) -> Vec<Vec<u8>> {
    grant
        .files
        .iter()
        .map(|file| file.content.0.clone())
        .collect()
}

fn refused(secrets: &str, placeholders: &[&str]) -> (&'static str, String) {
    let mut world = World::new();
    let text = text(&world, secrets, placeholders);
    let error = world.put(ALICE, "shop/till", &text).unwrap_err();
    (error.code(), error.to_string())
}

#[test]
fn texts_and_bytes() {
    let found = given(
        "  - {name: a, kind: ascii, size: 7}\n  - {name: b, kind: binary, size: 5}\n  - {name: c, kind: binary, value: \"00ff0A\"}\n",
        &["a", "b", "b:hex", "b:base64", "c", "c:bin", "c:hex"],
    );
    assert_eq!(found[0].len(), 7);
    assert_eq!(found[1].len(), 5);
    assert_eq!(found[2], hex::encode(&found[1]).into_bytes());
    assert_eq!(found[3], STANDARD.encode(&found[1]).into_bytes());
    assert_eq!(found[4], [0, 0xff, 0x0a]);
    assert_eq!(found[5], found[4]);
    assert_eq!(found[6].to_ascii_lowercase(), b"00ff0a");
}

#[test]
fn private_keys() {
    let found = given(
        "  - {name: p, kind: private-key}\n  - {name: s, kind: private-key, key_type: EC:secp256k1}\n",
        &["p", "p:pkcs8:pem", "p:der", "s:pem", "s:pkcs8:der"],
    );
    let text = String::from_utf8(found[0].clone()).unwrap();
    assert!(KeyPair::from_pem(&text).is_ok());
    assert_eq!(found[1], found[0]);
    assert_eq!(found[2], pem::decode("PRIVATE KEY", &text).unwrap());
    let text = String::from_utf8(found[3].clone()).unwrap();
    assert!(protocol::crypto::secp256k1::SigningKey::from_pem(&text).is_ok());
    assert_eq!(found[4], pem::decode("PRIVATE KEY", &text).unwrap());
}

#[test]
fn certificates_that_others_verify() {
    let found = given(
        "  - {name: k, kind: private-key}\n  - {name: l, kind: private-key, key_type: P-384}\n  - {name: m, kind: private-key, key_type: Ed25519}\n  \
         - {name: tls, kind: x509, private_key: k, issuer: middle, common_name: till, dns: [till.shop, 10.0.0.1], endpoint: server}\n  \
         - {name: middle, kind: x509-ca, private_key: l, issuer: ca}\n  - {name: ca, kind: x509-ca, private_key: m, common_name: Shop CA, valid_for: 30 days}\n",
        &[
            "tls:crt:der",
            "middle:crt:der",
            "ca:crt:der",
            "tls:chain",
            "tls:key",
            "tls:privatekey:pkcs8:der",
            "tls",
        ],
    );
    let [leaf, middle, root] = [0, 1, 2].map(|at| CertificateDer::from(found[at].clone()));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
            .build()
            .unwrap();
    let verify = |name: &'static str, seconds: u64| {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let name = name.try_into().unwrap();
        rustls::client::danger::ServerCertVerifier::verify_server_cert(
            &*verifier,
            &leaf,
            std::slice::from_ref(&middle),
            &name,
            &[],
            now,
        )
        .is_ok()
    };
    let day = 86_400;
    assert!(verify("till.shop", NOW.unix()));
    assert!(verify("10.0.0.1", NOW.unix() + 29 * day));
    assert!(!verify("other.shop", NOW.unix()));
    assert!(!verify("till.shop", NOW.unix() + 366 * day));
    assert!(!verify("till.shop", NOW.unix() - day));

    let chain = String::from_utf8(found[3].clone()).unwrap();
    assert_eq!(chain.matches("-----BEGIN CERTIFICATE-----").count(), 3);
    let own = String::from_utf8(found[6].clone()).unwrap();
    assert!(chain.starts_with(&own));
    let key = String::from_utf8(found[4].clone()).unwrap();
    assert_eq!(found[5], pem::decode("PRIVATE KEY", &key).unwrap());
    let key = KeyPair::from_pem(&key).unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    let parsed = rustls::server::ParsedCertificate::try_from(&leaf).unwrap();
    assert_eq!(parsed.subject_public_key_info().as_ref(), spki);
}

#[test]
fn what_was_given_is_given_as_it_was() {
    let key = KeyPair::generate()
        .unwrap()
        .serialize_pem()
        .replace('\n', "\\n");
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\\nAQID\\n-----END EC PRIVATE KEY-----\\n";
    let found = given(
        &format!(
            "  - {{name: k, kind: private-key, value: \"{key}\"}}\n  - {{name: s, kind: private-key, value: \"{sec1}\"}}\n"
        ),
        &["k", "s", "s:der"],
    );
    assert_eq!(found[0], key.replace("\\n", "\n").into_bytes());
    assert_eq!(found[1], sec1.replace("\\n", "\n").into_bytes());
    assert_eq!(found[2], [1, 2, 3]);
}

#[test]
fn what_outlives_an_update() {
    let secrets = "  - {name: made, kind: ascii}\n  - {name: given, kind: ascii, value: hunter2}\n  \
                   - {name: moves, kind: private-key, migrate: true}\n  - {name: stays, kind: private-key}\n";
    let names = ["made", "given", "moves", "stays"];
    let mut world = World::new();
    let first = text(&world, secrets, &names);
    world.put(ALICE, "shop/till", &first).unwrap();
    let before = contents(&world.grant(&Asker::app()).unwrap());
    let next = format!("{first}predecessor: {}\n", world.hash("shop/till"))
        .replace(", value: hunter2", "");
    world.put(ALICE, "shop/till", &next).unwrap();
    let after = contents(&world.grant(&Asker::app()).unwrap());
    assert_ne!(before[0], after[0], "made anew");
    assert_eq!(
        (&*before[1], &*after[1]),
        (&b"hunter2"[..], &b"hunter2"[..])
    );
    assert_eq!(before[2], after[2], "migrates");
    assert_ne!(before[3], after[3], "made anew");
    // A key of another type is another key.
    let next = format!("{first}predecessor: {}\n", world.hash("shop/till"))
        .replace("migrate: true", "migrate: true, key_type: Ed25519");
    world.put(ALICE, "shop/till", &next).unwrap();
    let last = contents(&world.grant(&Asker::app()).unwrap());
    assert_ne!(after[2], last[2]);
}

#[test]
fn what_is_taken_out_is_gone() {
    let mut world = World::new();
    let text = world.till("  - {name: given, kind: ascii, value: hunter2}\n");
    world.put(ALICE, "shop/till", &text).unwrap();
    assert!(String::from_utf8_lossy(&world.state.snapshot().unwrap()).contains("hunter2"));
    let text = format!(
        "{}predecessor: {}\n",
        world.till(""),
        world.hash("shop/till")
    );
    world.put(ALICE, "shop/till", &text).unwrap();
    assert!(!String::from_utf8_lossy(&world.state.snapshot().unwrap()).contains("hunter2"));
}

#[test]
fn secrets_that_can_not_be() {
    let key = "  - {name: k, kind: private-key, key_type: EC:secp256k1}\n";
    let p256 = "  - {name: k, kind: private-key}\n";
    for (secrets, code) in [
        (format!("{key}  - {{name: c, kind: x509, private_key: k}}\n"), "cas.secret"),
        (format!("{p256}  - {{name: c, kind: x509-ca, private_key: k, issuer: d}}\n  - {{name: d, kind: x509-ca, private_key: k, issuer: c}}\n"), "cas.secret"),
        (format!("{p256}  - {{name: c, kind: x509-ca, private_key: k, issuer: c}}\n"), "cas.secret"),
        (format!("{p256}  - {{name: c, kind: x509, private_key: k, valid_for: for ever}}\n"), "cas.secret"),
        (format!("{p256}  - {{name: c, kind: x509, private_key: k, dns: [\"ä\"]}}\n"), "cas.secret"),
        ("  - {name: k, kind: private-key, value: \"-----BEGIN PRIVATE KEY-----\\n!\\n-----END PRIVATE KEY-----\"}\n".to_owned(), "cas.secret"),
        ("  - {name: k, kind: private-key, value: \"-----BEGIN ENCRYPTED PRIVATE KEY-----\\nAQID\\n-----END ENCRYPTED PRIVATE KEY-----\"}\n".to_owned(), "cas.secret"),
        ("  - {name: c, kind: x509, value: \"-----BEGIN CERTIFICATE-----\\n!\\n-----END CERTIFICATE-----\"}\n".to_owned(), "cas.secret"),
        ("  - {name: a, kind: ascii, export_public: true}\n".to_owned(), "cas.secret"),
        ("  - {name: a, kind: ascii, size: 262144}\n  - {name: b, kind: ascii, size: 1}\n".to_owned(), "cas.form"),
        ("  - {name: a, kind: ascii}\n  - {name: token, kind: ascii}\n".to_owned(), "cas.form"),
        ((0..5).map(|n| format!("  - {{name: r{n}, kind: private-key, key_type: RSA-2048}}\n")).collect(), "cas.form"),
        ((0..5).map(|n| format!("  - {{name: r{n}, kind: private-key, key_type: RSA-3072, migrate: true}}\n")).collect(), "cas.form"),
        ((0..128).map(|n| format!("  - {{name: s{n}, kind: ascii}}\n")).collect(), "cas.form"),
    ] {
        let (found, message) = refused(&secrets, &[]);
        assert_eq!(found, code, "{secrets}: {message}");
    }
}

#[test]
fn a_placeholder_without_its_secret() {
    let (code, message) = refused("", &["nothing"]);
    assert_eq!(code, "cas.form");
    assert!(message.contains("nothing"), "{message}");
    let (code, _) = refused("", &["token:der"]);
    assert_eq!(code, "cas.form");
}

#[test]
fn bytes_that_are_no_text_stand_in_no_variable() {
    for value in ["ff", "00"] {
        let mut world = World::new();
        let text = world
            .till(&format!(
                "  - {{name: b, kind: binary, value: \"{value}\"}}\n"
            ))
            .replace("<$$SCONE::token$$>", "$$SCONE::b$$");
        world.put(ALICE, "shop/till", &text).unwrap();
        let (error, code) = world.refusal(&Asker::app());
        assert_eq!(code, "cas.secret", "{error}");
        let text = format!("{text}predecessor: {}\n", world.hash("shop/till"))
            .replace("::b$$", "::b:hex$$");
        world.put(ALICE, "shop/till", &text).unwrap();
        assert_eq!(
            world.grant(&Asker::app()).unwrap().variable("TOKEN"),
            Some(value)
        );
    }
}

#[test]
fn a_command_of_one_line_is_split_before_secrets_are_put_in() {
    let mut world = World::new();
    let text = world
        .till("  - {name: two, kind: ascii, value: \"a b\"}\n")
        .replace(
            "[/app, --token, \"$$SCONE::token$$\"]",
            "/app  --x $$SCONE::two$$",
        );
    world.put(ALICE, "shop/till", &text).unwrap();
    assert_eq!(
        world.grant(&Asker::app()).unwrap().command,
        ["/app", "--x", "a b"]
    );
}
