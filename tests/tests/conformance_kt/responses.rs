//! `responses*.json`: whole answers, true and forged, and whether a client may believe them.
//!
//! Each is verified with a memory that is empty: what needs one is tested with the verifier. A file without
//! `vrf_suite` has proofs of the older, unbound form.

use serde_json::Value;
use transparency::memory::Memory;
use transparency::messages::GetEntryResponse;
use transparency::trust::Trust;
use transparency::verifier::Verifier;

use super::{Cases, Verdict, ensure, message, text};

/// What is found wrong with a forged answer, by the last words of its name. Names that are not here may be
/// refused for whatever reason.
const FOUND: &[(&str, &str)] = &[
    ("epoch dropped", "kt.head-signature"),
    ("epoch plus one", "kt.head-signature"),
    ("issue time plus 1 ns", "kt.head-signature"),
    ("map head signature bit", "kt.head-signature"),
    ("no signatures", "kt.head-signature"),
    ("other realm", "kt.head-signature"),
    ("root bit", "kt.head-signature"),
    ("signature under another key id", "kt.head-signature"),
    ("no smh", "kt.form"),
    ("no leaf proof", "kt.form"),
    ("neighbors dropped", "kt.neighbors"),
    ("neighbor bit", "kt.inclusion"),
    ("claimed absent", "kt.inclusion"),
    ("leaf bit", "kt.inclusion"),
    ("leaf invented", "kt.inclusion"),
    ("leaf replaced by older entry", "kt.inclusion"),
    ("all neighbors as in an older head", "kt.inclusion"),
    ("committed data bit", "kt.commitment"),
    ("committed key bit", "kt.commitment"),
    ("committed invented", "kt.committed-extra"),
    ("committed withheld", "kt.committed-missing"),
    ("no sct", "kt.sct"),
    ("sct signature bit", "kt.sct"),
    ("sct timestamp", "kt.sct"),
    ("sct with trailing byte", "kt.sct"),
    ("other user id", "kt.vrf"),
    ("proof bit", "kt.vrf"),
    ("proof of the older, unbound form", "kt.vrf"),
    ("through a second VRF output", "kt.vrf"),
    ("vrf bit", "kt.vrf"),
    ("vrf of another user", "kt.vrf"),
];

pub(crate) fn check(file: &Value, cases: &mut Cases<'_>) {
    match verifier(file) {
        Ok(verifier) => cases.each(file, "cases", |case| answer(&verifier, case)),
        Err(fault) => cases.tell("keys", Err(fault)),
    }
}

fn verifier(file: &Value) -> Result<Verifier, String> {
    let suite = match file["vrf_suite"].as_str() {
        Some("bound") => Trust::BOUND,
        Some(other) => return Err(format!("nothing here knows the suite `{other}`")),
        None => "P256-SHA512-PLAIN",
    };
    let keys = &file["keys"];
    let trust = Trust {
        realm: text(keys, "domain")?.to_owned(),
        vrf_suite: suite.to_owned(),
        vrf_key: text(keys, "vrf_public_key_pem")?.to_owned(),
        map_key: text(keys, "map_head_public_key_pem")?.to_owned(),
        log_key: Some(text(keys, "ct_log_public_key_pem")?.to_owned()),
        ..Trust::default()
    };
    Verifier::new(&trust).map_err(|fault| fault.to_string())
}

fn answer(verifier: &Verifier, case: &Value) -> Verdict {
    let user = text(case, "user_id")?;
    let name = text(case, "name")?;
    let wanted = text(case, "want")?;
    let (code, told) = match judged(verifier, user, case)? {
        Ok(told) => (None, told),
        Err((code, told)) => (Some(code), format!("{code}: {told}")),
    };
    match wanted {
        "ok" => ensure!(code.is_none(), "it is refused: {told}"),
        "reject" => ensure!(code.is_some(), "it is believed: {told}"),
        other => return Err(format!("nothing here knows the verdict `{other}`")),
    }
    let known = FOUND.iter().find(|(words, _)| name.ends_with(words));
    if let (Some(code), Some((_, known))) = (code, known) {
        ensure!(code == *known, "not as {known}: {told}");
    }
    Ok(vec![told])
}

/// What the verifier says of an answer: who is there, or the code and text of a refusal.
fn judged(
    verifier: &Verifier,
    user: &str,
    case: &Value,
) -> Result<Result<String, (&'static str, String)>, String> {
    let answer: GetEntryResponse = message(case, "response")?;
    let mut memory = Memory::default();
    Ok(match verifier.verify(user, &answer, None, &mut memory) {
        Ok(verified) => {
            let keys = verified.present().map(|present| &present.profile.0);
            Ok(match keys {
                Some(keys) => format!("keys of {:?} in epoch {}", keys.keys(), verified.epoch()),
                None => format!("nobody in epoch {}", verified.epoch()),
            })
        }
        Err(fault) => {
            ensure!(
                memory == Memory::default(),
                "a refused answer is remembered"
            );
            Err((fault.code(), fault.to_string()))
        }
    })
}
