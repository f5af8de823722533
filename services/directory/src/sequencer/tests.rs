//! Updates are taken while an epoch is being sealed, and for as long as that takes.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use transparency::map::Hash;
use transparency::messages::{EntryUpdate, Profile};
use transparency::signature::SigningKey;
use transparency::update::Draft;

use super::*;
use crate::Directory;
use crate::apps::Apps;
use crate::storage::{Epoch, SignedHead, Signer, SignerError, Storage};

/// Far longer than a busy machine takes: here an answer comes, or it never does.
const NEVER: Duration = Duration::from_secs(30);

/// A directory without a wire, that makes an epoch at each change.
struct Site {
    runtime: Runtime,
    directory: Arc<Directory>,
    core: Arc<Core>,
    folder: TempDir,
}

impl Site {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let directory = open(folder.path(), &runtime);
        Self {
            core: Arc::clone(directory.core()),
            runtime,
            directory,
            folder,
        }
    }

    fn update(&self, user: &str, data: &str) -> EntryUpdate {
        let answer = self.directory.get(user).unwrap();
        let index = transparency::vrf::Output::from_slice(&answer.vrf);
        let index = index.unwrap().index();
        let profile = Profile([("notes".to_owned(), data.as_bytes().to_vec())].into());
        let key = SigningKey::from_scalar(&[7; 32]).unwrap();
        let draft = Draft {
            user,
            index: index.as_bytes(),
            previous: None,
            profile: &profile,
            authorized_keys: &[key.verifying_key().clone()],
            nonce: &[7; 16],
        };
        draft.sign(&[&key]).unwrap()
    }

    fn put(&self, user: &str, update: &EntryUpdate) -> Result<(), Refusal> {
        let put = async { timeout(NEVER, self.directory.put(user, update.clone())).await };
        let answered = self.runtime.block_on(put);
        answered.expect("an update is answered").map(drop)
    }

    fn advance(&self) -> u64 {
        let advance = async { timeout(NEVER, self.directory.advance()).await };
        let epoch = self.runtime.block_on(advance);
        epoch.expect("an epoch is published").unwrap()
    }

    /// Who stands in the feed, in its order.
    fn feed(&self, newest: u64) -> Vec<String> {
        let epochs = (0..=newest).map(|epoch| self.core.storage.mutations(epoch, 0, 100));
        let items = epochs.flat_map(Result::unwrap);
        items.map(|item| item.user).collect()
    }
}

fn open(folder: &Path, runtime: &Runtime) -> Arc<Directory> {
    let mut config = Config::new(folder);
    config.realm = "example.com".to_owned();
    config.apps = Apps::default();
    config.epoch = Duration::from_millis(1);
    config.heartbeat = Duration::from_secs(3600);
    let _guard = runtime.enter();
    Directory::open(&config).unwrap()
}

/// An epoch that is being sealed until it is let go, and then is none.
struct Slow {
    go: Option<Sender<()>>,
    sealing: Option<JoinHandle<()>>,
}

/// Waits before it refuses to sign.
struct Wait {
    begun: Sender<()>,
    go: Receiver<()>,
}

impl Signer for Wait {
    fn head(&mut self, _: u64, _: Hash) -> Result<SignedHead, SignerError> {
        self.begun.send(())?;
        let _ = self.go.recv();
        Err("refused".into())
    }

    fn checkpoint(&mut self, _: u64, _: Hash) -> Result<Vec<u8>, SignerError> {
        Err("refused".into())
    }
}

impl Slow {
    fn begin(storage: &Arc<Storage>) -> Self {
        let (begun, has_begun) = mpsc::channel();
        let (go, told) = mpsc::channel();
        let storage = Arc::clone(storage);
        let sealing = std::thread::spawn(move || {
            let mut signer = Wait { begun, go: told };
            let sealed = storage.seal(Epoch::default(), &mut signer);
            assert!(matches!(sealed, Err(Error::Unsigned(_))));
        });
        has_begun.recv().unwrap();
        Self {
            go: Some(go),
            sealing: Some(sealing),
        }
    }

    fn end(mut self) {
        self.go = None;
        self.sealing.take().unwrap().join().unwrap();
    }
}

fn users() -> Vec<String> {
    (0..20).map(|number| format!("user {number}")).collect()
}

#[test]
fn updates_are_taken_while_an_epoch_is_being_sealed() {
    let site = Site::open();
    let slow = Slow::begin(&site.core.storage);
    // The first wakes the thread that makes epochs, which is held up from then on.
    for user in users() {
        site.put(&user, &site.update(&user, "one")).unwrap();
    }
    // What was acknowledged is on disk, in the order in which it came, and nothing of it is applied.
    let queued = site.core.storage.queued().unwrap();
    let queued: Vec<_> = queued.into_iter().map(|one| one.pending.user).collect();
    assert_eq!(queued, users());
    assert_eq!(site.directory.epoch(), 0);
    // The same again is answered alike; another one has to wait for the epoch.
    site.put("user 3", &site.update("user 3", "one")).unwrap();
    let other = site.put("user 3", &site.update("user 3", "two"));
    assert!(matches!(other, Err(Refusal::Overtaken(_))), "{other:?}");
    slow.end();

    let newest = site.advance();
    assert_eq!(site.feed(newest), users());
    assert!(site.core.storage.queued().unwrap().is_empty());
    for user in users() {
        let answer = site.directory.get(&user).unwrap();
        assert!(answer.committed.is_some(), "{user}");
    }
}

#[test]
fn a_directory_that_stops_while_an_epoch_is_being_sealed_keeps_what_it_took() {
    let site = Site::open();
    let slow = Slow::begin(&site.core.storage);
    for user in users() {
        site.put(&user, &site.update(&user, "one")).unwrap();
    }
    let directory = Arc::clone(&site.directory);
    let stopping = std::thread::spawn(move || directory.stop());
    // It waits for the epoch, and takes nothing more in the end.
    let late = site.update("late", "one");
    let refused = std::iter::repeat_with(|| site.put("late", &late)).find(Result::is_err);
    assert!(matches!(refused, Some(Err(Refusal::Internal))));
    assert!(!stopping.is_finished());
    slow.end();
    stopping.join().unwrap();

    let Site {
        runtime,
        directory,
        core,
        folder,
    } = site;
    drop((directory, core));
    let directory = open(folder.path(), &runtime);
    let site = Site {
        core: Arc::clone(directory.core()),
        runtime,
        directory,
        folder,
    };
    let newest = site.advance();
    let mut there = site.feed(newest);
    // It may have come just before the end.
    there.retain(|user| user != "late");
    assert_eq!(there, users());
}
