//! Writes a file of made-up users for `sconce kt import`, each with an update that is signed for the directory of
//! a folder; its keys are made if it has none. Such a file is to be had only with those keys, or by asking the
//! directory for each user's place.
//!
//! `cargo run --release -p sconce-benches --example directory_users -- --folder kt --realm keys.example --users 1000
//! --file users.jsonl`

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use directory::Keys;
use ring::digest::{SHA512, digest};
use sconce_benches::arguments;
use serde_json::json;
use transparency::messages::Profile;
use transparency::signature::SigningKey;
use transparency::update::Draft;

/// Users in one piece of work.
const BATCH: u64 = 1000;

/// Keys that users sign with, one after the other.
const SIGNERS: u8 = 64;

fn main() {
    let folder = arguments::value("--folder", "kt".to_owned());
    let realm = arguments::value("--realm", "sconce.localhost".to_owned());
    let file = arguments::value("--file", "users.jsonl".to_owned());
    let users = arguments::value("--users", 1000);
    let keys = Path::new(&folder).join("directory.keys");
    let keys = Keys::open(&keys, &realm).expect("the keys of a directory");
    let signers: Vec<_> = (1..=SIGNERS)
        .map(|number| SigningKey::from_scalar(&[number; 32]).expect("a key"))
        .collect();
    let file = Mutex::new(BufWriter::new(File::create(file).expect("a file")));
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            if from >= users {
                break;
            }
            let to = users.min(from + BATCH);
            let lines: Vec<_> = (from..to)
                .flat_map(|number| line(&keys, &signers, number))
                .collect();
            let mut file = file.lock().expect("no panic elsewhere");
            file.write_all(&lines).expect("room on the disk");
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    file.lock()
        .expect("no panic elsewhere")
        .flush()
        .expect("room on the disk");
}

/// A user, and the first update of its entry.
fn line(keys: &Keys, signers: &[SigningKey], number: u64) -> Vec<u8> {
    let user = format!("user-{number:09}@example.com");
    let index = keys.vrf.evaluate(&user).expect("a place").index();
    let data = digest(&SHA512, user.as_bytes()).as_ref().to_vec();
    let (nonce, _) = data.split_first_chunk().expect("64 bytes");
    let signer = &signers[number as usize % signers.len()];
    let draft = Draft {
        user: &user,
        index: index.as_bytes(),
        previous: None,
        profile: &Profile([("notes".to_owned(), data.clone())].into()),
        authorized_keys: &[signer.verifying_key().clone()],
        nonce,
    };
    let update = draft.sign(&[signer]).expect("a signature");
    let mut line = json!({ "user_id": user, "entry_update": update })
        .to_string()
        .into_bytes();
    line.push(b'\n');
    line
}
