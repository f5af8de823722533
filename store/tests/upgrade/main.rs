//! Files of earlier releases, which are brought to the present layout when they are opened.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like tests"
)]

mod old;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};
use sconce_store::redb::{Engine, Options};
use sconce_store::{
    Completed, Completion, Digest, Held, Lost, OrderId, Orders, PartitionId, State, Submission,
    Submitted, Table, Token, Version,
};

/// The time that the old file has seen last.
const BEFORE: u64 = 1_700_000_000_000;

/// A child that is being started holds, for a moment, what its parent has open, and with it the locks
/// of stores.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(600);

/// An order in the old file.
#[derive(Clone, Copy)]
struct Sample {
    number: u64,
    partition: u32,
    fate: Fate,
    /// Its mark was not forgotten.
    marked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Queued,
    Leased,
    Finished,
    /// Finished without a lease.
    Expired,
    Evicted,
}

const FATES: [Fate; 5] = [
    Fate::Finished,
    Fate::Queued,
    Fate::Evicted,
    Fate::Leased,
    Fate::Expired,
];

impl Sample {
    /// So many orders, of all kinds in both partitions; the marks of the first tenth of one
    /// partition are forgotten.
    fn all(count: u64) -> Vec<Self> {
        let sample = |number| Self {
            number,
            partition: u32::from(number % 3 == 0),
            fate: FATES[usize::try_from(number % 5).unwrap()],
            marked: number % 3 == 0 || number >= count / 10,
        };
        (0..count).map(sample).collect()
    }

    fn id(&self) -> String {
        format!("order {}", self.number)
    }

    fn replay(&self) -> String {
        format!("nonce {}", self.number)
    }

    fn digest(&self) -> Digest {
        let mut digest = [7; 32];
        digest[..8].copy_from_slice(&self.number.to_be_bytes());
        Digest(digest)
    }

    /// What a lease in the old file had, or the one that finished the order.
    fn token(&self, number: u64) -> u64 {
        match self.fate {
            Fate::Leased | Fate::Finished => number,
            _ => 0,
        }
    }

    fn submission(&self) -> Submission {
        Submission {
            partition: partition(self.partition),
            order: self.id().into(),
            replays: vec![self.replay().into()],
            digest: self.digest(),
            body: b"body".to_vec(),
            memo: Vec::new(),
        }
    }
}

fn partition(number: u32) -> PartitionId {
    format!("worker {number}").into()
}

#[tokio::test]
async fn an_old_file_is_upgraded() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let samples = Sample::all(5000);
    old::write(&file, &samples);
    let engine = Engine::open(&file, Options::default()).unwrap();
    check(&engine, &samples).await;
    drop(engine);
    assert_no_old_table(&file);
}

#[tokio::test]
async fn an_empty_old_file_is_upgraded() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    old::write(&file, &[]);
    let engine = Engine::open(&file, Options::default()).unwrap();
    check(&engine, &[]).await;
}

/// `kill -9` in the middle, again and again, loses nothing.
#[tokio::test]
async fn an_upgrade_that_is_killed_goes_on() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let samples = Sample::all(40_000);
    old::write(&file, &samples);
    let mut in_the_middle = 0;
    for life in 1..=20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child", "--nocapture"])
            .env(FILE, &file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(60 * life));
        child.kill().unwrap();
        child.wait().unwrap();
        match left(&file) {
            Left::Nothing => break,
            Left::Something => in_the_middle += 1,
            Left::Everything => {}
        }
    }
    println!("killed {in_the_middle} times in the middle");
    assert!(in_the_middle > 0, "no kill came in the middle");
    let engine = Engine::open(&file, Options::default()).unwrap();
    check(&engine, &samples).await;
    drop(engine);
    assert_no_old_table(&file);
}

const FILE: &str = "SCONCE_STORE_UPGRADE_FILE";

#[test]
#[ignore = "an_upgrade_that_is_killed_goes_on starts it"]
fn child() {
    if let Ok(file) = std::env::var(FILE) {
        drop(Engine::open(file, Options::default()).unwrap());
    }
}

/// What of an upgrade is left to do.
enum Left {
    Everything,
    Something,
    Nothing,
}

fn left(file: &Path) -> Left {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_read().unwrap();
    let meta = TableDefinition::<&str, u64>::new("meta");
    let meta = transaction.open_table(meta).unwrap();
    if meta.get("schema").unwrap().unwrap().value() == 1 {
        Left::Everything
    } else if meta.get("upgrading").unwrap().is_some() {
        Left::Something
    } else {
        Left::Nothing
    }
}

fn assert_no_old_table(file: &Path) {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_read().unwrap();
    let tables = transaction.list_tables().unwrap();
    let mut names = tables
        .map(|table| table.name().to_owned())
        .collect::<Vec<_>>();
    names.sort();
    let expected = [
        "finished_orders",
        "index",
        "meta",
        "open_orders",
        "order_marks",
        "queues",
        "rows",
    ];
    assert_eq!(names, expected);
}

/// Everything that was in the old file is there, and does what it did.
async fn check(engine: &Engine, samples: &[Sample]) {
    let count = |fates: &[Fate]| {
        let those = samples.iter().filter(|sample| fates.contains(&sample.fate));
        those.count() as u64
    };
    let counts = engine.counts().await.unwrap();
    let open = count(&[Fate::Queued, Fate::Leased]);
    let finished = count(&[Fate::Finished, Fate::Expired]);
    assert_eq!((counts.queued, counts.leased), (open, 0));
    assert_eq!(counts.finished, finished);
    let row = Table::get(engine, &partition(1), &"key".into()).await;
    let row = row.unwrap().unwrap();
    assert_eq!((row.version, &row.value[..]), (Version(5), &b"record"[..]));

    for (number, sample) in (10..).zip(samples) {
        check_order(engine, sample, Token(sample.token(number))).await;
    }
    check_queues(engine, samples).await;
    check_marks(engine, samples).await;
}

async fn check_order(engine: &Engine, sample: &Sample, token: Token) {
    let id = OrderId::from(sample.id());
    let state = Orders::get(engine, &id).await.unwrap();
    let expected = match sample.fate {
        Fate::Queued | Fate::Leased => State::Queued,
        Fate::Finished | Fate::Expired => State::Finished(b"result".to_vec()),
        Fate::Evicted if sample.marked => State::Evicted,
        Fate::Evicted => State::Unknown,
    };
    assert_eq!(state, expected, "{id:?}");
    if expected == State::Unknown {
        return;
    }
    let again = engine.submit(sample.submission()).await.unwrap();
    assert_eq!(
        again,
        match sample.fate {
            Fate::Evicted => Submitted::DuplicateOrder,
            _ => Submitted::AlreadyAccepted,
        }
    );
    let mut other = sample.submission();
    other.order = format!("another than {}", sample.number).into();
    if sample.marked {
        assert_eq!(engine.submit(other).await, Ok(Submitted::Replayed));
    }
    let held = engine.extend(&id, token, LONG).await.unwrap();
    let completion = Completion {
        order: id,
        token,
        result: b"late".to_vec(),
        appends: Vec::new(),
    };
    let completed = engine.complete(completion).await.unwrap();
    let (lost, expected) = match sample.fate {
        Fate::Queued | Fate::Leased => (Lost::Expired, Completed::Lost(Lost::Expired)),
        Fate::Finished => (Lost::Superseded, Completed::AlreadyStored),
        Fate::Expired | Fate::Evicted => (Lost::Gone, Completed::Lost(Lost::Gone)),
    };
    assert_eq!((held, completed), (Held::Lost(lost), expected));
}

/// Open orders come in the order in which they were submitted, with larger tokens.
async fn check_queues(engine: &Engine, samples: &[Sample]) {
    for queue in 0..2 {
        let open = samples.iter().filter(|sample| {
            sample.partition == queue && matches!(sample.fate, Fate::Queued | Fate::Leased)
        });
        let mut leases = Vec::new();
        loop {
            let more = engine.claim(&partition(queue), 1000, LONG, NOW).await;
            let more = more.unwrap();
            if more.is_empty() {
                break;
            }
            leases.extend(more);
        }
        let ids = open.map(|sample| OrderId::from(sample.id()));
        assert!(ids.eq(leases.iter().map(|lease| lease.order.clone())));
        for lease in leases {
            assert_eq!((lease.attempt, &lease.body[..]), (1, &b"body"[..]));
            assert!(lease.token.0 > samples.len() as u64 + 10);
        }
    }
}

/// Marks are forgotten one by one, as if they had been made by this release.
async fn check_marks(engine: &Engine, samples: &[Sample]) {
    let Some(oldest) = samples.iter().find(|sample| sample.marked) else {
        return;
    };
    let queue = partition(oldest.partition);
    assert_eq!(engine.forget_marks(&queue, NOW, 1).await, Ok(1));
    let mut other = oldest.submission();
    other.order = "another".into();
    assert_eq!(engine.submit(other).await, Ok(Submitted::Accepted));
    let marked = samples
        .iter()
        .filter(|sample| sample.marked && sample.partition == oldest.partition);
    let left = marked.count();
    let mut forgotten = 0;
    loop {
        let more = engine.forget_marks(&queue, NOW, 1000).await.unwrap();
        if more == 0 {
            break;
        }
        forgotten += more;
    }
    assert_eq!(forgotten, left, "all others and the one that just came");
}
