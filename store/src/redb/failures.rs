//! Tests: a disk that fails. What was not stored is not acknowledged, and callers learn whether
//! anything may have happened.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::disk::{Disk, Mode};
use super::{Engine, Options, Slot, clock, open};
use crate::{
    Completed, Completion, Digest, Error, Held, Lost, OrderId, Orders, PartitionId, State,
    Submission, Submitted,
};

const NOW: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_secs(60);

/// A store on a new disk.
fn engine() -> (Engine, Disk) {
    let disk = Disk::new(1);
    open::found(&disk.open().unwrap()).unwrap();
    (start(&disk).unwrap(), disk)
}

fn start(disk: &Disk) -> Result<Engine, Error> {
    start_at(disk, clock::wall())
}

/// Opens the store on a disk at a time of the wall clock.
fn start_at(disk: &Disk, wall: u64) -> Result<Engine, Error> {
    start_with(disk, wall, Options::default())
}

fn start_with(disk: &Disk, wall: u64, options: Options) -> Result<Engine, Error> {
    let database = disk.open()?;
    let again = disk.clone();
    let slot = Slot::new(database, move || again.open());
    Engine::start(slot, PathBuf::from("a test"), options, wall)
}

fn submission(name: &str) -> Submission {
    Submission {
        partition: "worker".into(),
        order: name.into(),
        replays: vec![name.into()],
        digest: Digest([0; 32]),
        body: vec![0; 10_000],
        memo: Vec::new(),
    }
}

#[tokio::test]
async fn a_commit_that_fails_is_not_acknowledged() {
    for mode in [Mode::RefuseWrites, Mode::RefuseSync, Mode::ReadOnly] {
        let (engine, disk) = engine();
        let first = engine.submit(submission("first")).await;
        assert_eq!(first, Ok(Submitted::Accepted));
        disk.set(mode);
        let error = engine.submit(submission("second")).await.unwrap_err();
        assert!(
            matches!(error, Error::Unknown(_) | Error::Unavailable(_)),
            "{error}"
        );

        // Everyone after it is told, too, and nobody hangs.
        for name in ["second", "third"] {
            let error = engine.submit(submission(name)).await.unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error}");
        }
        // Closing an engine on a broken disk ends.
        drop(engine);
    }
}

#[tokio::test]
async fn one_batch_is_answered_as_one() {
    let (engine, disk) = engine();
    let engine = Arc::new(engine);
    disk.set(Mode::RefuseSync);
    let mut callers = JoinSet::new();
    for number in 0..20 {
        let engine = Arc::clone(&engine);
        callers.spawn(async move { engine.submit(submission(&number.to_string())).await });
    }
    for answer in callers.join_all().await {
        let error = answer.unwrap_err();
        assert!(!matches!(error, Error::Refused(_)), "{error}");
    }
    let state = engine.get(&"0".into()).await;
    assert!(!matches!(state, Ok(State::Queued)), "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_heals_with_its_disk() {
    for mode in [Mode::RefuseWrites, Mode::RefuseSync, Mode::ReadOnly] {
        let (engine, disk) = engine();
        let engine = Arc::new(engine);
        let first = engine.submit(submission("first")).await;
        assert_eq!(first, Ok(Submitted::Accepted));
        let waiter = Arc::clone(&engine);
        let claim = tokio::spawn(async move {
            let (elsewhere, minute) = ("another worker".into(), Duration::from_secs(60));
            waiter.claim(&elsewhere, 1, minute, minute).await
        });
        tokio::time::sleep(Duration::from_millis(50)).await;

        disk.set(mode);
        engine.submit(submission("second")).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let read = engine.get(&"first".into()).await;
        let unavailable = matches!(read, Err(Error::Unavailable(_)));
        assert!(unavailable || read == Ok(State::Queued), "{read:?}");
        let written = engine.submit(submission("second")).await.unwrap_err();
        assert!(matches!(written, Error::Unavailable(_)), "{written}");

        disk.set(Mode::Work);
        let mut third = submission("third");
        third.partition = "another worker".into();
        let submitted = until_answered(|| engine.submit(third.clone())).await;
        assert_eq!(submitted, Submitted::Accepted);
        let leases = claim.await.unwrap().unwrap();
        assert_eq!(
            leases.len(),
            1,
            "who waited before the failure is served after it"
        );
        assert_eq!(engine.get(&"first".into()).await, Ok(State::Queued));
        let again = engine.submit(submission("second")).await;
        let known = [Submitted::Accepted, Submitted::AlreadyAccepted];
        assert!(known.contains(&again.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_outlives_a_failure_of_the_disk() {
    for mode in [Mode::RefuseWrites, Mode::RefuseSync] {
        let (engine, disk) = engine();
        engine.submit(submission("held")).await.unwrap();
        let leases = engine.claim(&worker(), 1, MINUTE, NOW).await.unwrap();
        let (order, token) = (leases[0].order.clone(), leases[0].token);
        disk.set(mode);
        let result = completion(&order, token);
        let error = engine.complete(result.clone()).await.unwrap_err();
        assert!(!matches!(error, Error::Refused(_)), "{error}");
        // Nobody else gets it, whether its end is on disk or not.
        for _ in 0..5 {
            let claim = engine.claim(&worker(), 1, MINUTE, NOW).await;
            assert!(claim.is_err() || claim == Ok(Vec::new()), "{claim:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        disk.set(Mode::Work);
        let completed = until_answered(|| engine.complete(result.clone())).await;
        let ended = [Completed::Stored, Completed::AlreadyStored];
        assert!(ended.contains(&completed), "{completed:?}");
        let state = engine.get(&order).await;
        assert_eq!(state, Ok(State::Finished(b"result".to_vec())));
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_not_opened() {
    let (engine, disk) = engine();
    engine.submit(submission("order")).await.unwrap();
    drop(engine);
    for mode in [Mode::ReadOnly, Mode::RefuseWrites, Mode::RefuseSync] {
        disk.set(mode);
        let error = start(&disk).err().unwrap();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
    }
    disk.set(Mode::Work);
    let engine = start(&disk).unwrap();
    assert_eq!(engine.get(&"order".into()).await, Ok(State::Queued));
}

/// What a crowd was told.
#[derive(Default)]
struct Told {
    accepted: Vec<String>,
    stored: BTreeMap<String, u64>,
}

impl Told {
    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.stored.extend(other.stored);
    }

    /// All of it is so.
    async fn check(&self, engine: &Engine) {
        for name in &self.accepted {
            let again = until_answered(|| engine.submit(small(name))).await;
            let evicted = engine.get(&name.as_str().into()).await == Ok(State::Evicted);
            let expected = if evicted {
                Submitted::DuplicateOrder
            } else {
                Submitted::AlreadyAccepted
            };
            assert_eq!(again, expected, "{name}");
            let mut replayed = small(name);
            replayed.order = "another".into();
            let replayed = until_answered(|| engine.submit(replayed.clone())).await;
            assert_eq!(replayed, Submitted::Replayed, "{name}");
        }
        let mut evicted = 0;
        for (name, token) in &self.stored {
            let order = OrderId::from(name.as_str());
            let state = until_answered(|| engine.get(&order)).await;
            let result = State::Finished(token.to_string().into_bytes());
            assert!(state == result || state == State::Evicted, "{name}");
            evicted += usize::from(state == State::Evicted);
        }
        let most = usize::try_from(engine.shared.options.max_finished).unwrap_or(usize::MAX);
        assert_eq!(
            evicted > 0,
            self.stored.len() > most,
            "only the bound evicts"
        );
    }
}

fn small(name: &str) -> Submission {
    Submission {
        body: name.into(),
        ..submission(name)
    }
}

/// Works on a store until an answer is an error, or so many orders are through.
async fn crowd(engine: &Arc<Engine>, life: u64, orders: u64) -> Told {
    let mut crowd = JoinSet::new();
    for worker in 0..8 {
        let engine = Arc::clone(engine);
        crowd.spawn(async move {
            let mut told = Told::default();
            for number in 0..orders {
                let name = format!("{life}/{worker}/{number}");
                if one(&engine, &name, &mut told).await.is_err() {
                    // Others go on.
                    tokio::task::yield_now().await;
                }
            }
            told
        });
    }
    let mut told = Told::default();
    while let Some(one) = crowd.join_next().await {
        told.add(one.unwrap());
    }
    told
}

/// Submits one order and completes some other.
async fn one(engine: &Engine, name: &str, told: &mut Told) -> Result<(), Error> {
    let submitted = engine.submit(small(name)).await?;
    assert_eq!(submitted, Submitted::Accepted);
    told.accepted.push(name.to_owned());
    for lease in engine.claim(&worker(), 1, MINUTE, NOW).await? {
        let name = String::from_utf8(lease.body).unwrap();
        assert_eq!(lease.order, name.as_str().into());
        let completion = Completion {
            result: lease.token.0.to_string().into_bytes(),
            ..completion(&lease.order, lease.token)
        };
        if engine.complete(completion).await? == Completed::Stored {
            let before = told.stored.insert(name.clone(), lease.token.0);
            assert_eq!(before, None, "{name} was stored twice");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_when_the_power_is_cut() {
    let mut in_the_middle = 0;
    for seed in 0..20_u64 {
        let disk = Disk::new(seed);
        open::found(&disk.open().unwrap()).unwrap();
        let options = Options {
            // Every other store has no room for all.
            max_finished: if seed % 2 == 0 { u64::MAX } else { 40 },
            ..Options::default()
        };
        let start = || start_with(&disk, clock::wall(), options.clone()).unwrap();
        let mut told = Told::default();
        for life in 0..4 {
            let engine = Arc::new(start());
            told.check(&engine).await;
            let cut = disk.clone();
            let after = Duration::from_millis(1 + (seed * 7 + life * 13) % 40);
            let cutter = tokio::spawn(async move {
                tokio::time::sleep(after).await;
                cut.set(Mode::Dead);
            });
            let now = crowd(&engine, life, 40).await;
            in_the_middle += u32::from((1..8 * 40).contains(&now.accepted.len()));
            told.add(now);
            cutter.await.unwrap();
            drop(engine);
            disk.restart();
        }
        let engine = start();
        told.check(&engine).await;
        drain(&engine).await;
    }
    println!("{in_the_middle} of 80 cuts came in the middle of the work");
    assert!(in_the_middle > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_on_a_disk_that_fails_now_and_then() {
    for seed in 0..6_u64 {
        let disk = Disk::new(seed);
        open::found(&disk.open().unwrap()).unwrap();
        let engine = Arc::new(start(&disk).unwrap());
        disk.set(Mode::Flaky(150));
        let told = crowd(&engine, seed, 30).await;
        assert!(disk.failures() > 0, "the disk never failed");
        disk.set(Mode::Work);
        told.check(&engine).await;
        drain(&engine).await;
        drop(engine);
        told.check(&start(&disk).unwrap()).await;
    }
}

/// Everything that is open can be ended.
async fn drain(engine: &Engine) {
    let worker = worker();
    loop {
        let leases = until_answered(|| engine.claim(&worker, 100, MINUTE, NOW)).await;
        if leases.is_empty() {
            break;
        }
        for lease in leases {
            let result = completion(&lease.order, lease.token);
            let completed = until_answered(|| engine.complete(result.clone())).await;
            assert_eq!(completed, Completed::Stored);
        }
    }
    assert_eq!(engine.counts().await.unwrap().queued, 0);
}

/// Whatever the wall clock says at each start, nothing waits for it to come round again.
#[tokio::test]
async fn a_wall_clock_that_jumps_leaves_no_order_stuck() {
    const DAY: u64 = 24 * 3600 * 1000;
    let wall = clock::wall();
    let walls = [
        wall,
        wall + 400 * DAY,
        wall - 400 * DAY,
        0,
        wall + DAY,
        wall,
    ];
    let disk = Disk::new(1);
    open::found(&disk.open().unwrap()).unwrap();
    for (number, wall) in walls.into_iter().enumerate() {
        let engine = start_at(&disk, wall).unwrap();
        // What an earlier run left behind can be taken, and is of an age that makes sense.
        let leases = engine.claim(&worker(), 10, MINUTE, NOW).await.unwrap();
        assert_eq!(leases.len(), number.min(1), "run {number}");
        for lease in &leases {
            let completed = engine.complete(completion(&lease.order, lease.token)).await;
            assert_eq!(completed, Ok(Completed::Stored));
        }
        let name = format!("order {number}");
        engine.submit(small(&name)).await.unwrap();
        let brief = Duration::from_millis(30);
        let first = engine.claim(&worker(), 1, brief, NOW).await.unwrap();
        assert!(first[0].age < MINUTE, "{:?}", first[0].age);
        let second = engine.claim(&worker(), 1, brief, MINUTE).await.unwrap();
        assert_eq!(second[0].order, first[0].order, "the lease runs out");
        let late = engine.extend(&first[0].order, first[0].token, MINUTE).await;
        assert_eq!(late, Ok(Held::Lost(Lost::Superseded)));
        drop(engine);
    }
    let engine = start_at(&disk, 0).unwrap();
    assert_eq!(engine.expire(&worker(), NOW, b"late", 10).await, Ok(1));
    assert!(engine.evict(NOW, 10).await.unwrap() > 0);
    let finished = engine.counts().await.unwrap().finished;
    assert_eq!(finished, 0);
    let marks = walls.len();
    assert_eq!(engine.forget_marks(&worker(), NOW, 10).await, Ok(marks));
}

fn worker() -> PartitionId {
    "worker".into()
}

fn completion(order: &OrderId, token: crate::Token) -> Completion {
    Completion {
        order: order.clone(),
        token,
        result: b"result".to_vec(),
        appends: Vec::new(),
    }
}

/// Repeats a call until it has an answer.
async fn until_answered<T, F: Future<Output = Result<T, Error>>>(mut call: impl FnMut() -> F) -> T {
    for _ in 0..400 {
        match call().await {
            Ok(answer) => return answer,
            Err(Error::Refused(reason)) => panic!("{reason}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
    panic!("the store does not recover");
}
