//! Prints how many whole order cycles (submit, claim, complete, all on disk) one engine does a
//! second, by the number of concurrent callers, and how that changes with the stored orders.
//!
//! `cargo run --release -p sconce-store --example throughput [stored orders...]`

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sconce_store::redb::{Engine, Options};
use sconce_store::{
    Completed, Completion, Digest, OrderId, Orders, PartitionId, State, Submission,
};

/// Bytes of an encrypted "hello" request and of its stored result, about.
const BODY: usize = 1900;
const RESULT: usize = 700;
const TIME: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("store.redb");
    let options = Options {
        max_orders: u64::MAX,
        max_open_bytes: u64::MAX,
        max_finished: u64::MAX,
        ..Options::default()
    };
    let engine = Arc::new(Engine::open(&file, options)?);
    let ids = Arc::new(AtomicU64::new(0));
    let steps = std::env::args().skip(1).map(|stored| stored.parse::<u64>());
    println!(
        "  stored  callers  cycles/s  CPU/cycle  of it writer  submit p50  cycle p50   cycle p99  \
         get p50  get p99  file bytes/order"
    );
    for stored in std::iter::once(Ok(0)).chain(steps) {
        fill(&engine, &ids, stored?).await?;
        for callers in [1, 16, 64] {
            measure(&engine, &ids, callers, &file).await?;
        }
    }
    Ok(())
}

/// Runs cycles until so many orders have been stored.
async fn fill(engine: &Arc<Engine>, ids: &Arc<AtomicU64>, stored: u64) -> anyhow::Result<()> {
    let tasks = (0..128).map(|caller| {
        let (engine, ids) = (Arc::clone(engine), Arc::clone(ids));
        tokio::spawn(async move {
            while ids.load(Ordering::Relaxed) < stored {
                cycle(&engine, &ids, caller).await?;
            }
            anyhow::Ok(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}

async fn measure(
    engine: &Arc<Engine>,
    ids: &Arc<AtomicU64>,
    callers: u64,
    file: &Path,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    let before = Cpu::now()?;
    let tasks = (0..callers).map(|caller| {
        let (engine, ids) = (Arc::clone(engine), Arc::clone(ids));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while begin.elapsed() < TIME {
                times.push(cycle(&engine, &ids, caller).await?);
            }
            anyhow::Ok(times)
        })
    });
    let mut submits = Vec::new();
    let mut cycles = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        for (submit, cycle) in task.await?? {
            submits.push(submit);
            cycles.push(cycle);
        }
    }
    let after = Cpu::now()?;
    let rate = cycles.len() as f64 / begin.elapsed().as_secs_f64();
    let each = |from: u64, to: u64| (to - from) as f64 / 1000.0 / cycles.len() as f64;
    let (all, writer) = (
        each(before.all, after.all),
        each(before.writer, after.writer),
    );
    submits.sort();
    cycles.sort();
    let stored = engine.counts().await?.finished;
    let gets = gets(engine, ids.load(Ordering::Relaxed)).await?;
    println!(
        "{stored:8}  {callers:7}  {rate:8.0}  {all:6.0} µs  {writer:9.0} µs  {:7.2} ms  {:6.2} ms  \
         {:7.2} ms  {:4} µs  {:4} µs  {:16}",
        milliseconds(submits[submits.len() / 2]),
        milliseconds(cycles[cycles.len() / 2]),
        milliseconds(cycles[cycles.len() * 99 / 100]),
        gets[gets.len() / 2].as_micros(),
        gets[gets.len() * 99 / 100].as_micros(),
        std::fs::metadata(file)?.len() / stored.max(1),
    );
    Ok(())
}

/// Processor time of this process, in nanoseconds.
struct Cpu {
    all: u64,
    /// Of the engine's own thread.
    writer: u64,
}

impl Cpu {
    fn now() -> anyhow::Result<Self> {
        let mut cpu = Self { all: 0, writer: 0 };
        for task in std::fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            let used = std::fs::read_to_string(task.join("schedstat"))?;
            let used = used.split(' ').next().context("an empty schedstat")?;
            let used = used.parse::<u64>()?;
            cpu.all += used;
            if std::fs::read_to_string(task.join("comm"))?.trim() == "store-writer" {
                cpu.writer += used;
            }
        }
        Ok(cpu)
    }
}

/// How long it takes to fetch results, of orders from all over the file.
async fn gets(engine: &Engine, ids: u64) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 0..10_000_u64 {
        // A prime number of steps through all orders, so that neighbours are far apart.
        let order = OrderId::from(scattered(number * 7919 % ids));
        let begin = Instant::now();
        let state = Orders::get(engine, &order).await?;
        times.push(begin.elapsed());
        ensure!(matches!(state, State::Finished(_)));
    }
    times.sort();
    Ok(times)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// One order from submission to result; the times that the submission and all of it took.
async fn cycle(
    engine: &Engine,
    ids: &AtomicU64,
    caller: u64,
) -> anyhow::Result<(Duration, Duration)> {
    let begin = Instant::now();
    let number = ids.fetch_add(1, Ordering::Relaxed);
    let id = scattered(number);
    // A partition for each caller, so that each claims its own order.
    let partition = PartitionId::from(format!("worker-{caller}"));
    engine
        .submit(Submission {
            partition: partition.clone(),
            order: OrderId::from(id.as_str()),
            replays: vec![format!("requester-{caller}/{id}").into()],
            digest: Digest([1; 32]),
            body: vec![b'b'; BODY],
            memo: Vec::new(),
        })
        .await?;
    let submitted = begin.elapsed();
    let lease = engine
        .claim(&partition, 1, Duration::from_secs(60), Duration::ZERO)
        .await?
        .pop()
        .context("the order was not there")?;
    let completed = engine
        .complete(Completion {
            order: lease.order,
            token: lease.token,
            result: vec![b'r'; RESULT],
            appends: Vec::new(),
        })
        .await?;
    ensure!(completed == Completed::Stored);
    Ok((submitted, begin.elapsed()))
}

/// Ids as requesters choose them: 64 hexadecimal digits without order.
fn scattered(number: u64) -> String {
    let mut id = String::with_capacity(64);
    let mut state = number;
    for _ in 0..4 {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        id.push_str(&format!("{:016x}", word ^ (word >> 31)));
    }
    id
}
