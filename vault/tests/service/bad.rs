//! Requests that are HTTP and nothing more.

use provision::api::Failure;
use serde_json::{Value, json};
use vault_client::Method::{self, Delete, Get, Post, Put};

use crate::support::World;

const RELEASE: &str = "/v1/release";

/// A request that is whole in its form, and about nothing.
fn release() -> Value {
    json!({
        "session": "a/b", "service": "s", "nonce": "00".repeat(32), "key": "11".repeat(32),
        "evidence": {"quote": "AAAA", "collateral": {}},
    })
}

/// The same with a member changed, or without it.
fn with(member: &str, value: Option<Value>) -> String {
    let mut whole = release();
    let members = whole.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(member.to_owned(), value),
        None => members.remove(member),
    };
    whole.to_string()
}

fn releases() -> Vec<(&'static str, String, u16, &'static str)> {
    let bad = |what, text: &str| (what, text.to_owned(), 400, "vault.request");
    let changed = |what, member, value| (what, with(member, Some(value)), 400, "vault.request");
    let without = |member| (member, with(member, None), 400, "vault.request");
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    vec![
        bad("nothing", ""),
        bad("no JSON", "session: a/b"),
        bad("null", "null"),
        bad("a list", "[]"),
        bad("a text", "\"release\""),
        bad("half of it", &release().to_string()[..80]),
        bad("something behind it", &format!("{}{{}}", release())),
        bad("depth", &deep),
        bad("bytes that are no UTF-8's", "{\"session\":\"\\ud800\"}"),
        without("session"),
        without("service"),
        without("nonce"),
        without("key"),
        without("evidence"),
        changed("another member", "sessions", json!("a/b")),
        changed("a session that is none", "session", json!("a")),
        changed("a session with a path", "session", json!("../b")),
        changed("a session of three parts", "session", json!("a/b/c")),
        changed("a session that is a number", "session", json!(7)),
        changed("a service that is a list", "service", json!(["s"])),
        changed("a short nonce", "nonce", json!("00".repeat(31))),
        changed("a long nonce", "nonce", json!("00".repeat(33))),
        changed("a nonce in capitals", "nonce", json!("AA".repeat(32))),
        changed("a nonce in base64", "nonce", json!("A".repeat(44))),
        changed("a key that is null", "key", Value::Null),
        changed("a short key", "key", json!("11")),
        changed("evidence that is a text", "evidence", json!("AAAA")),
        changed(
            "evidence without collateral",
            "evidence",
            json!({"quote": "AAAA"}),
        ),
        changed(
            "evidence without quote",
            "evidence",
            json!({"collateral": {}}),
        ),
        changed(
            "a quote in hex",
            "evidence",
            json!({"quote": "zz-", "collateral": {}}),
        ),
        changed(
            "a quote without padding",
            "evidence",
            json!({"quote": "AA", "collateral": {}}),
        ),
        (
            "a long request",
            with("service", Some(json!("s".repeat(200_000)))),
            400,
            "vault.request",
        ),
        (
            "a nonce of nobody's",
            release().to_string(),
            403,
            "cas.nonce-stale",
        ),
        (
            "a nonce of ones",
            with("nonce", Some(json!("ff".repeat(32)))),
            403,
            "cas.nonce-stale",
        ),
    ]
}

fn requests() -> Vec<(Method, &'static str, String, u16, &'static str)> {
    let bad =
        |method, path, body: &str, status| (method, path, body.to_owned(), status, "vault.request");
    let program = json!({
        "measurement": format!("sim:mrenclave:{}", "09".repeat(32)),
        "signer": format!("sim:mrsigner:{}", "07".repeat(32)),
        "product": 1, "svn": 1, "debug": false,
    });
    let signer = json!({
        "measurement": format!("sim:mrsigner:{}", "09".repeat(32)),
        "signer": format!("sim:mrsigner:{}", "07".repeat(32)),
        "product": 1, "svn": 1, "debug": false,
    });
    // A good one, with something beside its members.
    let beside = |member: &str, value: Value| {
        let mut whole = program.clone();
        whole["simulatedRoots"] = json!([format!("sim:{}", "05".repeat(32))]);
        whole[member] = value;
        whole.to_string()
    };
    vec![
        bad(Get, "/", "", 404),
        bad(Get, "/v1", "", 404),
        bad(Get, "/v1/", "", 404),
        bad(Get, "/v2/evidence", "", 404),
        bad(Get, "/v1/evidence/", "", 404),
        bad(Get, "//v1/evidence", "", 404),
        bad(Get, "/v1/../v1/evidence", "", 404),
        bad(Get, "/v1/Evidence", "", 404),
        bad(Get, "/v1/evidence?fresh", "", 400),
        bad(Post, "/v1/evidence", "{}", 405),
        bad(Get, "/v1/challenge", "", 405),
        bad(Post, "/v1/challenge", "", 400),
        bad(Post, "/v1/challenge", "null", 400),
        bad(Post, "/v1/challenge", "{\"nonce\":1}", 400),
        bad(Get, RELEASE, "", 405),
        bad(Delete, "/v1/sessions", "", 405),
        bad(Delete, "/v1/sessions/a/b", "", 405),
        bad(Get, "/v1/sessions/a", "", 404),
        bad(Get, "/v1/sessions/a/b/c", "", 404),
        bad(Get, "/v1/sessions/.a/b", "", 400),
        bad(Put, "/v1/sessions//b", "name: b", 400),
        (Put, "/v1/sessions/a/b", String::new(), 400, "cas.form"),
        (
            Put,
            "/v1/sessions/a/b",
            "name: [".to_owned(),
            400,
            "cas.form",
        ),
        (
            Put,
            "/v1/sessions/a/b",
            "name: a/c\nversion: \"0.3.10\"".to_owned(),
            400,
            "cas.form",
        ),
        (
            Put,
            "/v1/sessions/a/b",
            format!("name: a/b\n{}", "#".repeat(300_000)),
            400,
            "cas.form",
        ),
        bad(Post, "/v1/owner", "{\"owner\":\"me\"}", 400),
        bad(Post, "/v1/workers", "{}", 405),
        bad(Get, "/v1/workers/w", "", 405),
        bad(Put, "/v1/workers/w", "", 400),
        bad(Put, "/v1/workers/w", "{}", 400),
        bad(Put, "/v1/workers/w", &signer.to_string(), 400),
        bad(Put, "/v1/workers/w", &program.to_string(), 400),
        (Put, "/v1/workers/-", program.to_string(), 400, "kme.worker"),
        bad(Put, "/v1/workers/w", &beside("more", json!(1)), 400),
        bad(Put, "/v1/workers/w", &beside("directory", json!({})), 400),
        bad(Put, "/v1/workers/w", &beside("directory", json!("x")), 400),
        bad(Get, "/v1/workers/w/entry", "", 405),
        bad(Post, "/v1/workers/w/entry", "", 400),
        bad(Post, "/v1/workers/w/entry", "{}", 400),
        bad(
            Post,
            "/v1/workers/w/entry",
            r#"{"index":"AA==","generations":[{}]}"#,
            400,
        ),
        bad(
            Post,
            "/v1/workers/w/entry",
            r#"{"index":"AA","generations":[]}"#,
            400,
        ),
        (
            Post,
            "/v1/workers/w/entry",
            r#"{"index":"AA==","generations":[]}"#.to_owned(),
            404,
            "kme.worker",
        ),
        bad(Post, "/v1/workers/w/generations", "{}", 400),
        bad(
            Post,
            "/v1/workers/w/generations",
            "{\"overlapSeconds\":-1}",
            400,
        ),
        bad(
            Post,
            "/v1/workers/w/generations",
            "{\"overlapSeconds\":1.5}",
            400,
        ),
        (
            Post,
            "/v1/workers/w/generations",
            "{\"overlapSeconds\":1}".to_owned(),
            404,
            "kme.worker",
        ),
        bad(Delete, "/v1/workers/w/generations/one", "", 400),
        bad(Delete, "/v1/workers/w/generations/-1", "", 400),
        (
            Delete,
            "/v1/workers/w/generations/1",
            String::new(),
            404,
            "kme.worker",
        ),
        bad(Get, "/v1/audit?from=one", "", 400),
        bad(Get, "/v1/audit?to=1", "", 400),
        bad(Get, "/v1/audit?from=1&from=2", "", 400),
        bad(Get, "/v1/audit?from=99999999999999999999", "", 400),
    ]
}

#[test]
fn releases_that_are_none_are_refused_in_words() {
    let world = World::new();
    let mut client = world.client(None);
    let mut others = Vec::new();
    for (what, body, status, code) in releases() {
        let answer = client.release(body.as_bytes()).unwrap();
        check(what, &answer, status, code, &mut others);
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn requests_for_what_is_not_there_are_refused_in_words() {
    let world = World::new();
    let mut client = world.owner();
    let mut others = Vec::new();
    for (method, path, body, status, code) in requests() {
        let answer = client.call(method, path, "x/y", body.as_bytes()).unwrap();
        let what = format!("{method:?} {path} {}", &body[..body.len().min(40)]);
        check(&what, &answer, status, code, &mut others);
    }
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(world.owner().workers().unwrap(), []);
    assert_eq!(world.owner().sessions().unwrap(), []);
    assert!(releases().len() + requests().len() > 70);
}

fn check(
    what: &str,
    answer: &vault_client::Answer,
    status: u16,
    code: &str,
    others: &mut Vec<String>,
) {
    let text = String::from_utf8_lossy(&answer.body);
    let failure = serde_json::from_str::<Failure>(&text);
    let found = failure.map(|failure| (failure.error.code, failure.error.message));
    match found {
        Ok((found, message)) => {
            let line = !message.is_empty() && !message.contains('\n') && message.len() < 1000;
            if answer.status != status || found != code || !line {
                others.push(format!("{what}: {} {found}: {message}", answer.status));
            }
        }
        Err(_) => others.push(format!("{what}: {} {text}", answer.status)),
    }
}
