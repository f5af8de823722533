//! Tests: a disk that fails. What was not stored is not acknowledged, and callers learn whether
//! anything may have happened.

use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{BackendError, Database, StorageBackend};

use super::{Engine, Options, Slot, clock, open};
use crate::{Digest, Error, Orders, State, Submission, Submitted};

/// What the disk does.
const WORK: u8 = 0;
const REFUSE_WRITES: u8 = 1;
const REFUSE_SYNC: u8 = 2;

#[derive(Debug)]
struct Disk {
    file: FileBackend,
    mode: Arc<AtomicU8>,
}

impl Disk {
    fn open(path: &Path, mode: &Arc<AtomicU8>) -> Result<Database, Error> {
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).open(path).unwrap();
        let disk = Self {
            file: FileBackend::new(file).unwrap(),
            mode: Arc::clone(mode),
        };
        let database = Database::builder().create_with_backend(disk);
        database.map_err(|error| Error::Unavailable(error.to_string()))
    }

    fn fail(&self, mode: u8) -> io::Result<()> {
        if self.mode.load(Ordering::SeqCst) == mode {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.fail(REFUSE_WRITES)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fail(REFUSE_SYNC)?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.fail(REFUSE_WRITES)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

/// An engine on such a disk, and what makes the disk fail. The file goes with the folder.
fn engine() -> (Engine, Arc<AtomicU8>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let options = Options::default();
    drop(open::open(&path, &options).unwrap());
    let mode = Arc::new(AtomicU8::new(WORK));
    let database = Disk::open(&path, &mode).unwrap();
    let (file, reopened) = (path.clone(), Arc::clone(&mode));
    let slot = Slot::new(database, move || Disk::open(&file, &reopened));
    let engine = Engine::start(slot, path, options, clock::wall()).unwrap();
    (engine, mode, folder)
}

fn submission(name: &str) -> Submission {
    Submission {
        partition: "worker".into(),
        order: name.into(),
        replays: vec![name.into()],
        digest: Digest([0; 32]),
        body: vec![0; 100_000],
        memo: Vec::new(),
    }
}

#[tokio::test]
async fn a_commit_that_fails_is_not_acknowledged() {
    for mode in [REFUSE_WRITES, REFUSE_SYNC] {
        let (engine, disk, _folder) = engine();
        let first = engine.submit(submission("first")).await;
        assert_eq!(first, Ok(Submitted::Accepted));
        disk.store(mode, Ordering::SeqCst);
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
    let (engine, disk, _folder) = engine();
    let engine = Arc::new(engine);
    disk.store(REFUSE_SYNC, Ordering::SeqCst);
    let mut callers = tokio::task::JoinSet::new();
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
    for mode in [REFUSE_WRITES, REFUSE_SYNC] {
        let (engine, disk, _folder) = engine();
        let engine = Arc::new(engine);
        let first = engine.submit(submission("first")).await;
        assert_eq!(first, Ok(Submitted::Accepted));
        let waiter = Arc::clone(&engine);
        let claim = tokio::spawn(async move {
            let (elsewhere, minute) = ("another worker".into(), Duration::from_secs(60));
            waiter.claim(&elsewhere, 1, minute, minute).await
        });
        tokio::time::sleep(Duration::from_millis(50)).await;

        disk.store(mode, Ordering::SeqCst);
        engine.submit(submission("second")).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let read = engine.get(&"first".into()).await;
        let unavailable = matches!(read, Err(Error::Unavailable(_)));
        assert!(unavailable || read == Ok(State::Queued), "{read:?}");
        let written = engine.submit(submission("second")).await.unwrap_err();
        assert!(matches!(written, Error::Unavailable(_)), "{written}");

        disk.store(WORK, Ordering::SeqCst);
        let mut third = submission("third");
        third.partition = "another worker".into();
        let mut submitted = engine.submit(third.clone()).await;
        for _ in 0..100 {
            if submitted.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            submitted = engine.submit(third.clone()).await;
        }
        assert_eq!(submitted, Ok(Submitted::Accepted));
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
