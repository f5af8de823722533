//! What a directory says of a user, for people and for programs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::sha256;
use protocol::entry::{self, WorkerEntry};
use sconify::terminal::foreign::harmless;
use serde_json::{Value, json};
use transparency::error::Error;
use transparency::messages::PublicKey;
use transparency::signature::VerifyingKey;
use transparency::verifier::{Change, Logged, Verified};

use crate::failure::Failure;

/// The longest text of an application that is shown, in characters.
const LONGEST: usize = 400;

/// An answer that isn't true.
pub(crate) fn refused(fault: &Error) -> Failure {
    Failure::failed(harmless(&fault.to_string()))
        .coded(fault.code())
        .advised(match fault {
            Error::Auditors { .. } => {
                "they sign moments after a head is published: do they run (`sconce kt audit`)?"
            }
            Error::ForeignChange { .. } => {
                "was it you, with another key? Give that too: --key FILE. If not, put your key back at once"
            }
            _ => "the answer is not believed; keep it, it may be the proof of a lie",
        })
}

/// A verified answer as JSON.
pub(crate) fn json(verified: &Verified, realm: &str) -> Value {
    let mut view = json!({
        "user": verified.user(),
        "realm": realm,
        "present": verified.present().is_some(),
        "epoch": verified.epoch(),
        "root": digest("sha512-256", verified.root()),
        "issueTime": verified.issue_time().to_string(),
        "index": digest("sha256", verified.index().as_bytes()),
        "log": match verified.logged() {
            Logged::Unchecked => json!({ "state": "unchecked" }),
            Logged::Promised => json!({ "state": "promised" }),
            Logged::Included(log) => json!({
                "state": "included",
                "size": log.size,
                "root": digest("sha256", &log.root),
            }),
        },
        "witnesses": verified.witnesses(),
        "auditors": verified.auditors(),
    });
    if let Some(present) = verified.present() {
        let apps = present.profile.0.iter();
        view["apps"] = apps
            .map(|(app, data)| (app.clone(), app_json(app, data)))
            .collect();
        view["authorizedKeys"] = authorized(verified).into();
        view["chained"] = (!present.entry.previous.is_empty()).into();
    }
    view
}

/// The data of an application: what is known of it, and the bytes.
fn app_json(app: &str, data: &[u8]) -> Value {
    let mut view = json!({ "data": STANDARD.encode(data) });
    if let Some(worker) = worker(app, data) {
        let generations = worker.generations.iter().map(|one| {
            json!({
                "generation": one.generation,
                "measurement": one.measurement,
                "verification": fingerprint(&one.verification_key),
                "encryption": fingerprint(&one.encryption_key),
            })
        });
        view["name"] = worker.name.as_str().into();
        view["generations"] = generations.collect();
    }
    view
}

/// A verified answer in lines.
pub(crate) fn text(verified: &Verified, realm: &str) -> String {
    let user = harmless(verified.user());
    let realm = harmless(realm);
    let mut text = if verified.present().is_some() {
        format!("Verified: {user} is in the directory {realm}\n")
    } else {
        format!("Verified: the directory {realm} has nobody called {user}\n")
    };
    text += &format!(
        "Epoch        {}, of {}\nRoot         {}\nLog          {}\n",
        verified.epoch(),
        verified.issue_time(),
        digest("sha512-256", verified.root()),
        match verified.logged() {
            Logged::Unchecked => "not checked: no key of a log is given".to_owned(),
            Logged::Promised => "has promised to have this head".to_owned(),
            Logged::Included(log) => format!("has this head, as one of {}", log.size),
        }
    );
    if verified.witnesses() > 0 {
        text += &format!("Witnesses    {} have signed it\n", verified.witnesses());
    }
    if verified.auditors() > 0 {
        text += &format!(
            "Auditors     {} have signed the head\n",
            verified.auditors()
        );
    }
    if let Some(present) = verified.present() {
        text += &format!("May change   {}\n", list(&authorized(verified)));
        for (app, data) in &present.profile.0 {
            text += &app_text(app, data);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn app_text(app: &str, data: &[u8]) -> String {
    let mut text = format!("\n{}\n", harmless(app));
    if let Some(worker) = worker(app, data) {
        text += &format!("  worker       {}\n", harmless(&worker.name));
        for one in &worker.generations {
            text += &format!(
                "  generation   {}, for {}\n  verification {}\n  encryption   {}\n",
                one.generation,
                harmless(&one.measurement),
                fingerprint(&one.verification_key),
                fingerprint(&one.encryption_key),
            );
        }
        return text;
    }
    match std::str::from_utf8(data) {
        Ok(told) if told.chars().count() <= LONGEST => {
            for line in told.lines() {
                text += &format!("  {}\n", harmless(line));
            }
        }
        _ => text += &format!("  {} bytes\n", data.len()),
    }
    text
}

/// A change in a line.
pub(crate) fn change_text(change: &Change, before: Option<u64>) -> String {
    let signers: Vec<_> = change
        .signers
        .iter()
        .map(|id| key_id(id.as_bytes()))
        .collect();
    let what = match before {
        None => "first entry",
        Some(_) => "changed",
    };
    let chain = if change.chained {
        ""
    } else {
        "; it does not say which entry it replaces"
    };
    format!(
        "epoch {}, {}: {what}, signed by {}{chain}",
        change.verified.epoch(),
        change.verified.issue_time(),
        list(&signers)
    )
}

/// A change as JSON.
pub(crate) fn change_json(change: &Change, realm: &str) -> Value {
    let signers: Vec<_> = change
        .signers
        .iter()
        .map(|id| key_id(id.as_bytes()))
        .collect();
    let mut view = json(&change.verified, realm);
    view["signedBy"] = signers.into();
    view
}

/// The ids of the keys that may change the entry.
fn authorized(verified: &Verified) -> Vec<String> {
    let Some(present) = verified.present() else {
        return Vec::new();
    };
    let keys = present.entry.authorized_keys.iter();
    keys.map(|key| match key {
        PublicKey::P256(der) => VerifyingKey::from_der(der).map_or_else(
            |_| "a P-256 key that can't be read".to_owned(),
            |key| key_id(key.id().as_bytes()),
        ),
        PublicKey::Ed25519(_) => "an Ed25519 key, which is not used".to_owned(),
        PublicKey::Rsa(_) => "an RSA key, which is not used".to_owned(),
        _ => "a key of an unknown kind, which is not used".to_owned(),
    })
    .collect()
}

fn worker(app: &str, data: &[u8]) -> Option<WorkerEntry> {
    (app == entry::APP).then(|| WorkerEntry::read(data).ok())?
}

/// SHA-256 of a key's PEM, as evidence covers it.
pub(crate) fn fingerprint(pem: &str) -> String {
    digest("sha256", &sha256(&[pem.as_bytes()]))
}

/// The id of a key: SHA-256 of its SubjectPublicKeyInfo.
pub(crate) fn key_id(id: &[u8; 32]) -> String {
    digest("sha256", id)
}

fn digest(kind: &str, bytes: &[u8; 32]) -> String {
    format!("{kind}:{}", hex::encode(bytes))
}

fn list(items: &[String]) -> String {
    match items {
        [] => "nobody".to_owned(),
        items => items.join(", "),
    }
}
