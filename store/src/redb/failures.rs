//! Tests: a disk that fails. What was not stored is not acknowledged, and callers learn whether
//! anything may have happened.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend};

use super::{Engine, Options, open};
use crate::{Digest, Error, Orders, State, Submission, Submitted};

/// What the disk does.
const WORK: u8 = 0;
const REFUSE_WRITES: u8 = 1;
const REFUSE_SYNC: u8 = 2;

#[derive(Debug)]
struct Disk {
    memory: InMemoryBackend,
    mode: Arc<AtomicU8>,
}

impl Disk {
    fn fail(&self, mode: u8) -> io::Result<()> {
        if self.mode.load(Ordering::SeqCst) == mode {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.fail(REFUSE_WRITES)?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fail(REFUSE_SYNC)?;
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.fail(REFUSE_WRITES)?;
        self.memory.write(offset, data)
    }
}

fn engine() -> (Engine, Arc<AtomicU8>) {
    let mode = Arc::new(AtomicU8::new(WORK));
    let disk = Disk {
        memory: InMemoryBackend::new(),
        mode: Arc::clone(&mode),
    };
    let options = Options::default();
    let database = Database::builder().create_with_backend(disk).unwrap();
    open::found(&database, &options).unwrap();
    (Engine::start(database, 0, options).unwrap(), mode)
}

fn submission(name: &str) -> Submission {
    Submission {
        partition: "worker".into(),
        order: name.into(),
        replays: vec![name.into()],
        digest: Digest([0; 32]),
        body: vec![0; 100_000],
    }
}

#[tokio::test]
async fn a_commit_that_fails_is_not_acknowledged() {
    for mode in [REFUSE_WRITES, REFUSE_SYNC] {
        let (engine, disk) = engine();
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
    let (engine, disk) = engine();
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
