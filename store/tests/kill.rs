//! `kill -9` at random moments, and what was acknowledged before is there afterwards.
//!
//! The test starts itself as a child that works on a store and prints what it has been told, kills
//! it, starts it again on the same file, and in the end compares the store with all that was
//! printed. `SCONCE_STORE_KILLS` sets how many times (default 8).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, like tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sconce_store::redb::{Engine, Options};
use sconce_store::{
    Append, Completed, Completion, Digest, Held, Lease, Orders, PartitionId, State, Submission,
    Submitted, Table, Token,
};

const FILE: &str = "SCONCE_STORE_KILL_FILE";
const LIFE: &str = "SCONCE_STORE_KILL_LIFE";
const KILLS: &str = "SCONCE_STORE_KILLS";

const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let kills = std::env::var(KILLS).map_or(8, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let mut report = Report::default();
    for life in 0..kills {
        report.add(live_and_die(&file, life));
    }
    println!(
        "{kills} kills: {} orders acknowledged, {} results, {} leases",
        report.submitted.len(),
        report.stored.len(),
        report.tokens.values().map(Vec::len).sum::<usize>()
    );
    assert!(report.stored.len() as u64 > kills, "the children did work");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(report.compare(&file));
}

/// One child from start to kill; the lines that it got out.
fn live_and_die(file: &Path, life: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child", "--nocapture"])
        .env(FILE, file)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in output.lines() {
            lines.push(line.unwrap());
        }
        lines
    });
    // Short lives end while the file is being opened, long ones in the middle of the work.
    std::thread::sleep(Duration::from_millis(scattered(life) % 600));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success(), "the child ended by itself");
    lines.join().unwrap()
}

/// What the children were told, all lives together.
#[derive(Default)]
struct Report {
    tried: BTreeSet<String>,
    submitted: BTreeSet<String>,
    /// Tokens of each order, as they were given.
    tokens: BTreeMap<String, Vec<u64>>,
    /// Results that a child asked to store.
    completing: BTreeSet<(String, u64)>,
    stored: BTreeMap<String, u64>,
}

impl Report {
    fn add(&mut self, lines: Vec<String>) {
        for line in lines {
            let words = line.split(' ').collect::<Vec<_>>();
            // The kill may have cut the last line; the test harness prints lines of its own.
            let ["event", what, id, token, "."] = words[..] else {
                continue;
            };
            let (id, token) = (id.to_owned(), token.parse().unwrap());
            match what {
                "trying" => _ = self.tried.insert(id),
                "submitted" => _ = self.submitted.insert(id),
                "leased" => self.tokens.entry(id).or_default().push(token),
                "completing" => _ = self.completing.insert((id, token)),
                "stored" => {
                    let before = self.stored.insert(id.clone(), token);
                    assert_eq!(before, None, "{id} was stored twice");
                }
                other => panic!("{other}"),
            }
        }
    }

    async fn compare(self, file: &Path) {
        let engine = Engine::open(file, Options::default()).unwrap();
        for (id, tokens) in &self.tokens {
            assert!(tokens.is_sorted_by(|a, b| a < b), "{id}: {tokens:?}");
        }
        for id in &self.submitted {
            let again = engine.submit(submission(id)).await.unwrap();
            assert_eq!(again, Submitted::AlreadyAccepted, "{id} is gone");
        }
        let (mut open, mut finished) = (0, 0);
        for id in &self.tried {
            match self.compare_order(&engine, id).await {
                Stands::Nowhere => {}
                Stands::Open => open += 1,
                Stands::Finished => finished += 1,
            }
        }
        let found = engine.counts().await.unwrap();
        let expected = (open, 0, finished);
        assert_eq!((found.queued, found.leased, found.finished), expected);
        self.old_tokens_are_lost(&engine).await;
        self.drain(&engine, usize::try_from(open).unwrap()).await;
    }

    /// Leases end with the process that they were given by.
    async fn old_tokens_are_lost(&self, engine: &Engine) {
        for (id, tokens) in &self.tokens {
            for token in tokens {
                let held = engine
                    .extend(&id.as_str().into(), Token(*token), LONG)
                    .await;
                assert!(matches!(held, Ok(Held::Lost(_))), "{id}: {held:?}");
            }
        }
    }

    /// An order is as it was last acknowledged, or one step further.
    async fn compare_order(&self, engine: &Engine, id: &str) -> Stands {
        let append = Table::get(engine, &partition(), &id.into()).await.unwrap();
        match Orders::get(engine, &id.into()).await.unwrap() {
            State::Unknown => {
                assert!(!self.submitted.contains(id));
                return Stands::Nowhere;
            }
            State::Queued => {}
            State::Finished(result) => {
                let token = String::from_utf8(result).unwrap().parse().unwrap();
                assert!(self.completing.contains(&(id.to_owned(), token)), "{id}");
                if let Some(&stored) = self.stored.get(id) {
                    assert_eq!(token, stored, "{id} has another result");
                }
                assert_eq!(append.unwrap().value, token.to_string().as_bytes());
                return Stands::Finished;
            }
            other => panic!("{id} is {other:?}, though nobody claims or evicts"),
        }
        assert!(!self.stored.contains_key(id), "the result of {id} is gone");
        assert_eq!(append, None, "{id} has an append but no result");
        Stands::Open
    }

    /// Everything else can still be claimed, once each.
    async fn drain(&self, engine: &Engine, expected: usize) {
        let mut drained = BTreeSet::new();
        while drained.len() < expected {
            let leases = engine.claim(&partition(), 64, LONG, SHORT).await.unwrap();
            assert!(
                !leases.is_empty(),
                "{} of {expected} orders came",
                drained.len()
            );
            for Lease {
                order, token, body, ..
            } in leases
            {
                let id = String::from_utf8(order.into_bytes()).unwrap();
                assert_eq!(body, submission(&id).body);
                let last = self.tokens.get(&id).and_then(|tokens| tokens.last());
                assert!(last.is_none_or(|&last| last < token.0), "{id}: {token:?}");
                assert!(drained.insert(id));
            }
        }
        let left = engine.claim(&partition(), 64, LONG, Duration::ZERO).await;
        assert_eq!(left, Ok(Vec::new()));
    }
}

/// Where an order was found.
enum Stands {
    Nowhere,
    Open,
    Finished,
}

#[test]
#[ignore = "what_was_acknowledged_survives_kill_9 starts it"]
fn child() {
    let (Ok(file), Ok(life)) = (std::env::var(FILE), std::env::var(LIFE)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Arc::new(Engine::open(&file, Options::default()).unwrap());
        let ids = Arc::new(AtomicU64::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            tasks.spawn(submit_for_ever(engine.clone(), ids.clone(), life.clone()));
            tasks.spawn(work_for_ever(engine.clone()));
        }
        tasks.join_all().await;
    });
}

async fn submit_for_ever(engine: Arc<Engine>, ids: Arc<AtomicU64>, life: String) {
    loop {
        let id = format!("{life}/{}", ids.fetch_add(1, Ordering::Relaxed));
        print("trying", &id, 0);
        let submitted = engine.submit(submission(&id)).await.unwrap();
        assert_eq!(submitted, Submitted::Accepted);
        print("submitted", &id, 0);
    }
}

async fn work_for_ever(engine: Arc<Engine>) {
    loop {
        let leases = engine.claim(&partition(), 3, SHORT, LONG).await.unwrap();
        for Lease { order, token, .. } in leases {
            let id = String::from_utf8(order.as_bytes().to_vec()).unwrap();
            print("leased", &id, token.0);
            match scattered(token.0) % 16 {
                // Lost: some worker went away.
                0 => continue,
                1 => {
                    let released = engine.release(&order, token, Duration::ZERO, true).await;
                    released.unwrap();
                    continue;
                }
                2 => {
                    let held = engine.extend(&order, token, LONG).await.unwrap();
                    assert_eq!(held, Held::Yes);
                }
                _ => {}
            }
            print("completing", &id, token.0);
            let completion = Completion {
                result: token.0.to_string().into_bytes(),
                appends: vec![Append {
                    key: order.as_bytes().into(),
                    value: token.0.to_string().into_bytes(),
                }],
                order,
                token,
            };
            if engine.complete(completion).await.unwrap() == Completed::Stored {
                print("stored", &id, token.0);
            }
        }
    }
}

/// One line at once, so that only the last can be cut.
fn print(what: &str, id: &str, token: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "event {what} {id} {token} .").unwrap();
    out.flush().unwrap();
}

fn partition() -> PartitionId {
    "worker".into()
}

fn submission(id: &str) -> Submission {
    let mut digest = [0; 32];
    digest[..id.len()].copy_from_slice(id.as_bytes());
    Submission {
        partition: partition(),
        order: id.into(),
        replays: vec![id.into()],
        digest: Digest(digest),
        body: id.repeat(100).into_bytes(),
        memo: Vec::new(),
    }
}

/// splitmix64
fn scattered(number: u64) -> u64 {
    let mut word = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
