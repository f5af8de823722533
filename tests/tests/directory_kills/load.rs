//! Owners of entries: they update them at a steady rate, and verify what they are answered.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::directory::Directory;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use transparency::log::Hash;
use transparency::memory::Memory;
use transparency::messages::{EntryUpdate, GetEntryResponse, Profile};
use transparency::note::{Checkpoint, Note};
use transparency::signature::SigningKey;
use transparency::trust::Trust;
use transparency::update::Draft;
use transparency::verifier::Verifier;
use transparency::vrf::Output;

use crate::PATIENCE;
use crate::site::Site;

/// Updates a second, of all.
const RATE: u32 = 500;

/// Who update at the same time, each so many entries in turn.
const OWNERS: u32 = 16;
const ENTRIES: u32 = 50;

/// What an update is refused with while the one before it waits, or before it is shown.
const EARLY: [&str; 2] = ["directory.mutation", "kt.update-previous"];

/// What happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) acknowledged: u64,
    /// Sent, and the directory was gone before it answered.
    pub(crate) unknown: u64,
    /// Refused because the update before was not shown yet.
    pub(crate) early: u64,
    pub(crate) verified: u64,
}

#[derive(Default)]
struct Counters {
    acknowledged: AtomicU64,
    unknown: AtomicU64,
    early: AtomicU64,
    verified: AtomicU64,
    enough: AtomicBool,
    shown: Mutex<BTreeSet<(u64, Hash)>>,
}

/// Owners at work.
pub(crate) struct Load {
    counters: Arc<Counters>,
    owners: Vec<JoinHandle<Vec<Account>>>,
}

/// What the owners have at the end.
pub(crate) struct Accounts {
    all: Vec<Account>,
    counters: Arc<Counters>,
}

/// One entry.
struct Account {
    user: String,
    index: Option<[u8; 32]>,
    /// The newest entry that is known to be there, or to come.
    base: Option<Vec<u8>>,
    /// Sent after that, and perhaps taken.
    unknown: Vec<Vec<u8>>,
    acknowledged: Vec<Vec<u8>>,
    number: u64,
}

/// One who updates.
struct Owner {
    key: SigningKey,
    directory: Directory,
    verifier: Verifier,
    memory: Memory,
    counters: Arc<Counters>,
}

impl Load {
    pub(crate) fn start(site: &Site, trust: &Trust, seed: u64, runtime: &Runtime) -> Self {
        let counters = Arc::<Counters>::default();
        let owner = |number: u32| {
            let mut scalar = [1; 32];
            scalar[24..].copy_from_slice(&(seed ^ u64::from(number)).to_be_bytes());
            let owner = Owner {
                key: SigningKey::from_scalar(&scalar).unwrap(),
                directory: site.client(),
                verifier: Verifier::new(trust).unwrap(),
                memory: Memory::default(),
                counters: Arc::clone(&counters),
            };
            runtime.spawn(owner.work(number))
        };
        Self {
            owners: (0..OWNERS).map(owner).collect(),
            counters,
        }
    }

    pub(crate) fn sums(&self) -> Sums {
        self.counters.sums()
    }

    /// Until so many updates have been acknowledged.
    pub(crate) fn wait_for(&self, acknowledged: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.sums().acknowledged < acknowledged {
            assert!(
                Instant::now() < deadline,
                "nothing is acknowledged: {:?}",
                self.sums()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets them end.
    pub(crate) fn finish(self, runtime: &Runtime) -> (Sums, Accounts) {
        self.counters.enough.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for owner in self.owners {
            all.extend(runtime.block_on(owner).unwrap());
        }
        let counters = self.counters;
        (counters.sums(), Accounts { all, counters })
    }
}

impl Counters {
    fn sums(&self) -> Sums {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Sums {
            acknowledged: read(&self.acknowledged),
            unknown: read(&self.unknown),
            early: read(&self.early),
            verified: read(&self.verified),
        }
    }
}

impl Accounts {
    /// Everything that the directory has acknowledged.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = &[u8]> {
        self.all
            .iter()
            .flat_map(|one| one.acknowledged.iter().map(|value| &**value))
    }

    /// The checkpoints that clients were shown.
    pub(crate) fn checkpoints(&self) -> BTreeSet<(u64, Hash)> {
        self.counters.shown.lock().unwrap().clone()
    }

    /// Entries that are not what was acknowledged last, or what was sent after that; waits until they
    /// can be.
    pub(crate) fn unsettled(&self, site: &Site, runtime: &Runtime) -> Vec<String> {
        let client = site.client();
        let mut broken = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        for account in &self.all {
            loop {
                let answer = runtime.block_on(client.get(&account.user));
                let leaf = answer.ok().and_then(|answer| leaf(&answer));
                if leaf == account.base || leaf.is_some_and(|leaf| account.unknown.contains(&leaf))
                {
                    break;
                }
                if Instant::now() > deadline {
                    broken.push(format!("{}: its last update is lost", account.user));
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        broken
    }
}

impl Owner {
    async fn work(mut self, number: u32) -> Vec<Account> {
        let account = |entry: u32| Account {
            user: format!("user-{number}-{entry}"),
            index: None,
            base: None,
            unknown: Vec::new(),
            acknowledged: Vec::new(),
            number: 0,
        };
        let mut accounts: Vec<_> = (0..ENTRIES).map(account).collect();
        let mut tick = interval(Duration::from_secs(1) * OWNERS / RATE);
        // What could not be done while the directory was away is made up for.
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut turn = 0;
        while !self.counters.enough.load(Ordering::Relaxed) {
            tick.tick().await;
            let count = accounts.len();
            self.update(&mut accounts[turn % count]).await;
            turn += 1;
        }
        accounts
    }

    /// Updates an entry once; without an answer, looks what has become of it.
    async fn update(&mut self, account: &mut Account) {
        if (account.index.is_none() || !account.unknown.is_empty()) && !self.look(account).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
            return;
        }
        let update = account.next(&self.key);
        let value = update.update.key_value.value.clone();
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        match self.directory.put(&account.user, &update).await {
            Ok(_) => {
                account.acknowledged.push(value.clone());
                account.base = Some(value);
                account.unknown.clear();
                count(&self.counters.acknowledged);
            }
            Err(error) if error.is_passing() => {
                account.unknown.push(value);
                count(&self.counters.unknown);
            }
            // What this owner or one before it put is waiting yet.
            Err(error) => {
                let code = error.code();
                assert!(EARLY.contains(&code), "{error}: {code}");
                count(&self.counters.early);
                self.look(account).await;
            }
        }
    }

    /// Sees and verifies what is there; whether there was an answer.
    async fn look(&mut self, account: &mut Account) -> bool {
        let Ok(answer) = self.directory.get(&account.user).await else {
            return false;
        };
        let user = &account.user;
        let verified = self.verifier.verify(user, &answer, None, &mut self.memory);
        let verified = verified.unwrap_or_else(|error| panic!("{user}: {error}"));
        assert!(verified.witnesses() >= 2);
        self.counters.verified.fetch_add(1, Ordering::Relaxed);
        let shown = &answer.log_proof.as_ref().unwrap().checkpoint;
        let shown = Checkpoint::parse(&Note::parse(shown).unwrap().text).unwrap();
        self.counters
            .shown
            .lock()
            .unwrap()
            .insert((shown.size, shown.root));
        let output = Output::from_slice(&answer.vrf).unwrap();
        account.index = Some(*output.index().as_bytes());
        // One whose end was unknown has been applied after all.
        if let Some(leaf) = leaf(&answer).filter(|leaf| account.unknown.contains(leaf)) {
            account.base = Some(leaf);
            account.unknown.clear();
        }
        true
    }
}

impl Account {
    fn next(&mut self, key: &SigningKey) -> EntryUpdate {
        self.number += 1;
        let data = format!("{} {}", self.user, self.number).into_bytes();
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.number.to_be_bytes());
        let draft = Draft {
            user: &self.user,
            index: self.index.as_ref().unwrap(),
            previous: self.base.as_deref(),
            profile: &Profile([("notes".to_owned(), data)].into()),
            authorized_keys: &[key.verifying_key().clone()],
            nonce: &nonce,
        };
        draft.sign(&[key]).unwrap()
    }
}

fn leaf(answer: &GetEntryResponse) -> Option<Vec<u8>> {
    let leaf = &answer.leaf_proof.as_ref()?.leaf_data;
    (!leaf.is_empty()).then(|| leaf.clone())
}
