//! More than a hundred bad inputs over HTTP: each gets its status, its code and its reason, the process stays
//! up, and nothing is taken.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails may panic"
)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::http::{Client, Reply};
use support::{Site, TOKEN, key, problem};

/// What is expected: status, code of gRPC, reason.
type Expected = (u16, u64, &'static str);

const REQUEST: Expected = (400, 3, "directory.request");
const BODY: Expected = (400, 3, "directory.body");
const COMMITMENT: Expected = (400, 3, "directory.commitment");
const APP: Expected = (400, 3, "directory.app");
const PREVIOUS: Expected = (400, 3, "kt.update-previous");
const SIGNATURE: Expected = (400, 3, "kt.update-signature");
const KEYS: Expected = (400, 3, "kt.update-keys");
const SIZE: Expected = (400, 3, "kt.update-size");
const CREDENTIALS: Expected = (403, 7, "directory.credentials");
const RANGE: Expected = (400, 11, "directory.range");

/// Tries inputs and counts them.
struct Trial<'a> {
    site: &'a Site,
    count: usize,
    wrong: Vec<String>,
}

impl Trial<'_> {
    fn check(&mut self, name: &str, reply: &Reply, (status, code, reason): Expected) {
        self.count += 1;
        let (found, found_reason) = problem(reply);
        let found = (reply.status, found, found_reason.as_str());
        if found != (status, code, reason) {
            let body = String::from_utf8_lossy(&reply.body);
            self.wrong.push(format!("{name}: {found:?}, {body}"));
        }
        assert_eq!(
            reply.header("content-type"),
            Some("application/json"),
            "{name}"
        );
    }

    fn put(&mut self, name: &str, body: impl AsRef<[u8]>, expected: Expected) {
        let reply = self.site.client().put("/v1/users/alice", body.as_ref());
        self.check(name, &reply, expected);
    }

    fn get(&mut self, path: &str, expected: Expected) {
        let reply = self.site.client().get(path);
        self.check(path, &reply, expected);
    }

    /// A reply without JSON.
    fn plain(&mut self, method: &str, path: &str, status: u16) {
        self.count += 1;
        let reply = self.site.client().ask(method, path, "", b"");
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        let name = match status {
            404 => "Not Found\n",
            _ => "Method Not Allowed\n",
        };
        assert_eq!(reply.body, name.as_bytes(), "{method} {path}");
    }

    /// A request as it is, to a reply with this status, or none but the end of the connection.
    fn raw(&mut self, name: &str, bytes: &[u8], status: u16) {
        self.count += 1;
        let mut client = self.site.client();
        client.send(bytes);
        if let Some(reply) = client.reply() {
            assert_eq!(reply.status, status, "{name}: {reply:?}");
        }
        assert!(client.is_closed(), "{name}");
    }
}

#[test]
fn each_has_its_answer_and_none_ends_the_process() {
    let site = Site::start();
    let good = site.update("alice", &key(1), "one");
    let good = serde_json::to_value(&good).unwrap();
    let before = site.get("alice");
    let mut trial = Trial {
        site: &site,
        count: 0,
        wrong: Vec::new(),
    };
    bodies(&mut trial, &good);
    members(&mut trial, &good);
    contents(&mut trial, &good);
    credentials(&mut trial, &good);
    paths(&mut trial);
    broken(&mut trial);
    assert!(trial.wrong.is_empty(), "{:#?}", trial.wrong);
    assert!(trial.count >= 100, "{} bad inputs", trial.count);
    println!("{} bad inputs", trial.count);
    assert_eq!(site.advance(), 1);
    assert_eq!(site.get("alice").leaf_proof, before.leaf_proof);
    assert_eq!(
        site.client()
            .put("/v1/users/alice", good.to_string().as_bytes())
            .status,
        200
    );
    assert!(resident() < 256 << 20, "{} bytes resident", resident());
}

/// What is no update, among it what ended the process of 2017.
fn bodies(trial: &mut Trial<'_>, good: &Value) {
    let wrapped = json!({ "entry_update": good });
    let both = json!({ "entry_update": good, "update": good["update"] });
    let deep = "[".repeat(100_000);
    let nested = format!("{}1{}", "{\"update\":".repeat(2000), "}".repeat(2000));
    for (name, body) in [
        ("nothing", String::new()),
        ("not JSON", "hello".to_owned()),
        ("an unknown member only", r#"{"bogus":1}"#.to_owned()),
        ("an empty object", "{}".to_owned()),
        ("null", "null".to_owned()),
        ("a number", "1".to_owned()),
        ("a string", "\"update\"".to_owned()),
        ("a list", "[]".to_owned()),
        ("true", "true".to_owned()),
        ("null inside", r#"{"update":null}"#.to_owned()),
        ("null wrapped", r#"{"entry_update":null}"#.to_owned()),
        ("a wrapped list", r#"{"entry_update":[]}"#.to_owned()),
        ("a wrapped number", r#"{"entry_update":7}"#.to_owned()),
        (
            "twice wrapped",
            json!({ "entry_update": wrapped }).to_string(),
        ),
        ("both forms", both.to_string()),
        (
            "committed only",
            json!({ "committed": good["committed"] }).to_string(),
        ),
        ("cut off", good.to_string()[..200].to_owned()),
        ("more behind", format!("{good}{good}")),
        ("a bracket behind", format!("{good}}}")),
        ("deep lists", deep),
        ("deep updates", nested),
        ("a control character", "{\"update\":\u{1}}".to_owned()),
        ("single quotes", "{'update':{}}".to_owned()),
        ("a byte order mark", format!("\u{feff}{good}")),
        (
            "a member twice",
            format!("{{\"update\":{0},\"update\":{0}}}", good["update"]),
        ),
        ("a comma too much", r#"{"update":{},}"#.to_owned()),
    ] {
        trial.put(name, body, BODY);
    }
    trial.put("no UTF-8", b"{\"update\":\"\xff\"}", BODY);
    trial.put("zeroes", [0; 100], BODY);
    // Without a key, and so for nobody: what ended the process too.
    for (name, body) in [
        ("an empty update", json!({ "update": {} })),
        (
            "an empty update, wrapped",
            json!({ "entry_update": { "update": {} } }),
        ),
        (
            "no key_value",
            json!({ "update": { "previous": "" }, "committed": good["committed"] }),
        ),
        (
            "key_value is null",
            json!({ "update": { "key_value": null } }),
        ),
        (
            "an empty key_value",
            json!({ "update": { "key_value": {} } }),
        ),
    ] {
        let reply = trial
            .site
            .client()
            .put("/v1/users/alice", body.to_string().as_bytes());
        trial.count += 1;
        assert_eq!(reply.status, 400, "{name}: {reply:?}");
        assert_eq!(problem(&reply).0, 3, "{name}");
    }
}

/// Members of another form.
fn members(trial: &mut Trial<'_>, good: &Value) {
    let id = good["update"]["signatures"].as_object().unwrap();
    let id = format!("/update/signatures/{}", id.keys().next().unwrap());
    let signature = format!("{id}/signature");
    let hash = format!("{id}/hash_algorithm");
    for (pointer, bad) in [
        ("/update", json!([])),
        ("/update", json!("x")),
        ("/update/key_value", json!("CgA=")),
        ("/update/key_value/key", json!(7)),
        ("/update/key_value/key", json!("no base64")),
        ("/update/key_value/key", json!("QUJD=")),
        ("/update/key_value/key", json!(["QUJD"])),
        ("/update/key_value/value", json!({})),
        ("/update/key_value/value", json!("%%%%")),
        ("/update/signatures", json!([])),
        ("/update/signatures", json!("x")),
        ("/update/previous", json!(1)),
        ("/update/previous", json!("Q")),
        ("/committed", json!("x")),
        ("/committed/key", json!(16)),
        ("/committed/key", json!("?")),
        ("/committed/data", json!({})),
        ("/committed/data", json!("A")),
        (id.as_str(), json!(5)),
        (id.as_str(), json!([])),
        (signature.as_str(), json!(5)),
        (signature.as_str(), json!("*")),
        (hash.as_str(), json!("MD17")),
        (hash.as_str(), json!({})),
    ] {
        let name = format!("{pointer} = {bad}");
        trial.put(&name, changed(good, pointer, bad).to_string(), BODY);
    }
}

/// Updates in the right form that break a rule.
fn contents(trial: &mut Trial<'_>, good: &Value) {
    let base64 = |bytes: &[u8]| json!(STANDARD.encode(bytes));
    let bytes = |pointer: &str| {
        let text = good.pointer(pointer).unwrap().as_str().unwrap();
        STANDARD.decode(text).unwrap()
    };
    let key = bytes("/update/key_value/key");
    let flipped = |pointer: &str| {
        let mut bytes = bytes(pointer);
        bytes[5] ^= 1;
        base64(&bytes)
    };
    let id = good["update"]["signatures"].as_object().unwrap();
    let id = id.keys().next().unwrap();
    let signature = format!("/update/signatures/{id}/signature");
    for (name, pointer, bad, expected) in [
        ("no key", "/update/key_value/key", json!(""), COMMITMENT),
        (
            "a short key",
            "/update/key_value/key",
            base64(&key[..16]),
            COMMITMENT,
        ),
        (
            "a long key",
            "/update/key_value/key",
            base64(&[&key[..], &[0]].concat()),
            COMMITMENT,
        ),
        (
            "another key",
            "/update/key_value/key",
            flipped("/update/key_value/key"),
            COMMITMENT,
        ),
        ("no committed", "/committed", Value::Null, COMMITMENT),
        ("an empty committed", "/committed", json!({}), COMMITMENT),
        (
            "a nonce of 15 bytes",
            "/committed/key",
            base64(&[7; 15]),
            COMMITMENT,
        ),
        (
            "a nonce of 17 bytes",
            "/committed/key",
            base64(&[7; 17]),
            COMMITMENT,
        ),
        (
            "another nonce",
            "/committed/key",
            base64(&[8; 16]),
            COMMITMENT,
        ),
        (
            "no profile",
            "/committed/data",
            base64(b"\xff\xff"),
            COMMITMENT,
        ),
        ("another profile", "/committed/data", json!(""), COMMITMENT),
        (
            "a group in the profile",
            "/committed/data",
            base64(b"\x0b\x0c"),
            COMMITMENT,
        ),
        ("no entry", "/update/key_value/value", json!(""), COMMITMENT),
        (
            "an entry of noise",
            "/update/key_value/value",
            base64(&[0xff; 40]),
            COMMITMENT,
        ),
        (
            "an entry of 20 KiB",
            "/update/key_value/value",
            base64(&vec![8; 20 << 10]),
            COMMITMENT,
        ),
        (
            "another commitment",
            "/update/key_value/value",
            flipped("/update/key_value/value"),
            COMMITMENT,
        ),
        ("no previous", "/update/previous", Value::Null, PREVIOUS),
        (
            "a wrong previous",
            "/update/previous",
            base64(&[1; 32]),
            PREVIOUS,
        ),
        (
            "a short previous",
            "/update/previous",
            base64(&[1; 31]),
            PREVIOUS,
        ),
        ("no signatures", "/update/signatures", json!({}), SIGNATURE),
        (
            "a wrong signature",
            &signature,
            flipped(&signature),
            SIGNATURE,
        ),
        ("an empty signature", &signature, json!(""), SIGNATURE),
        (
            "a signature of noise",
            &signature,
            base64(&[0x30; 70]),
            SIGNATURE,
        ),
        (
            "another key's id",
            "/update/signatures",
            json!({ "ab": good["update"]["signatures"][id] }),
            SIGNATURE,
        ),
        (
            "another hash",
            &format!("/update/signatures/{id}/hash_algorithm"),
            json!("SHA512"),
            SIGNATURE,
        ),
        (
            "no algorithm",
            &format!("/update/signatures/{id}/sig_algorithm"),
            json!("ANONYMOUS"),
            SIGNATURE,
        ),
    ] {
        trial.put(name, changed(good, pointer, bad).to_string(), expected);
    }
    profiles(trial);
    let longer = format!("{good}{}", " ".repeat(300 << 10));
    trial.put("300 KiB", longer, (413, 3, "directory.limit"));
    let many: serde_json::Map<_, _> = (0..400)
        .map(|n| {
            (
                format!("{n:064x}"),
                good["update"]["signatures"][id].clone(),
            )
        })
        .collect();
    let many = changed(good, "/update/signatures", Value::Object(many));
    trial.put("400 signatures", many.to_string(), SIZE);
}

/// Updates that are signed well, and hold what no profile may.
fn profiles(trial: &mut Trial<'_>) {
    use transparency::messages::Profile;
    use transparency::update::Draft;
    let answer = trial.site.get("alice");
    let index = transparency::vrf::Output::from_slice(&answer.vrf)
        .unwrap()
        .index();
    let signer = key(1);
    let draft = |profile: &Profile, keys: &[_]| {
        let draft = Draft {
            user: "alice",
            index: index.as_bytes(),
            previous: None,
            profile,
            authorized_keys: keys,
            nonce: &[7; 16],
        };
        transparency::json::write(&draft.sign(&[&signer]).unwrap()).unwrap()
    };
    let own = [signer.verifying_key().clone()];
    let profile = |app: &str, data: Vec<u8>| Profile([(app.to_owned(), data)].into());
    let empty = draft(&profile("", b"x".to_vec()), &own);
    trial.put("an empty app id", empty, APP);
    let pgp = draft(&profile("pgp", b"1".to_vec()), &own);
    trial.put("pgp without a key", pgp, APP);
    let large = draft(&profile("notes", vec![0; 70 << 10]), &own);
    trial.put("70 KiB of an app", large, APP);
    let nobody = draft(&profile("notes", b"1".to_vec()), &[]);
    trial.put("no authorized keys", nobody, KEYS);
}

fn credentials(trial: &mut Trial<'_>, good: &Value) {
    let body = good.to_string();
    let token = format!("Authorization: Bearer {TOKEN}");
    for headers in [
        String::new(),
        "Authorization:".to_owned(),
        "Authorization: Bearer".to_owned(),
        format!("Authorization: {TOKEN}"),
        format!("{token} more"),
        format!("{token}x"),
        "Authorization: Bearer \u{fc}".to_owned(),
        "Authorization: Basic YTpi".to_owned(),
        // Only in development.
        "Grpc-Metadata-Userid: alice".to_owned(),
    ] {
        let lines = match headers.as_str() {
            "" => String::new(),
            line => format!("{line}\r\n"),
        };
        let mut client = trial.site.client();
        let reply = client.ask("PUT", "/v1/users/alice", &lines, body.as_bytes());
        trial.check(&headers, &reply, CREDENTIALS);
    }
    let own = "Authorization: Bearer alice's\r\n";
    let mut client = trial.site.client();
    let reply = client.ask("PUT", "/v1/users/bob", own, body.as_bytes());
    trial.check("alice's token for bob", &reply, CREDENTIALS);
    // Whoever may not write is not told more.
    let reply = client.ask("PUT", "/v1/users/bob", own, b"hello");
    trial.check("alice's token for bob, no JSON", &reply, CREDENTIALS);
}

fn paths(trial: &mut Trial<'_>) {
    let long = "a".repeat(257);
    for path in [
        "/v1/users/alice/history?start=1000",
        "/v1/users/alice/history?start=-1",
        "/v1/users/alice/history?start=abc",
        "/v1/users/alice/history?start=",
        "/v1/users/alice/history?start=0x10",
        "/v1/users/alice/history?start=1.0",
        "/v1/users/alice/history?start=9223372036854775808",
        "/v1/users/alice/history?start=99999999999999999999999999",
        "/v1/users/alice/history?page_size=-1",
        "/v1/users/alice/history?page_size=x",
        "/v1/users/alice/history?start=0&start=0",
        "/v1/users/alice/history?start=%zz",
        "/v1/users/alice/history?%ff=1",
        "/v1/users/",
        "/v1/users/%00",
        "/v1/users/%0a",
        "/v1/users/%ff%fe",
        "/v1/users/%c0%af",
        "/v1/users/a%",
        "/v1/users/a%2",
        "/v1/users/a%gg",
        &format!("/v1/users/{long}"),
        &format!("/v1/users/{long}/history"),
        "/v1/mutations?epoch=-1",
        "/v1/mutations?epoch=x",
        "/v1/mutations?start=x",
        "/v1/mutations?page_size=-3",
        "/v1/mutations?epoch=0&epoch=1",
    ] {
        trial.get(path, REQUEST);
    }
    for path in [
        "/v1/mutations?epoch=1000",
        "/v1/mutations?epoch=9223372036854775807",
        "/v1/mutations?epoch=0&start=5",
        "/v1/mutations?epoch=0&start=4294967296",
    ] {
        trial.get(path, RANGE);
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/users",
        "/v1/users/a%20b%2Fc",
        "/v1/users/a/b",
        "/v1/users/a/history/1",
        "/v1//users/a",
        "/v1/users/../config",
        "/v2/users/alice",
        "/v1/log",
        "/v1/log/tile",
        "/v1/log/tile/0/0",
        "/v1/log/tile/0/00x",
        "/v1/log/tile/0/999999999999999999999",
        "/v1/log/tile/-1/000",
        "/v1/log/tile/64/000",
        "/v1/log/tile/0/000.p/256",
        "/v1/log/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/v1/log/tile/entries",
        "/v1/log/tile/entries/x",
        "/v1/log/tile/0/000/../../checkpoint",
    ] {
        trial.plain("GET", path, 404);
    }
    for (method, path) in [
        ("POST", "/v1/users/alice"),
        ("DELETE", "/v1/users/alice"),
        ("PATCH", "/v1/users/alice"),
        ("NONSENSE", "/v1/users/alice"),
        ("PUT", "/v1/users/alice/history"),
        ("POST", "/v1/config"),
        ("PUT", "/v1/log/checkpoint"),
        ("GET", "/v1/heads/0/signatures"),
        ("POST", "/metrics"),
    ] {
        trial.plain(method, path, 405);
    }
    let mut post = |path: &str, body: &str, expected| {
        let reply = trial.site.client().ask("POST", path, "", body.as_bytes());
        trial.check(&format!("POST {path} {body}"), &reply, expected);
    };
    post("/v1/heads/0/signatures", "{}", BODY);
    post("/v1/heads/0/signatures", "hello", BODY);
    post(
        "/v1/heads/0/signatures",
        r#"{"signatures":{"ab":"MAA="}}"#,
        CREDENTIALS,
    );
    post("/v1/heads/x/signatures", "{}", REQUEST);
    post("/v1/heads/99/signatures", "{}", RANGE);
}

/// What is no HTTP, or too much of it.
fn broken(trial: &mut Trial<'_>) {
    let long = format!("GET /v1/users/{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
    let put = format!("PUT /v1/users/alice HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    trial.raw("noise", b"\x16\x03\x01\x00\xff\x01\x00\r\n\r\n", 400);
    trial.raw("no version", b"GET /\r\n\r\n", 400);
    trial.raw("a long path", long.as_bytes(), 431);
    trial.raw("100 headers", many.as_bytes(), 431);
    trial.raw(
        "HTTP/2 without TLS",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        400,
    );
    let length = format!("{put}Content-Length: -1\r\n\r\n");
    trial.raw("a negative length", length.as_bytes(), 400);
    let lengths = format!("{put}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx");
    trial.raw("two lengths", lengths.as_bytes(), 400);
    let chunks = format!("{put}Transfer-Encoding: chunked\r\n\r\nzz\r\n");
    trial.raw("a chunk of no length", chunks.as_bytes(), 400);
    let huge = format!("{put}Content-Length: 99999999999999\r\n\r\n");
    trial.raw("99 TB announced", huge.as_bytes(), 413);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let endless = format!("{put}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(8));
    trial.raw("half a megabyte in chunks", endless.as_bytes(), 413);
}

fn changed(good: &Value, pointer: &str, bad: Value) -> Value {
    let mut changed = good.clone();
    *changed
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("{pointer}")) = bad;
    changed
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: usize = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib << 10
}

#[test]
fn in_development_a_header_is_believed() {
    let site = Site::with(|config| config.writers.development = true);
    let body = transparency::json::write(&site.update("alice", &key(1), "one")).unwrap();
    let put = |client: &mut Client, user: &str| {
        let header = format!("Grpc-Metadata-Userid: {user}\r\n");
        client.ask("PUT", "/v1/users/alice", &header, &body).status
    };
    let mut client = site.client();
    assert_eq!(put(&mut client, "bob"), 403);
    assert_eq!(put(&mut client, "alice"), 200);
}
