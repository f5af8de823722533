//! akd, the auditable key directory of the WhatsApp configuration, in memory: what the same steps cost there.

use std::time::Instant;

use akd::append_only_zks::AzksParallelismConfig;
use akd::directory::Directory;
use akd::ecvrf::HardCodedAkdVRF;
use akd::storage::StorageManager;
use akd::storage::memory::AsyncInMemoryDatabase;
use akd::{AkdLabel, AkdValue, WhatsAppV1Configuration};
use sconce_benches::figures::{mib, ms, us};

use crate::step::{memory, processor};
use crate::users;

type Peer = Directory<WhatsAppV1Configuration, AsyncInMemoryDatabase, HardCodedAkdVRF>;

/// Users that are published at once.
const BATCH: u64 = 10_000;
/// Lookups that are proven.
const LOOKUPS: u64 = 1000;

/// Publishes so many users, updates some, and proves some.
pub(crate) fn measure(count: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let storage = StorageManager::new_no_cache(AsyncInMemoryDatabase::new());
        let parallel = AzksParallelismConfig::default();
        let peer = Peer::new(storage, HardCodedAkdVRF {}, parallel)
            .await
            .expect("a directory");
        import(&peer, count).await;
        for updates in [1, 100, 1000] {
            epochs(&peer, count, updates).await;
        }
        lookups(&peer, count).await;
    });
    println!("          at the end: resident {}", mib(memory("VmRSS:")));
}

fn entry(n: u64, version: u64) -> (AkdLabel, AkdValue) {
    let value = users::mutation(n, users::index(n), version).leaf;
    (AkdLabel(users::id(n).into_bytes()), AkdValue(value))
}

async fn import(peer: &Peer, count: u64) {
    let (wall, cpu) = (Instant::now(), processor());
    for first in (0..count).step_by(BATCH as usize) {
        let batch = (first..count.min(first + BATCH)).map(|n| entry(n, 0));
        peer.publish(batch.collect()).await.expect("an epoch");
    }
    println!(
        "{count:>9} users: published with VRF in {:.2} s, {:.2} s of processor time",
        wall.elapsed().as_secs_f64(),
        (processor() - cpu).as_secs_f64()
    );
}

async fn epochs(peer: &Peer, count: u64, updates: u64) {
    const EPOCHS: u64 = 3;
    let (wall, cpu) = (Instant::now(), processor());
    for round in 0..EPOCHS {
        let batch = (0..updates)
            .map(|n| (round * updates + n) * 7919 % count)
            .map(|n| entry(n, 1000 * updates + round));
        peer.publish(batch.collect()).await.expect("an epoch");
    }
    println!(
        "          epoch of {updates:>4} updates: {} of processor time, {} each",
        ms((processor() - cpu) / EPOCHS as u32),
        ms(wall.elapsed() / EPOCHS as u32)
    );
}

async fn lookups(peer: &Peer, count: u64) {
    let (wall, cpu) = (Instant::now(), processor());
    for n in 0..LOOKUPS {
        let label = AkdLabel(users::id(n * 7919 % count).into_bytes());
        peer.lookup(label).await.expect("a proof");
    }
    println!(
        "          proof of known users: {} of processor time, {} each",
        us((processor() - cpu) / LOOKUPS as u32),
        us(wall.elapsed() / LOOKUPS as u32)
    );
}
