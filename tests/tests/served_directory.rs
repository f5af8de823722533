//! `sconce kt serve` and `sconce kt import` as their user starts them: a directory of its own process, loaded from a
//! file, asked, stopped by a signal and started again.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use directory::Keys;
use sconce_tests::command::sconce;
use sconce_tests::complaint::{Complaint, no_panic};
use sconce_tests::platform::sconce_program;
use sconce_tests::process::{Process, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use transparency::messages::{EntryUpdate, Profile};
use transparency::signature::SigningKey;
use transparency::update::Draft;

const REALM: &str = "keys.example";

/// What may write every entry, and its SHA-256.
const TOKEN: &str = "a-token-of-this-test-alone";
const TOKEN_SHA256: &str = "00f68c5c68f79558142cf9db7112a0afa6bd74a0cba0b1c38c09906af13f6f7e";

/// As many users as the file has.
const USERS: usize = 200;

/// A home folder, with the folder of a directory in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let file = self.0.path().join(name);
        fs::write(&file, content).unwrap();
        file
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("kt")
    }

    /// The keys that the directory has, or will have.
    fn keys(&self) -> Keys {
        Keys::open(&self.folder().join("directory.keys"), REALM).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = sconce(self.0.path(), arguments);
        no_panic(&output).unwrap();
        output
    }

    /// A command about the directory that is served; its output is JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let pinned = self.folder().join("directory.json");
        let pinned = ["--directory", pinned.to_str().unwrap(), "--json"];
        let output = self.run(&[arguments, &pinned].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn import(&self, file: &Path, more: &[&str]) -> Output {
        let folder = self.folder();
        let line = ["kt", "import", "--realm", REALM, "--folder"];
        let paths = [folder.to_str().unwrap(), file.to_str().unwrap()];
        self.run(&[&line[..], &paths, more].concat())
    }

    fn serve(&self) -> Served {
        let tokens = format!("[[token]]\nsha256 = \"{TOKEN_SHA256}\"\nusers = [\"*\"]\n");
        let tokens = self.file("tokens.toml", tokens.as_bytes());
        let mut child = Command::new(sconce_program())
            .args(["kt", "serve", "--realm", REALM, "--listen", "127.0.0.1:0"])
            .args(["--epoch", "50ms", "--json", "--folder"])
            .arg(self.folder())
            .arg("--tokens")
            .arg(tokens)
            .env("HOME", self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut said = serde_json::Deserializer::from_reader(stdout).into_iter();
        let said = said.next().expect("it says where it answers").unwrap();
        Served { child, said }
    }
}

/// A directory that answers.
struct Served {
    child: Child,
    said: Value,
}

impl Served {
    /// SIGTERM; it ends well.
    fn stop(mut self) {
        Process::of(self.child.id()).unwrap().signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn user(number: usize) -> String {
    format!("user-{number}@example.com")
}

/// What the user has in the directory.
fn data(user: &str) -> Vec<u8> {
    format!("the key of {user}").into_bytes()
}

fn first_update(keys: &Keys, user: &str) -> EntryUpdate {
    let key = SigningKey::from_scalar(&[7; 32]).unwrap();
    let index = keys.vrf.evaluate(user).unwrap().index();
    let draft = Draft {
        user,
        index: index.as_bytes(),
        previous: None,
        profile: &Profile([("ssh".to_owned(), data(user))].into()),
        authorized_keys: &[key.verifying_key().clone()],
        nonce: &[9; 16],
    };
    draft.sign(&[&key]).unwrap()
}

/// A line of a file to import.
fn line(user: &str, update: &EntryUpdate) -> String {
    json!({ "user_id": user, "entry_update": update }).to_string()
}

fn lines(keys: &Keys, count: usize) -> Vec<String> {
    let users = (0..count).map(user);
    users
        .map(|user| line(&user, &first_update(keys, &user)))
        .collect()
}

#[test]
fn users_are_loaded_served_and_there_after_a_restart() {
    let home = Home::new();
    // Served before it has anybody: so users learn their places, and sign.
    let served = home.serve();
    assert_eq!(served.said["epoch"], 0);
    let absent = home.json(&["keys", "get", &user(3)]);
    assert_eq!(absent["present"], false, "{absent}");
    let file = home.file(
        "users.jsonl",
        lines(&home.keys(), USERS).join("\n").as_bytes(),
    );
    let busy = home.import(&file, &[]);
    Complaint::read(&busy, 1, "directory.store", false).unwrap();
    served.stop();

    let loaded = home.import(&file, &["--json"]);
    assert!(loaded.status.success(), "{loaded:?}");
    let loaded: Value = serde_json::from_slice(&loaded.stdout).unwrap();
    assert_eq!(loaded["users"], USERS);
    let again = home.import(&file, &[]);
    let again = Complaint::read(&again, 1, "directory.import", false).unwrap();
    again.says(Some("has entries")).unwrap();

    let served = home.serve();
    assert_eq!(served.said["epoch"], loaded["epoch"]);
    assert_is_shown(&home, &user(USERS - 1));
    // Somebody more, and what it was told stays.
    let token = home.file("token", TOKEN.as_bytes());
    let key = home.0.path().join("carol.pem");
    let data_of_carol = home.file("carol.pub", &data("carol"));
    let app = format!("ssh={}", data_of_carol.display());
    let put = ["keys", "put", "carol", "--new-key", "--app", &app];
    let files = [
        "--key",
        key.to_str().unwrap(),
        "--token",
        token.to_str().unwrap(),
    ];
    home.json(&[&put[..], &files].concat());
    served.stop();

    let served = home.serve();
    for user in ["carol", &user(0)] {
        assert_is_shown(&home, user);
    }
    served.stop();
}

/// Its data is there, proven; and so says who has nothing but the answer and the directory's keys.
fn assert_is_shown(home: &Home, user: &str) {
    let own = home.file("own", &data(user));
    let told = home.json(&["keys", "verify", user, "--key", own.to_str().unwrap()]);
    assert_eq!(told["found"]["app"], "ssh", "{told}");
    let other = home.file("other", b"another key");
    let pinned = home.folder().join("directory.json");
    let arguments = ["keys", "verify", user, "--key", other.to_str().unwrap()];
    let refused = home.run(&[&arguments[..], &["--directory", pinned.to_str().unwrap()]].concat());
    Complaint::read(&refused, 1, "directory.keys", false).unwrap();

    let answer = home.0.path().join("answer.json");
    home.json(&["keys", "get", user, "--save", answer.to_str().unwrap()]);
    let trust: Value = serde_json::from_slice(&fs::read(pinned).unwrap()).unwrap();
    let key = |name: &str| {
        let pem = trust[name].as_str().unwrap();
        home.file(name, pem.as_bytes()).to_str().unwrap().to_owned()
    };
    let (vrf, map, log) = (key("vrf_key"), key("map_key"), key("log_key"));
    let verify = |user: &str| {
        let keys = ["--vrf-key", &vrf, "--map-key", &map, "--log-key", &log];
        let line = ["kt", "verify-response", "--realm", REALM, "--user", user];
        home.run(&[&line[..], &keys, &[answer.to_str().unwrap()]].concat())
    };
    let told = verify(user);
    assert!(told.status.success(), "{told:?}");
    Complaint::read(&verify("somebody else"), 1, "kt.vrf", true).unwrap();
}

#[test]
fn a_line_that_is_refused_is_named_and_nothing_is_loaded() {
    let home = Home::new();
    let keys = home.keys();
    let good = lines(&keys, 4);
    let first = || first_update(&keys, "bad");
    let changed = |change: fn(&mut EntryUpdate)| {
        let mut update = first();
        change(&mut update);
        line("bad", &update)
    };
    let long = format!("{}{}", line("bad", &first()), " ".repeat(513 << 10));
    let cases = [
        ("{".to_owned(), "EOF while parsing"),
        (
            json!({ "user_id": "bad" }).to_string(),
            "missing field `entry_update`",
        ),
        (
            line("bad", &first()).replace("user_id", "user"),
            "unknown field `user`",
        ),
        (line("", &first()), "the user's id is empty"),
        (line("other", &first()), "is not the user's index"),
        (
            changed(|update| update.committed = None),
            "committed is missing",
        ),
        (
            changed(|update| {
                update.committed.as_mut().unwrap().key[0] ^= 1;
            }),
            "does not open the entry's commitment",
        ),
        (
            changed(|update| {
                let signatures = update.update.signatures.values_mut();
                signatures.for_each(|one| *one.signature.last_mut().unwrap() ^= 1);
            }),
            "no key that may change the entry signed the update",
        ),
        (
            changed(|update| update.update.previous = vec![7; 32]),
            "previous",
        ),
        (long, "it is longer than 512 KiB"),
    ];
    for (bad, reason) in cases {
        // Empty lines count, and are nobody.
        let text = [&good[0], "", &good[1], &bad, &good[2]].join("\n");
        let refused = home.import(&home.file("users.jsonl", text.as_bytes()), &[]);
        let said = Complaint::read(&refused, 2, "directory.import", false).unwrap();
        said.says(Some("users.jsonl: line 4: ")).unwrap();
        said.says(Some(reason)).unwrap();
    }
    let twice = [&good[..], &good[2..3]].concat().join("\n");
    let refused = home.import(&home.file("users.jsonl", twice.as_bytes()), &[]);
    let said = Complaint::read(&refused, 1, "directory.import", false).unwrap();
    said.says(Some("\"user-2@example.com\" is there twice"))
        .unwrap();
    let missing = home.import(Path::new("no such file"), &[]);
    Complaint::read(&missing, 2, "file.io", false).unwrap();

    // Nothing of these was loaded, or is in the way.
    let file = home.file("users.jsonl", b"");
    let mut out = fs::File::create(&file).unwrap();
    writeln!(out, "{}", good.join("\r\n")).unwrap();
    let loaded = home.import(&file, &["--with-proofs"]);
    assert!(loaded.status.success(), "{loaded:?}");
    let said = String::from_utf8(loaded.stdout).unwrap();
    assert!(said.starts_with("4 users, as epoch 1, in "), "{said}");
}
