//! Collateral that is none, or that somebody has changed.

use serde_json::Value;
use simulator::{Advisory, Change, Platform, Seed, Settings, TcbStatus};

use crate::case::Case;
use crate::sample::{DAY, NOW, REPORT_DATA, after, evidence, platform, secs};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = forms();
    cases.extend(documents());
    cases.extend(times());
    cases
}

/// What cannot be read at all.
fn forms() -> Vec<Case> {
    let none = |name, bytes: &str| {
        Case::unusable(name, "quote.input")
            .file("collateral.json", bytes)
            .says("collateral.json: collateral: ")
    };
    let text = evidence().collateral.to_json();
    let double = text.replacen('{', "{\"pck_crl\": \"00\",", 1);
    let array = format!("[{text}]");
    vec![
        none("empty collateral", ""),
        none("no JSON", "collateral"),
        none("half of it", &text[..text.len() / 2]),
        none("an array", &array),
        none("null", "null"),
        none("a member twice", &double),
        none("bytes behind it", &format!("{text}{{}}")),
        without("root_ca_crl"),
        without("qe_identity"),
        edited("an unknown member", "quote.input", |value| {
            value["extra"] = "".into();
        }),
        edited("a document as an object", "quote.input", |value| {
            let document = value["tcb_info"].as_str().unwrap();
            value["tcb_info"] = serde_json::from_str(document).unwrap();
        }),
        edited("a list that is no hex", "quote.input", |value| {
            value["pck_crl"] = "xyz".into();
        }),
        edited("a short signature", "quote.input", |value| {
            value["tcb_info_signature"] = "00".into();
        }),
    ]
}

fn without(member: &'static str) -> Case {
    edited(&format!("without {member}"), "quote.input", |value| {
        value.as_object_mut().unwrap().remove(member);
    })
}

fn edited(name: &str, code: &'static str, edit: impl FnOnce(&mut Value)) -> Case {
    edit_of(Case::unusable(name, code), edit)
}

fn refused(name: &str, stage: &'static str, edit: impl FnOnce(&mut Value)) -> Case {
    edit_of(Case::verify(name, stage), edit)
}

fn edit_of(case: Case, edit: impl FnOnce(&mut Value)) -> Case {
    case.changed("collateral.json", |text| {
        let mut value: Value = serde_json::from_slice(text).unwrap();
        edit(&mut value);
        *text = serde_json::to_vec(&value).unwrap();
    })
}

/// Puts something else into a text of it.
fn put(value: &mut Value, member: &str, from: &str, to: &str) {
    let text = value[member].as_str().unwrap();
    assert!(text.contains(from), "{member} has no {from}");
    value[member] = text.replace(from, to).into();
}

fn flip(value: &mut Value, member: &str) {
    let text = value[member].as_str().unwrap();
    let at = text.len() - 1;
    let digit = if text.ends_with('0') { "1" } else { "0" };
    value[member] = format!("{}{digit}", &text[..at]).into();
}

/// Documents, lists and chains that do not belong.
fn documents() -> Vec<Case> {
    let other = Platform::new(Seed::from_bytes([4; 32]), Settings::new(NOW - DAY)).unwrap();
    let foreign = other.evidence(&secs(), &REPORT_DATA, NOW).unwrap();
    let foreign: Value = serde_json::from_str(&foreign.collateral.to_json()).unwrap();
    let from_other = |name: &str, stage, members: &[&str]| {
        refused(name, stage, |value| {
            for member in members {
                value[*member] = foreign[*member].clone();
            }
        })
    };
    vec![
        refused("no list of the root", "crl", |value| {
            value["root_ca_crl"] = "".into();
        }),
        refused("no list of the platforms", "crl", |value| {
            value["pck_crl"] = "".into();
        }),
        refused("the lists exchanged", "crl", |value| {
            let list = value["pck_crl"].take();
            value["pck_crl"] = value["root_ca_crl"].take();
            value["root_ca_crl"] = list;
        }),
        refused("a list whose signature is another", "crl", |value| {
            flip(value, "pck_crl");
        }),
        from_other("the root's list of another vendor", "crl", &["root_ca_crl"]),
        from_other("the platforms' list of another vendor", "crl", &["pck_crl"]),
        refused("TCB info that was changed", "tcb-info-signature", |value| {
            put(value, "tcb_info", "\"UpToDate\"", "\"UpToDate\" ");
        }),
        refused("another status", "tcb-info-signature", |value| {
            put(value, "tcb_info", "OutOfDate", "UpToDate");
        }),
        refused(
            "another signature of TCB info",
            "tcb-info-signature",
            |value| {
                flip(value, "tcb_info_signature");
            },
        ),
        refused(
            "an identity that was changed",
            "qe-identity-signature",
            |value| {
                put(value, "qe_identity", "\"QE\"", "\"QE\" ");
            },
        ),
        refused(
            "another signature of the identity",
            "qe-identity-signature",
            |value| {
                flip(value, "qe_identity_signature");
            },
        ),
        refused("the documents exchanged", "tcb-info", |value| {
            for (one, other) in [
                ("tcb_info", "qe_identity"),
                ("tcb_info_signature", "qe_identity_signature"),
            ] {
                let document = value[one].take();
                value[one] = value[other].take();
                value[other] = document;
            }
        }),
        from_other(
            "TCB info of another vendor",
            "tcb-info-signature",
            &["tcb_info", "tcb_info_signature"],
        ),
        from_other(
            "TCB info of another vendor with its chain",
            "tcb-info-signer",
            &["tcb_info", "tcb_info_signature", "tcb_info_issuer_chain"],
        ),
        refused(
            "the chain of the platforms for TCB info",
            "tcb-info-signer",
            |value| {
                value["tcb_info_issuer_chain"] = value["pck_crl_issuer_chain"].clone();
            },
        ),
        Case::verify("all of another vendor", "crl")
            .file("collateral.json", serde_json::to_vec(&foreign).unwrap()),
    ]
}

fn times() -> Vec<Case> {
    let at = |name, now: u64| Case::verify(name, "time").option("--now", now.to_string());
    let stopped = platform().clone().with(NOW - 3600, Change::CollateralStops);
    let later = stopped
        .evidence(&secs(), &REPORT_DATA, NOW + 40 * DAY)
        .unwrap();
    vec![
        at("before anything was made", 0),
        at("a day too early", NOW - 2 * DAY),
        at("a month too late", NOW + 31 * DAY),
        at("at the end of time", 253_402_300_799),
        Case::verify("collateral that nobody fetched again", "time")
            .evidence(&later)
            .option("--now", (NOW + 40 * DAY).to_string()),
        Case::verify("a revoked platform", "revoked").evidence(&after(Change::RevokePck)),
        Case::verify("a revoked CA", "revoked").evidence(&after(Change::RevokePckCa)),
        Case::verify("a revoked level", "tcb-status").evidence(&after(Change::Advisory(
            Advisory {
                id: "SIM-SA-00900".into(),
                status: TcbStatus::Revoked,
                fixed_by: None,
            },
        ))),
    ]
}
