//! A store that is full of finished orders, made through the store itself while no platform uses
//! it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::{SystemEntropy, WorkerId};
use store::redb::{Engine, Options};
use store::{
    Completion, Counts, Digest, OrderId, Orders, PartitionId, ReplayKey, Submission, Submitted,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::requesters::WORKER;

/// Sizes of what is stored of an order.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Of the request's text.
    pub request: usize,
    /// Of the stored result.
    pub result: usize,
}

/// Orders that are submitted together.
const BATCH: u64 = 1000;

/// Adds finished orders to a platform's store until there are so many.
///
/// # Panics
///
/// If the store can't be used, or refuses an order.
pub fn fill(data: &Path, wanted: u64, sizes: Sizes) {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let options = Options {
            max_finished: u64::MAX,
            ..Options::default()
        };
        let engine = Engine::open(data.join("store.redb"), options).expect("the store");
        let engine = Arc::new(engine);
        loop {
            let finished = counts(&engine).await.finished;
            if finished >= wanted {
                return;
            }
            batch(&engine, BATCH.min(wanted - finished), sizes).await;
        }
    });
}

/// How many finished orders a platform's store holds.
///
/// # Panics
///
/// If the store can't be used.
pub fn finished(data: &Path) -> u64 {
    let runtime = Runtime::new().expect("a runtime");
    let engine = Engine::open(data.join("store.redb"), Options::default()).expect("the store");
    runtime.block_on(counts(&engine)).finished
}

async fn counts(engine: &Engine) -> Counts {
    engine.counts().await.expect("counts")
}

async fn batch(engine: &Arc<Engine>, orders: u64, sizes: Sizes) {
    let partition = PartitionId::from(WorkerId::from_name(WORKER).as_str());
    let mut tasks = JoinSet::new();
    for _ in 0..orders {
        let engine = Arc::clone(engine);
        let submission = order(partition.clone(), sizes.request);
        tasks.spawn(async move {
            let taken = engine.submit(submission).await.expect("the store");
            assert_eq!(taken, Submitted::Accepted);
        });
    }
    tasks.join_all().await;

    let limit = usize::try_from(orders).expect("few");
    let lease = Duration::from_secs(600);
    let mut tasks = JoinSet::new();
    let mut claimed = 0;
    while claimed < limit {
        let leases = engine.claim(&partition, limit, lease, Duration::ZERO).await;
        for lease in leases.expect("leases") {
            claimed += 1;
            let engine = Arc::clone(engine);
            let completion = Completion {
                order: lease.order,
                token: lease.token,
                result: filling(sizes.result),
                appends: Vec::new(),
            };
            tasks.spawn(async move { engine.complete(completion).await.expect("the store") });
        }
    }
    tasks.join_all().await;
}

/// Ids and keys of the lengths that requesters' have, at places as random as theirs.
fn order(partition: PartitionId, request: usize) -> Submission {
    Submission {
        partition,
        order: OrderId::from(hex::encode(random::<32>())),
        replays: vec![
            ReplayKey::new([b"nonce ".as_slice(), &filling(150)].concat()),
            ReplayKey::new([b"ids ".as_slice(), &random::<32>()].concat()),
        ],
        digest: Digest(random()),
        body: filling(request),
        memo: filling(150),
    }
}

fn random<const N: usize>() -> [u8; N] {
    let entropy: &dyn protocol::Entropy = &SystemEntropy::new();
    entropy.bytes().expect("randomness")
}

/// Random bytes, then one letter: random enough for a key, quick enough for a million.
fn filling(length: usize) -> Vec<u8> {
    let mut bytes = random::<32>().to_vec();
    bytes.resize(length, b'x');
    bytes
}
