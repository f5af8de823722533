//! What goes between a program and its vault.

use std::sync::LazyLock;

use provision::audit::AuditLine;
use provision::relay::{Ask, Told};
use provision::text::{Base64, Hex, read};
use provision::{
    Attempt, Challenge, Error, Evidence, Grant, Release, ReleaseRequest, ServiceName, SessionName,
    VaultEvidence, VaultKey, seal,
};
use serde::Serialize;

/// The vault of all runs.
static VAULT: LazyLock<VaultKey> = LazyLock::new(|| VaultKey::generate().expect("randomness"));

/// `data` is all of that: each message as JSON; a name; and changes (where, as two bytes, and to what) to
/// a release, of whose parts the first byte chooses one.
pub fn run(data: &[u8]) {
    messages(data);
    if let Ok(text) = std::str::from_utf8(data) {
        names(text);
    }
    if let Some((part, changes)) = data.split_first() {
        changed(*part, changes);
    }
}

/// What is read is written so that it reads the same.
fn messages(data: &[u8]) {
    if let Some(request) = same(data, ReleaseRequest::from_json) {
        let named = request.service_name();
        assert_eq!(named.is_ok(), provision::name::is_part(&request.service));
        assert_eq!(request.report_data()[..32], request.nonce.0);
        // Its collateral is read by whoever verifies it.
        let _ = request.evidence.collateral();
        if let Ok(release) = seal(&request, &Grant::default(), &VAULT) {
            assert!(opens(attempt(), &release).is_err(), "its key is another");
        }
    }
    if let Some(release) = same(data, Release::from_json) {
        assert!(opens(attempt(), &release).is_err(), "nobody has signed it");
    }
    same(data, Grant::from_json);
    same(data, Told::from_json);
    if let Some(ask) = same(data, Ask::from_json) {
        assert!(Ask::PATHS.contains(&&*ask.path));
    }
    same(data, |text| read::<Challenge>("challenge", text));
    same(data, |text| read::<VaultEvidence>("evidence", text));
    if let Some(line) = same(data, |text| read::<AuditLine>("line", text)) {
        // Lines that fit nowhere can be written, and are told.
        let before = line.sequence.saturating_sub(1);
        let _ = line.follows(before, &line.previous);
    }
}

/// Reads a text, and what it reads as again.
fn same<T: Serialize>(text: &[u8], from: impl Fn(&[u8]) -> Result<T, Error>) -> Option<T> {
    match from(text) {
        Ok(value) => {
            let written = serde_json::to_vec(&value).expect("a message is JSON");
            let again = from(&written).expect("what was written can be read");
            let again = serde_json::to_vec(&again).expect("a message is JSON");
            assert_eq!(again, written);
            Some(value)
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.lines().count() == 1 && text.len() < 1600, "{text}");
            None
        }
    }
}

fn names(text: &str) {
    if let Ok(name) = text.parse::<SessionName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(name) = text.parse::<ServiceName>() {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(bytes) = text.parse::<Hex<32>>() {
        assert_eq!(bytes.to_string(), text);
    }
}

/// A release opens as it is, and not otherwise.
fn changed(part: u8, changes: &[u8]) {
    let attempt = attempt();
    let evidence = Evidence::new(Vec::new(), "{}").expect("JSON");
    let released = seal(&attempt.request(evidence), &Grant::default(), &VAULT).expect("a release");
    let mut release = released.clone();
    let bytes: &mut [u8] = match part % 3 {
        0 => &mut release.key.0,
        1 => &mut release.sealed.0,
        _ => &mut release.signature.0,
    };
    let (changes, _) = changes.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        let length = bytes.len();
        bytes[at % length] = *to;
    }
    if let Base64(sealed) = &mut release.sealed
        && part >= 128
    {
        sealed.push(part);
    }
    assert_eq!(opens(attempt, &release).is_ok(), release == released);
}

fn attempt() -> Attempt {
    let service = "avalon/worker-1/g1".parse().expect("a name");
    Attempt::new(service, [7; 32]).expect("randomness")
}

fn opens(attempt: Attempt, release: &Release) -> Result<Grant, Error> {
    attempt.open(release, VAULT.public_der())
}
