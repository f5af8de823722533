//! A secret that a vault holds is nowhere outside it: not in its own file or any other of the platform,
//! not in a log, on a command line, in an environment, or on the wire, whatever is done with it.
//!
//! | module | subject |
//! |---|---|
//! | `trace` | the secret in any of its guises, and where it is looked for |
//! | `capture` | what passes over the loopback interface |

mod capture;
mod trace;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use capture::Capture;
use client::{Client, Order, WorkerId};
use provision::{Attempt, Evidence, Release, SessionName, WORKER_PRODUCT};
use sconce_tests::command::{Setup, connect_to_vault, sconce};
use sconce_tests::process::Signal;
use sconce_tests::skipped::skipped;
use sgx::{Mrenclave, Mrsigner};
use simulator::{Platform, Secs};
use tokio::runtime::Runtime;
use trace::Trace;
use vault_client::Vault;

const WORKER: &str = "scone-worker-1";
const SESSION: &str = "shop/till";
const MEASUREMENT: Mrenclave = Mrenclave([9; 32]);

/// How every private key begins that is written as text. The programs themselves have the first line.
const PRIVATE_KEY: &str = "PRIVATE KEY-----\nM";

/// Where there are some by right: the owner's own, and those of the key directory, which nobody trusts.
const NO_SECRETS_OF_THE_VAULT: [&str; 2] = ["operator.key", "directory.keys"];

#[test]
fn a_secret_of_the_vault_is_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let canary = Trace::random();
    let capture = Capture::start(vec![canary.clone(), Trace::of(PRIVATE_KEY)]);
    if capture.is_none() {
        skipped("the loopback interface", "only root may listen to it");
    }

    // Whatever there is to be done with it, and with the keys of a worker.
    let mut setup = Setup::new(&folder.path().join("data"), "async", 1);
    setup.log = Some(folder.path().join("log"));
    setup.environment = vec![("SCONCE_LOG".into(), "debug".into())];
    let data = setup.folder.clone();
    let up = setup.start();
    let mut vault = connect_to_vault(&data).unwrap();
    plant(&mut vault, &data, canary.text());
    assert_eq!(release(&mut vault, &data), canary.text());
    assert!(!vault.session(&name()).unwrap().contains(canary.text()));
    order(&up.listener().unwrap());
    let shown = sconce(
        folder.path(),
        &[
            "session",
            "show",
            SESSION,
            "--data-dir",
            data.to_str().unwrap(),
        ],
    );
    let audit = sconce(
        folder.path(),
        &["session", "audit", "--data-dir", data.to_str().unwrap()],
    );
    for output in [&shown, &audit] {
        assert!(output.status.success(), "{output:?}");
        assert!(!canary.is_in(&output.stdout) && !canary.is_in(&output.stderr));
    }

    // While all of it runs, and with a vault that has read its state anew.
    let before = up.vault().unwrap();
    nowhere(&canary, folder.path(), "while it runs");
    before.signal(Signal::KILL);
    let mut vault = wait_for_vault(&data);
    assert_eq!(release(&mut vault, &data), canary.text());
    nowhere(&canary, folder.path(), "after the vault was killed");
    drop(up);
    nowhere(&canary, folder.path(), "after the end");

    if let Some(capture) = capture {
        let [canary, keys] = capture.finish()[..] else {
            unreachable!("two were looked for");
        };
        assert!(!canary, "the secret was on the wire");
        assert!(!keys, "a private key was on the wire");
    }
}

/// Neither the secret nor a private key is in a file, on a command line or in an environment.
fn nowhere(canary: &Trace, folder: &Path, when: &str) {
    let mut found = trace::files_with(canary, folder);
    found.extend(trace::processes_with(canary));
    assert!(found.is_empty(), "{when}: the secret is in {found:?}");

    let mut found = trace::files_with(&Trace::of(PRIVATE_KEY), folder);
    let by_right = |file: &PathBuf| {
        NO_SECRETS_OF_THE_VAULT
            .iter()
            .any(|name| file.ends_with(name))
    };
    found.retain(|file| !by_right(file));
    assert!(found.is_empty(), "{when}: a private key is in {found:?}");
}

fn name() -> SessionName {
    SESSION.parse().unwrap()
}

/// Writes a session with the secret, which a program of one measurement is given.
fn plant(vault: &mut Vault, data: &Path, secret: &str) {
    let root = platform(data).fingerprint();
    let measurement = hex::encode(MEASUREMENT.0);
    let text = format!(
        "name: {SESSION}
version: \"0.3.10\"
security: {{attestation: {{mode: simulated, simulated_roots: [\"{root}\"]}}}}
services:
  - name: app
    mrenclaves: [\"{measurement}\"]
    command: [/app, \"--token=$$SCONE::token$$\"]
    environment: {{TOKEN: \"$$SCONE::token$$\"}}
secrets: [{{name: token, kind: ascii, value: \"{secret}\"}}]
"
    );
    vault.put_session(&name(), &text).unwrap();
}

/// What such a program is given, which runs in this process.
fn release(vault: &mut Vault, data: &Path) -> String {
    let mut secs = Secs::new(MEASUREMENT, Mrsigner([7; 32]));
    secs.isv_prod_id = WORKER_PRODUCT;
    let nonce = vault.challenge().unwrap().nonce.0;
    let service = name().service("app").unwrap();
    let attempt = Attempt::new(service, nonce).unwrap();
    let found = platform(data).evidence(&secs, &attempt.report_data(), now());
    let found = found.unwrap();
    let evidence = Evidence::new(found.quote, &found.collateral.to_json()).unwrap();
    let request = serde_json::to_vec(&attempt.request(evidence)).unwrap();
    let answer = vault.release(&request).unwrap();
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{text}");
    let release = Release::from_json(&answer.body).unwrap();
    let key = vault.evidence().unwrap().key.0;
    let grant = attempt.open(&release, &key).unwrap();
    assert!(grant.command[1].ends_with(&grant.environment["TOKEN"]));
    grant.environment["TOKEN"].clone()
}

fn platform(data: &Path) -> Platform {
    Platform::open(&data.join("simulated-platform")).unwrap()
}

/// An order, whose answer shows that the worker has its keys.
fn order(uri: &str) {
    let client = Client::connect(uri).unwrap();
    let answer = Runtime::new().unwrap().block_on(async {
        let worker = client.unverified_worker(&WorkerId::from_name(WORKER)).await;
        let order = Order::new(&worker.unwrap(), "python-hello").input("you");
        client.run(&order).await.unwrap()
    });
    assert_eq!(answer.text(), "Hello you");
}

fn wait_for_vault(data: &Path) -> Vault {
    let begun = std::time::Instant::now();
    loop {
        match connect_to_vault(data) {
            Ok(vault) => return vault,
            Err(error) => assert!(begun.elapsed().as_secs() < 60, "{error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}
