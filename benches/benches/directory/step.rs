//! One step of growth: an import, and then a process that serves and seals.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use directory::engine::Engine;
use directory::storage::{Epoch, Options, SignedHead, Signer, SignerError, Stage, Storage};
use sconce_benches::arguments;
use sconce_benches::figures::{median, mib, ms, percentile, promise, us};
use transparency::map::{Hash, MapId, root_of};
use transparency::vrf::SecretKey;

use crate::users;

/// Proofs that are made at each step.
const PROOFS: u64 = 20_000;
/// Epochs of each size at each step, and their updates.
const EPOCHS: u64 = 10;
const UPDATES: [u64; 3] = [1, 100, 1000];

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Branch versions that are removed at once.
const REMOVED: usize = 2000;
/// The users that promises are about.
const FULL: u64 = 1_000_000;

/// Signs nothing: signatures are not the store's.
struct Unsigned;

impl Signer for Unsigned {
    fn head(&mut self, _: u64, root: Hash) -> Result<SignedHead, SignerError> {
        Ok(SignedHead {
            head: [root; 12].concat(),
            sct: root.repeat(4),
            entry: [root; 15].concat(),
        })
    }

    fn checkpoint(&mut self, _: u64, root: Hash) -> Result<Vec<u8>, SignerError> {
        Ok(root.repeat(6))
    }
}

fn opened<E: Engine>(folder: &Path, retention: Duration) -> Storage<E> {
    let mut options = Options::new(MapId::new("bench.example").expect("a short name"));
    options.retention = retention;
    Storage::open(folder, options).expect("the store opens")
}

/// Imports so many users into an empty folder.
pub(crate) fn import<E: Engine>(folder: &Path, count: u64) {
    let key = (arguments::value("--vrf", 0u8) > 0)
        .then(|| SecretKey::from_bytes(&[7; 32]).expect("a key"));
    let storage = opened::<E>(folder, WEEK);
    let (wall, cpu) = (Instant::now(), processor());
    let imported = storage.import(
        now(),
        0..count,
        |n| users::imported(n, key.as_ref()),
        &mut Unsigned,
        &|stage| {
            if let Stage::Built(256) = stage {
                eprintln!("  built after {:.1} s", wall.elapsed().as_secs_f64());
            }
        },
    );
    let sealed = imported.expect("an import");
    storage.publish(sealed.checkpoint).expect("it is published");
    storage.settle().expect("it settles");
    let (took, disk) = (wall.elapsed(), disk(folder));
    println!(
        "{count:>9} users: imported {} VRF in {:.2} s, {:.2} s of processor time; peak {}; disk {}, {:.0} bytes a user",
        if key.is_some() { "with" } else { "without" },
        took.as_secs_f64(),
        (processor() - cpu).as_secs_f64(),
        mib(memory("VmHWM:")),
        mib(disk),
        disk as f64 / count as f64,
    );
    if count == FULL {
        let limit = 60 * if key.is_some() { 10 } else { 5 };
        let kept = took < Duration::from_secs(limit);
        let promised = format!("under {} minutes", limit / 60);
        promise(
            "import of a million users",
            format!("{took:.0?}"),
            &promised,
            kept,
        );
        let kept = disk < 1_500_000_000;
        promise("disk of a million users", mib(disk), "under 1.5 GB", kept);
    }
}

/// Opens what was imported, proves and seals.
pub(crate) fn serve<E: Engine>(folder: &Path, count: u64) {
    let begin = Instant::now();
    let storage = opened::<E>(folder, WEEK);
    println!(
        "          opened in {}, resident {}",
        ms(begin.elapsed()),
        mib(memory("VmRSS:"))
    );
    if arguments::value("--vrf", 0u8) > 0 {
        // The indices that the VRF gave are not made up again.
        return;
    }
    let proof = proofs(&storage, count);
    let mut epoch = Duration::ZERO;
    for updates in UPDATES {
        epoch = epochs(&storage, count, updates.min(count));
    }
    proofs(&storage, count);
    let resident = memory("VmRSS:");
    note(count, epoch);
    if count == FULL {
        let kept = proof < Duration::from_micros(100);
        promise(
            "proof among a million users",
            us(proof),
            "under 100 µs",
            kept,
        );
        let kept = epoch < Duration::from_millis(250);
        let what = "processor time of 1000 updates of a million users";
        promise(what, ms(epoch), "under 250 ms", kept);
        let kept = resident < 300_000_000;
        let what = "memory of a directory of a million users";
        promise(what, mib(resident), "under 300 MB", kept);
    }
    println!(
        "          at the end: resident {}, peak {}; disk {}",
        mib(resident),
        mib(memory("VmHWM:")),
        mib(disk(folder))
    );
    drop(storage);
    removals::<E>(folder);
}

/// Removes what the epochs replaced, as if a week had passed.
fn removals<E: Engine>(folder: &Path) {
    let storage = opened::<E>(folder, Duration::ZERO);
    let epoch = Epoch {
        issued: now(),
        ..Epoch::default()
    };
    storage.seal(epoch, &mut Unsigned).expect("an epoch");
    let (mut removed, mut times) = (0, Vec::new());
    let cpu = processor();
    loop {
        let begin = Instant::now();
        let count = storage.collect(REMOVED).expect("versions are removed");
        times.push(begin.elapsed());
        removed += count;
        if count < REMOVED {
            break;
        }
    }
    println!(
        "          removed {removed} replaced branches: {} of processor time, some {REMOVED} at once in p50 {}, longest {}",
        ms(processor() - cpu),
        ms(median(&mut times)),
        ms(percentile(&mut times, 100))
    );
}

/// Notes the cost of an epoch of 1000 updates for [`judge`].
fn note(count: u64, epoch: Duration) {
    let path = arguments::value("--figures", String::new());
    if !path.is_empty() {
        let mut lines = fs::read_to_string(&path).expect("the figures so far");
        lines += &format!("{count} {}\n", epoch.as_nanos());
        fs::write(path, lines).expect("the figures are noted");
    }
}

/// Says whether an epoch costs the same in a large directory as in a small one.
pub(crate) fn judge(figures: &Path) {
    let lines = fs::read_to_string(figures).expect("the figures");
    let costs: Vec<u64> = lines
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.parse().ok())
        .collect();
    if let (Some(least), Some(most)) = (costs.iter().min(), costs.iter().max()) {
        let times = *most as f64 / *least as f64;
        let what = "an epoch of 1000 updates in the largest and the smallest directory";
        promise(
            what,
            format!("{times:.2} times"),
            "within 2 times",
            times < 2.0,
        );
    }
}

/// Gives the processor time of a proof.
fn proofs<E: Engine>(storage: &Storage<E>, count: u64) -> Duration {
    let mut of_known = Duration::ZERO;
    for (what, from) in [("known", 0), ("absent", count)] {
        let snapshot = storage.snapshot().expect("an epoch");
        let map = MapId::new("bench.example").expect("a short name");
        let mut times = Vec::new();
        let cpu = processor();
        let proofs = if from == 0 { PROOFS } else { PROOFS / 10 };
        let mut last = None;
        for n in 0..proofs {
            let index = users::index(from + (n * 7919) % count);
            let begin = Instant::now();
            let proof = snapshot.prove(&index).expect("a proof");
            times.push(begin.elapsed());
            assert_eq!(proof.leaf.is_some(), from == 0);
            last = Some((index, proof));
        }
        let cpu = (processor() - cpu) / proofs as u32;
        if from == 0 {
            of_known = cpu;
        }
        let (index, proof) = last.expect("a proof");
        let leaf = proof.leaf.as_ref().map(|leaf| &leaf.leaf[..]);
        assert_eq!(
            root_of(&map, &proof.map, &index, leaf),
            snapshot.head().root
        );
        println!(
            "          proof of {what} users: {} of processor time, p50 {}, p99 {}",
            us(cpu),
            us(median(&mut times)),
            us(percentile(&mut times, 99))
        );
    }
    of_known
}

/// Gives the processor time of an epoch.
fn epochs<E: Engine>(storage: &Storage<E>, count: u64, updates: u64) -> Duration {
    let mut times = Vec::new();
    let mut cpu = Duration::ZERO;
    for round in 0..EPOCHS {
        let epoch = Epoch {
            issued: now(),
            // Each user once: a step that shares no factor with the count.
            mutations: (0..updates)
                .map(|n| (round * updates + n) * 7919 % count)
                .map(|n| users::mutation(n, users::index(n), updates + round))
                .collect(),
            settled: Vec::new(),
        };
        let (wall, before) = (Instant::now(), processor());
        let sealed = storage.seal(epoch, &mut Unsigned).expect("an epoch");
        storage.publish(sealed.checkpoint).expect("it is published");
        times.push(wall.elapsed());
        cpu += processor() - before;
    }
    println!(
        "          epoch of {updates:>4} updates: {} of processor time, p50 {}, longest {}",
        ms(cpu / EPOCHS as u32),
        ms(median(&mut times)),
        ms(percentile(&mut times, 100))
    );
    cpu / EPOCHS as u32
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_millis() as u64
}

/// Processor time of this process, all its threads included.
pub(crate) fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Bytes, from a line of `/proc/self/status`.
pub(crate) fn memory(line: &str) -> u64 {
    let status =
        fs::read_to_string("/proc/self/status").expect("what the kernel says of a process");
    let value = status.lines().find_map(|found| found.strip_prefix(line));
    let kib = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("kilobytes") * 1024
}

/// Bytes that the files below a folder take on the disk.
fn disk(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| match path.is_dir() {
            true => disk(&path),
            false => fs::metadata(&path).map_or(0, |data| data.blocks() * 512),
        })
        .sum()
}
