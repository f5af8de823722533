//! The text that the log has of a head.
//!
//! A directory in Go wrote a head as its JSON encoder does, and a log in C++ read and printed it again in
//! its own way. What is signed is what came out, so that it is imitated here to the letter: Go's JSON, in
//! which then characters are replaced everywhere, those inside strings, too.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::messages::{DigitallySigned, MapHead, SignedMapHead, Timestamp};

/// What the printer makes of characters, in its order: none of them makes one that a later one takes.
const PRINTED: [(char, &str); 5] = [
    (':', ": "),
    (',', ", "),
    ('{', "{ "),
    ('}', " }"),
    ('/', "\\/"),
];

/// The text of a head in the log, with its signatures. Those of auditors, which come later, aren't in it.
pub fn entry_text(head: &SignedMapHead) -> String {
    let json = object([member("data", Some(signed_head(head)))]);
    let mut text = String::with_capacity(json.len() + json.len() / 4);
    for character in json.chars() {
        match PRINTED.iter().find(|(from, _)| *from == character) {
            Some((_, to)) => text.push_str(to),
            None => text.push(character),
        }
    }
    text
}

fn signed_head(head: &SignedMapHead) -> String {
    let signatures = head
        .signatures
        .iter()
        .map(|(id, signed)| Some(format!("{}:{}", string(id), signature(signed))));
    object([
        member("map_head", head.map_head.as_ref().map(map_head)),
        member(
            "signatures",
            (!head.signatures.is_empty()).then(|| object(signatures)),
        ),
    ])
}

fn map_head(head: &MapHead) -> String {
    object([
        member(
            "realm",
            (!head.realm.is_empty()).then(|| string(&head.realm)),
        ),
        member("epoch", (head.epoch != 0).then(|| head.epoch.to_string())),
        member("root", bytes(&head.root)),
        member("issue_time", head.issue_time.map(issue_time)),
    ])
}

fn issue_time(time: Timestamp) -> String {
    object([
        member(
            "seconds",
            (time.seconds != 0).then(|| time.seconds.to_string()),
        ),
        member("nanos", (time.nanos != 0).then(|| time.nanos.to_string())),
    ])
}

fn signature(signed: &DigitallySigned) -> String {
    let number = |number: i32| (number != 0).then(|| number.to_string());
    object([
        member("hash_algorithm", number(signed.hash_algorithm.number())),
        member("sig_algorithm", number(signed.sig_algorithm.number())),
        member("signature", bytes(&signed.signature)),
    ])
}

/// An object of the members that are there.
fn object(members: impl IntoIterator<Item = Option<String>>) -> String {
    let members: Vec<_> = members.into_iter().flatten().collect();
    format!("{{{}}}", members.join(","))
}

/// A member, unless its value is left out.
fn member(name: &str, value: Option<String>) -> Option<String> {
    value.map(|value| format!("\"{name}\":{value}"))
}

fn bytes(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| format!("\"{}\"", STANDARD.encode(bytes)))
}

/// A string as Go's encoder writes it, with escapes for what HTML and JavaScript would take amiss.
fn string(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing into a string can't fail.
                let _ = write!(written, "\\u{:04x}", u32::from(character));
            }
            _ => written.push(character),
        }
    }
    written.push('"');
    written
}
