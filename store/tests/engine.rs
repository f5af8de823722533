//! What only the embedded engine promises: its file, its locks, its restarts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, like tests"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition, TableHandle};
use sconce_store::redb::{Engine, Options};
use sconce_store::{
    Completed, Completion, Digest, Error, Lost, OrderId, Orders, PartitionId, Reason, State,
    Submission, Submitted,
};

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    (folder, file)
}

fn refusal(file: &PathBuf) -> Reason {
    match Engine::open(file, Options::default()) {
        Err(Error::Refused(reason)) => {
            let text = reason.to_string();
            assert!(text.contains(file.to_str().unwrap()), "{text}");
            reason
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the file was opened"),
    }
}

fn submission(id: &str) -> Submission {
    Submission {
        partition: "worker".into(),
        order: id.into(),
        replays: vec![id.into()],
        digest: Digest([7; 32]),
        body: b"body".to_vec(),
        memo: Vec::new(),
    }
}

#[tokio::test]
async fn an_order_survives_a_restart_at_every_step() {
    let (_folder, file) = file();
    let order = OrderId::from("order");
    let partition = PartitionId::from("worker");
    let open = || Engine::open(&file, Options::default()).unwrap();

    let submitted = open().submit(submission("order")).await.unwrap();
    assert_eq!(submitted, Submitted::Accepted);
    assert_eq!(Orders::get(&open(), &order).await.unwrap(), State::Queued);
    let minute = Duration::from_secs(60);
    let claim = async |engine: &Engine| {
        let claim = engine.claim(&partition, 5, minute, Duration::ZERO).await;
        let [lease] = <[_; 1]>::try_from(claim.unwrap()).unwrap();
        assert_eq!((lease.attempt, &lease.body[..]), (1, &b"body"[..]));
        lease.token
    };
    let completion = |token| Completion {
        order: order.clone(),
        token,
        result: b"result".to_vec(),
        appends: Vec::new(),
    };
    let first = claim(&open()).await;
    // The lease has ended with the engine that gave it.
    let engine = open();
    assert_eq!(Orders::get(&engine, &order).await, Ok(State::Queued));
    let lost = Completed::Lost(Lost::Expired);
    assert_eq!(engine.complete(completion(first)).await, Ok(lost));
    let second = claim(&engine).await;
    assert!(second > first);
    let stored = engine.complete(completion(second)).await;
    assert_eq!(stored, Ok(Completed::Stored));
    drop(engine);
    let stored = open().complete(completion(second)).await;
    assert_eq!(stored, Ok(Completed::AlreadyStored));
    let state = Orders::get(&open(), &order).await.unwrap();
    assert_eq!(state, State::Finished(b"result".to_vec()));
}

#[tokio::test]
async fn a_file_is_open_once_and_free_after_the_drop() {
    let (_folder, file) = file();
    let first = Engine::open(&file, Options::default()).unwrap();
    assert_eq!(refusal(&file), Reason::InUse(file.clone()));
    first.submit(submission("order")).await.unwrap();
    drop(first);
    let second = Engine::open(&file, Options::default()).unwrap();
    assert_eq!(second.counts().await.unwrap().queued, 1);
}

#[test]
fn a_file_is_for_its_owner_only() {
    let (_folder, file) = file();
    let _engine = Engine::open(&file, Options::default()).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_store_that_was_never_finished_is_made_again() {
    let (folder, file) = file();
    // What a crash while it was made leaves behind.
    std::fs::write(folder.path().join("store.redb.new"), [0; 10_000]).unwrap();
    drop(Engine::open(&file, Options::default()).unwrap());
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 1, "only the store is left");
}

#[test]
fn a_newer_schema_is_refused() {
    let (_folder, file) = file();
    drop(Engine::open(&file, Options::default()).unwrap());
    let database = Database::open(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    transaction
        .open_table(meta)
        .unwrap()
        .insert("schema", 3)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let expected = Reason::SchemaNewer {
        path: file.clone(),
        found: 3,
        known: 2,
    };
    assert_eq!(refusal(&file), expected);
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    for content in [&b"a diary"[..], &[0; 100_000], &[0xff; 4096]] {
        let (_folder, file) = file();
        std::fs::write(&file, content).unwrap();
        assert_eq!(refusal(&file).code(), "not-a-store");
        assert!(std::fs::read(&file).unwrap() == content);
    }
}

#[test]
fn another_redb_file_is_refused_and_left_alone() {
    let (_folder, file) = file();
    let database = Database::create(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    let foreign = TableDefinition::<u64, u64>::new("foreign");
    transaction
        .open_table(foreign)
        .unwrap()
        .insert(1, 1)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(refusal(&file).code(), "not-a-store");
}

#[test]
fn a_missing_folder_is_named() {
    let (_folder, file) = file();
    let file = file.join("deeper");
    let Err(Error::Unavailable(why)) = Engine::open(&file, Options::default()) else {
        panic!("opened");
    };
    assert!(why.contains(file.to_str().unwrap()), "{why}");
}

#[tokio::test]
async fn nothing_is_left_of_forgotten_orders() {
    let (_folder, file) = file();
    let engine = Engine::open(&file, Options::default()).unwrap();
    let (worker, now, minute) = (
        PartitionId::from("worker"),
        Duration::ZERO,
        Duration::from_secs(60),
    );
    for name in ["completed", "expired"] {
        engine.submit(submission(name)).await.unwrap();
    }
    for lease in engine.claim(&worker, 1, minute, now).await.unwrap() {
        let completion = Completion {
            order: lease.order,
            token: lease.token,
            result: b"result".to_vec(),
            appends: Vec::new(),
        };
        let completed = engine.complete(completion).await;
        assert_eq!(completed, Ok(Completed::Stored));
    }
    assert_eq!(engine.expire(&worker, now, b"result", 10).await, Ok(1));
    drop(engine);
    let left = ["finished_orders", "order_marks"];
    assert_eq!(tables_with_rows(&file), left, "bodies and queue are gone");

    let engine = Engine::open(&file, Options::default()).unwrap();
    assert_eq!(engine.evict(now, 10).await, Ok(2));
    drop(engine);
    assert_eq!(tables_with_rows(&file), ["index", "order_marks"]);

    let engine = Engine::open(&file, Options::default()).unwrap();
    assert_eq!(engine.forget_marks(&worker, now, 10).await, Ok(2));
    drop(engine);
    assert_eq!(tables_with_rows(&file), Vec::<String>::new());
}

/// But for those that every store has.
fn tables_with_rows(file: &PathBuf) -> Vec<String> {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_read().unwrap();
    let tables = transaction.list_tables().unwrap().filter_map(|handle| {
        let name = handle.name().to_owned();
        let table = transaction.open_untyped_table(handle).unwrap();
        let always = ["meta", "queues"].contains(&name.as_str());
        (!always && !table.is_empty().unwrap()).then_some(name)
    });
    let mut tables = tables.collect::<Vec<_>>();
    tables.sort();
    tables
}

#[tokio::test]
async fn callers_wait_for_room_in_the_queue() {
    let (_folder, file) = file();
    let options = Options {
        queue: 2,
        queue_bytes: 2000,
        group: 3,
        ..Options::default()
    };
    let engine = Arc::new(Engine::open(&file, options).unwrap());
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let engine = Arc::clone(&engine);
        callers.spawn(async move {
            let mut submission = submission(&number.to_string());
            // Some are larger than the whole room.
            submission.body = vec![0; 100 * number];
            engine.submit(submission).await
        });
    }
    for submitted in callers.join_all().await {
        assert_eq!(submitted, Ok(Submitted::Accepted));
    }
    assert_eq!(engine.counts().await.unwrap().queued, 100);
}

#[tokio::test]
async fn open_bodies_are_bounded_together() {
    let (_folder, file) = file();
    let options = Options {
        max_open_bytes: 1000,
        ..Options::default()
    };
    let open = || Engine::open(&file, options.clone()).unwrap();
    let sized = |name: &str, size| {
        let mut submission = submission(name);
        submission.body = vec![0; size];
        submission
    };
    let engine = open();
    let submitted = engine.submit(sized("a", 600)).await;
    assert_eq!(submitted, Ok(Submitted::Accepted));
    assert_eq!(engine.submit(sized("b", 401)).await, Ok(Submitted::Full));
    drop(engine);
    let engine = open();
    assert_eq!(engine.submit(sized("b", 401)).await, Ok(Submitted::Full));
    let submitted = engine.submit(sized("b", 400)).await;
    assert_eq!(submitted, Ok(Submitted::Accepted));
    let (worker, now) = (PartitionId::from("worker"), Duration::ZERO);
    assert_eq!(engine.expire(&worker, now, b"result", 10).await, Ok(2));
    let submitted = engine.submit(sized("c", 1000)).await;
    assert_eq!(submitted, Ok(Submitted::Accepted));
}

#[tokio::test]
async fn a_claim_answers_about_as_much_as_it_may() {
    let (_folder, file) = file();
    let options = Options {
        max_answer: 1000,
        ..Options::default()
    };
    let engine = Engine::open(&file, options).unwrap();
    for (name, size) in [("a", 400), ("b", 400), ("c", 400), ("d", 5000), ("e", 0)] {
        let mut submission = submission(name);
        submission.body = vec![0; size];
        engine.submit(submission).await.unwrap();
    }
    let mut claims = Vec::new();
    for _ in 0..4 {
        let minute = Duration::from_secs(60);
        let worker = PartitionId::from("worker");
        let claim = engine.claim(&worker, 10, minute, Duration::ZERO);
        claims.push(claim.await.unwrap().len());
    }
    assert_eq!(claims, [2, 1, 1, 1]);
}

#[tokio::test]
async fn commits_are_observed_and_looks_are_not() {
    let (_folder, file) = file();
    let engine = Engine::open(&file, Options::default()).unwrap();
    let seen: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
    let notes = Arc::clone(&seen);
    engine.observe_commits(move |operations, _took| notes.lock().unwrap().push(operations));
    engine.submit(submission("order")).await.unwrap();
    // Nothing changes, so nothing is committed.
    engine.submit(submission("order")).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1]);
}
