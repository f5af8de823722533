//! What a vault releases opens for the one attempt that asked, and for nobody else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use proptest::prelude::*;
use sconce_provision::text::{Base64, Hex};
use sconce_provision::{
    Attempt, Error, Grant, MAX_GRANT, Release, ReleaseRequest, ServiceName, VaultKey, seal,
};
use support::{SERVICE, evidence, grant, platform, worker};

fn attempt(service: &str, nonce: u8) -> (Attempt, ReleaseRequest) {
    let service: ServiceName = service.parse().unwrap();
    let attempt = Attempt::new(service, [nonce; 32]).unwrap();
    // Whether its evidence is good is for the vault to find out, before it seals.
    let request = attempt.request(evidence(&platform(1), &worker(), &attempt.report_data()));
    (attempt, request)
}

fn released(request: &ReleaseRequest, key: &VaultKey) -> Release {
    seal(request, &grant(), key).unwrap()
}

#[test]
fn the_attempt_that_asked_opens_it() {
    let key = VaultKey::generate().unwrap();
    let (attempt, request) = attempt(SERVICE, 1);
    assert_eq!(request.report_data(), attempt.report_data());
    let text = serde_json::to_vec(&request).unwrap();
    let request = ReleaseRequest::from_json(&text).unwrap();
    let text = serde_json::to_vec(&released(&request, &key)).unwrap();
    let shown = String::from_utf8_lossy(&text);
    assert!(!shown.contains("canary"), "{shown}");
    let release = Release::from_json(&text).unwrap();
    let opened = attempt.open(&release, key.public_der()).unwrap();
    assert_eq!(opened.variable("CANARY"), Some("canary-in-the-vault"));
}

#[test]
fn a_release_for_another_attempt_is_refused() {
    let key = VaultKey::generate().unwrap();
    let (_, other_key) = attempt(SERVICE, 1);
    let (_, other_nonce) = attempt(SERVICE, 2);
    let (_, other_service) = attempt("avalon/worker-1/g2", 1);
    for request in [other_key, other_nonce, other_service] {
        let (mine, _) = attempt(SERVICE, 1);
        let swapped = mine.open(&released(&request, &key), key.public_der());
        assert!(matches!(swapped, Err(Error::Signature)));
    }
    // Nor does it help the host to have the vault answer with another service's name or nonce on the same key.
    let changes: [fn(&mut ReleaseRequest); 3] = [
        |request| request.service = "g2".to_owned(),
        |request| request.session = "avalon/worker-2".parse().unwrap(),
        |request| request.nonce = Hex([9; 32]),
    ];
    for change in changes {
        let (mine, mut request) = attempt(SERVICE, 1);
        change(&mut request);
        assert_ne!(request.report_data(), mine.report_data());
        let swapped = mine.open(&released(&request, &key), key.public_der());
        assert!(matches!(swapped, Err(Error::Signature)));
    }
}

#[test]
fn a_release_of_another_vault_is_refused() {
    let (key, other) = (VaultKey::generate().unwrap(), VaultKey::generate().unwrap());
    let (mine, request) = attempt(SERVICE, 1);
    let forged = mine.open(&released(&request, &other), key.public_der());
    assert!(matches!(forged, Err(Error::Signature)));

    // A host that takes a vault's signature off and puts its own, or another's, there.
    let (mine, request) = attempt(SERVICE, 1);
    let mut release = released(&request, &key);
    release.signature = released(&request, &key).signature;
    let spliced = mine.open(&release, key.public_der());
    assert!(matches!(spliced, Err(Error::Signature)));
}

#[test]
fn keys_that_lead_to_a_known_secret_are_refused() {
    let key = VaultKey::generate().unwrap();
    let (_, mut request) = attempt(SERVICE, 1);
    // Points of small order (RFC 7748, section 6.1; RFC 8422, section 5.11).
    let mut one = [0; 32];
    one[0] = 1;
    for point in [[0; 32], one] {
        request.key = Hex(point);
        let refused = seal(&request, &grant(), &key);
        assert!(matches!(refused, Err(Error::Agreement)));
    }
}

#[test]
fn a_grant_has_a_longest_length() {
    let key = VaultKey::generate().unwrap();
    let (_, request) = attempt(SERVICE, 1);
    let mut grant = Grant::default();
    grant
        .environment
        .insert("A".to_owned(), "a".repeat(MAX_GRANT));
    assert!(matches!(
        seal(&request, &grant, &key),
        Err(Error::Form { .. })
    ));
}

#[test]
fn two_releases_have_nothing_in_common() {
    let key = VaultKey::generate().unwrap();
    let (_, request) = attempt(SERVICE, 1);
    let (first, second) = (released(&request, &key), released(&request, &key));
    assert_ne!(first.key, second.key);
    assert_ne!(first.sealed, second.sealed);
}

#[test]
fn requests_in_other_forms_are_refused() {
    let (_, request) = attempt(SERVICE, 1);
    let good = serde_json::to_string(&request).unwrap();
    ReleaseRequest::from_json(good.as_bytes()).unwrap();
    for (from, to) in [
        ("{\"session\"", "[\"session\""),
        ("\"session\":", "\"more\":1,\"session\":"),
        ("\"session\":", "\"session\":\"a/b\",\"session\":"),
        ("avalon/worker-1", "avalon"),
        ("avalon/worker-1", "avalon/../worker-1"),
        ("\"nonce\":\"01", "\"nonce\":\"1"),
        ("\"nonce\":\"01", "\"nonce\":\"0101"),
        ("\"quote\":\"A", "\"quote\":\"*A"),
        ("\"collateral\":", "\"collaterals\":"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        assert!(ReleaseRequest::from_json(text.as_bytes()).is_err(), "{to}");
    }
    let padded = format!("{good}{}", " ".repeat(128 * 1024));
    assert!(ReleaseRequest::from_json(padded.as_bytes()).is_err());
    // The name of a service is looked at by whoever looks it up.
    let text = good.replacen("\"g1\"", "\"../g1\"", 1);
    let request = ReleaseRequest::from_json(text.as_bytes()).unwrap();
    assert!(request.service_name().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_release_is_refused(
        part in 0usize..3,
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let key = VaultKey::generate().unwrap();
        let (mine, request) = attempt(SERVICE, 1);
        let mut release = released(&request, &key);
        let bytes: &mut [u8] = match part {
            0 => &mut release.key.0,
            1 => &mut release.sealed.0,
            _ => &mut release.signature.0,
        };
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(mine.open(&release, key.public_der()).is_err());
    }

    #[test]
    fn any_release_is_refused(key in any::<[u8; 32]>(), sealed: Vec<u8>, signature: Vec<u8>) {
        let vault = VaultKey::generate().unwrap();
        let (mine, _) = attempt(SERVICE, 1);
        let release = Release { key: Hex(key), sealed: Base64(sealed), signature: Base64(signature) };
        prop_assert!(mine.open(&release, vault.public_der()).is_err());
    }

    #[test]
    fn only_what_was_asked_is_opened(services in prop::array::uniform2("[ab]/[ab]/[ab]"), nonces: [bool; 2]) {
        let key = VaultKey::generate().unwrap();
        let (mine, asked) = attempt(&services[0], nonces[0].into());
        let (_, mut other) = attempt(&services[1], nonces[1].into());
        // The host has the vault answer another request on the same X25519 key.
        other.key = asked.key;
        let same = services[0] == services[1] && nonces[0] == nonces[1];
        let opened = mine.open(&released(&other, &key), key.public_der());
        prop_assert_eq!(opened.is_ok(), same);
    }

    #[test]
    fn any_text_is_a_message_or_not(text: Vec<u8>) {
        let _ = Release::from_json(&text);
        let _ = ReleaseRequest::from_json(&text);
        let _ = Grant::from_json(&text);
    }
}
