//! Tests: whose an id or replay key is, while fingerprints wait for the index, are swept into it,
//! are evicted and forgotten and used again, and the store is opened anew in between.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::disk::Disk;
use super::{Engine, Options, Slot, clock, open};
use crate::{
    Completed, Completion, Digest, OrderId, Orders, PartitionId, State, Submission, Submitted,
    Token,
};

const MINUTE: Duration = Duration::from_secs(60);
const NOW: Duration = Duration::ZERO;

/// Few enough that each is used again and again, and more than wait for the index.
const NAMES: u64 = 1500;

/// Replay keys to choose from, likewise.
const KEYS: u64 = 2500;

/// What the store has to know, one step after the other.
struct Model {
    orders: BTreeMap<u64, Known>,
    /// Who owns which replay key.
    keys: BTreeMap<u64, u64>,
    /// Those whose marks are kept, the oldest first.
    marked: VecDeque<u64>,
    /// Those that have ended and are kept, the oldest first.
    finished: VecDeque<u64>,
    held: BTreeMap<u64, Token>,
    most: usize,
}

struct Known {
    key: u64,
    marked: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Open,
    Finished,
    Evicted,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Submit { name: u64, key: u64 },
    Complete { name: u64, token: Token },
    Evict { limit: usize },
    Forget { limit: usize },
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Submitted(Submitted),
    Completed(Completed),
    Count(usize),
}

impl Model {
    fn take(&mut self, step: Step) -> Answer {
        match step {
            Step::Submit { name, key } => Answer::Submitted(self.submit(name, key)),
            Step::Complete { name, .. } => {
                self.set(name, Stage::Finished);
                self.finished.push_back(name);
                let excess = self.finished.len().saturating_sub(self.most);
                self.evict(excess.min(8));
                Answer::Completed(Completed::Stored)
            }
            Step::Evict { limit } => Answer::Count(self.evict(limit)),
            Step::Forget { limit } => Answer::Count(self.forget(limit)),
        }
    }

    fn submit(&mut self, name: u64, key: u64) -> Submitted {
        match self.orders.get(&name).map(|known| known.stage) {
            Some(Stage::Evicted) => return Submitted::DuplicateOrder,
            Some(_) => return Submitted::AlreadyAccepted,
            None => {}
        }
        if self.keys.contains_key(&key) {
            return Submitted::Replayed;
        }
        let (marked, stage) = (true, Stage::Open);
        self.orders.insert(name, Known { key, marked, stage });
        self.keys.insert(key, name);
        self.marked.push_back(name);
        Submitted::Accepted
    }

    fn evict(&mut self, limit: usize) -> usize {
        let count = limit.min(self.finished.len());
        for name in self.finished.drain(..count).collect::<Vec<_>>() {
            self.set(name, Stage::Evicted);
            self.free(name);
        }
        count
    }

    fn forget(&mut self, limit: usize) -> usize {
        let count = limit.min(self.marked.len());
        for name in self.marked.drain(..count).collect::<Vec<_>>() {
            let known = self.orders.get_mut(&name).unwrap();
            known.marked = false;
            assert_eq!(self.keys.remove(&known.key), Some(name));
            self.free(name);
        }
        count
    }

    fn set(&mut self, name: u64, stage: Stage) {
        self.orders.get_mut(&name).unwrap().stage = stage;
    }

    /// An id is free when neither result nor mark is kept.
    fn free(&mut self, name: u64) {
        let known = &self.orders[&name];
        if known.stage == Stage::Evicted && !known.marked {
            self.orders.remove(&name);
        }
    }

    fn is_as(&self, name: u64, state: &State) -> bool {
        match self.orders.get(&name).map(|known| known.stage) {
            None => *state == State::Unknown,
            Some(Stage::Open) => matches!(state, State::Queued | State::Leased),
            Some(Stage::Finished) => *state == State::Finished(name.to_string().into_bytes()),
            Some(Stage::Evicted) => *state == State::Evicted,
        }
    }
}

/// Chooses (xorshift).
struct Luck(u64);

impl Luck {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn limit(&mut self) -> usize {
        usize::try_from(self.below(30)).unwrap()
    }
}

fn start(disk: &Disk, most: usize) -> Arc<Engine> {
    let again = disk.clone();
    let slot = Slot::new(disk.open().unwrap(), move || again.open());
    let options = Options {
        max_finished: most as u64,
        ..Options::default()
    };
    Arc::new(Engine::start(slot, PathBuf::from("a test"), options, clock::wall()).unwrap())
}

fn worker() -> PartitionId {
    "worker".into()
}

fn id(name: u64) -> OrderId {
    name.to_string().as_str().into()
}

async fn perform(engine: Arc<Engine>, step: Step) -> Answer {
    match step {
        Step::Submit { name, key } => {
            let submission = Submission {
                partition: worker(),
                order: id(name),
                replays: vec![key.to_string().as_str().into()],
                digest: Digest([0; 32]),
                body: name.to_string().into(),
                memo: Vec::new(),
            };
            Answer::Submitted(engine.submit(submission).await.unwrap())
        }
        Step::Complete { name, token } => {
            let completion = Completion {
                order: id(name),
                token,
                result: name.to_string().into(),
                appends: Vec::new(),
            };
            Answer::Completed(engine.complete(completion).await.unwrap())
        }
        Step::Evict { limit } => Answer::Count(engine.evict(NOW, limit).await.unwrap()),
        Step::Forget { limit } => {
            let forgotten = engine.forget_marks(&worker(), NOW, limit).await;
            Answer::Count(forgotten.unwrap())
        }
    }
}

/// Steps that are asked for together, so that some share a commit; the writer takes them in turn.
fn steps(model: &mut Model, luck: &mut Luck) -> Vec<Step> {
    let count = 1 + luck.below(24);
    let mut held: VecDeque<_> = std::mem::take(&mut model.held).into_iter().collect();
    let mut steps = Vec::new();
    for _ in 0..count {
        steps.push(match luck.below(100) {
            0..=1 => Step::Evict {
                limit: luck.limit(),
            },
            2..=3 => Step::Forget {
                limit: luck.limit(),
            },
            4..=45 if !held.is_empty() => {
                let (name, token) = held.pop_front().unwrap();
                Step::Complete { name, token }
            }
            _ => Step::Submit {
                name: luck.below(NAMES),
                key: luck.below(KEYS),
            },
        });
    }
    model.held.extend(held);
    steps
}

async fn round(engine: &Arc<Engine>, model: &mut Model, luck: &mut Luck, seed: u64) {
    let mut calls = JoinSet::new();
    let steps = steps(model, luck);
    for (place, step) in steps.iter().copied().enumerate() {
        let engine = Arc::clone(engine);
        calls.spawn(async move { (place, perform(engine, step).await) });
    }
    let mut answers = calls.join_all().await;
    answers.sort_unstable_by_key(|(place, _)| *place);
    for ((_, answer), step) in answers.into_iter().zip(&steps) {
        assert_eq!(answer, model.take(*step), "{step:?} of {seed}");
    }
    let limit = luck.limit();
    for lease in engine.claim(&worker(), limit, MINUTE, NOW).await.unwrap() {
        let name = String::from_utf8(lease.body).unwrap().parse().unwrap();
        assert_eq!(model.orders[&name].stage, Stage::Open, "{name} of {seed}");
        assert_eq!(model.held.insert(name, lease.token), None);
    }
}

async fn compare(engine: &Engine, model: &Model, seed: u64) {
    for name in 0..NAMES {
        let state = engine.get(&id(name)).await.unwrap();
        assert!(model.is_as(name, &state), "{name} of {seed} is {state:?}");
    }
}

#[tokio::test]
async fn ids_and_keys_belong_to_one_order_until_they_are_forgotten() {
    for seed in 1..=6 {
        let disk = Disk::new(seed);
        open::found(&disk.open().unwrap()).unwrap();
        let mut model = Model {
            orders: BTreeMap::new(),
            keys: BTreeMap::new(),
            marked: VecDeque::new(),
            finished: VecDeque::new(),
            held: BTreeMap::new(),
            most: if seed % 2 == 0 { 20 } else { 10_000 },
        };
        let mut luck = Luck(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut indexed = BTreeSet::new();
        let mut engine = start(&disk, model.most);
        for number in 0..600 {
            round(&engine, &mut model, &mut luck, seed).await;
            if luck.below(40) == 0 {
                compare(&engine, &model, seed).await;
                drop(engine);
                engine = start(&disk, model.most);
                model.held.clear();
            }
            if number % 50 == 0 {
                compare(&engine, &model, seed).await;
            }
            indexed.insert(super::lock(&engine.shared.memory).counters.indexed);
        }
        compare(&engine, &model, seed).await;
        let sweeps = indexed.len() - 1;
        assert_eq!(sweeps > 0, model.most > 100, "{sweeps} sweeps of {seed}");
    }
}
