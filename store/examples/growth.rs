//! Prints what an order costs as finished orders pile up: processor time and wall time of a cycle
//! (submit, claim, complete), memory, and room on disk; in the end, how long it takes to open the
//! file again after a crash, and to drop everything.
//!
//! `cargo run --release -p sconce-store --example growth [most orders]` (default 1 000 000)

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sconce_store::redb::{Engine, Options};
use sconce_store::{
    Completed, Completion, Digest, OrderId, Orders, PartitionId, ReplayKey, Submission,
};

/// Bytes of a request for the smallest workload and of its stored result, about.
const REQUEST: usize = 1900;
const RESULT: usize = 700;

const CALLERS: u64 = 16;

/// Cycles that each line is measured over.
const SAMPLE: u64 = 5000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let most = std::env::args().nth(1).map(|most| most.parse::<u64>());
    let most = most.transpose()?.unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("store.redb");
    let options = Options {
        max_finished: u64::MAX,
        ..Options::default()
    };
    let engine = Arc::new(Engine::open(&file, options.clone())?);
    println!("an order: {REQUEST} bytes of request, {RESULT} of result; {CALLERS} callers");
    println!("  finished  CPU/cycle  wall/cycle  resident     file  a finished order");
    // Warm up.
    cycles(&engine, 100).await?;
    let mut steps = std::iter::successors(Some(100), |orders| Some(orders * 10));
    while let Some(orders) = steps.next().filter(|orders| *orders <= most) {
        let finished = engine.counts().await?.finished;
        cycles(&engine, orders.saturating_sub(finished)).await?;
        measure(&engine, orders).await?;
    }
    let crashed = folder.path().join("crashed.redb");
    std::fs::copy(&file, &crashed)?;
    reopen(&crashed, &options)?;
    std::fs::remove_file(&crashed)?;
    let_go(&engine).await
}

/// Drops everything, results first.
async fn let_go(engine: &Engine) -> anyhow::Result<()> {
    const BATCH: usize = 1000;
    let worker = worker();
    for what in ["evicted", "forgot"] {
        let (begin, cpu) = (Instant::now(), processor_time()?);
        let mut gone = 0;
        loop {
            let more = match what {
                "evicted" => engine.evict(Duration::ZERO, BATCH).await?,
                _ => engine.forget_marks(&worker, Duration::ZERO, BATCH).await?,
            };
            gone += more;
            if more == 0 {
                break;
            }
        }
        let cpu = processor_time()?.saturating_sub(cpu);
        let took = begin.elapsed();
        println!("{what} {gone} orders in {took:.1?}, {cpu:.1?} of processor time");
    }
    Ok(())
}

fn worker() -> PartitionId {
    PartitionId::from("0".repeat(64))
}

async fn measure(engine: &Arc<Engine>, orders: u64) -> anyhow::Result<()> {
    // Room on disk first: the sample would weigh much at the beginning.
    let bytes = engine.counts().await?.bytes;
    let (begin, cpu) = (Instant::now(), processor_time()?);
    cycles(engine, SAMPLE).await?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / SAMPLE as f64;
    println!(
        "{orders:10}  {:6.0} µs  {:7.0} µs  {:5} MB  {:4} MB  {:5} bytes",
        each(processor_time()?.saturating_sub(cpu)),
        each(begin.elapsed()),
        resident()? >> 20,
        bytes >> 20,
        bytes / orders,
    );
    Ok(())
}

/// Opens a copy that was made of an open file, which is what a crash leaves.
fn reopen(file: &Path, options: &Options) -> anyhow::Result<()> {
    for after in ["a crash", "a clean end"] {
        let (begin, cpu) = (Instant::now(), processor_time()?);
        drop(Engine::open(file, options.clone())?);
        let cpu = processor_time()?.saturating_sub(cpu);
        let took = begin.elapsed();
        println!("opened after {after} in {took:.1?}, {cpu:.1?} of processor time");
    }
    Ok(())
}

async fn cycles(engine: &Arc<Engine>, count: u64) -> anyhow::Result<()> {
    static IDS: AtomicU64 = AtomicU64::new(0);
    let end = IDS.load(Ordering::Relaxed) + count;
    let tasks = (0..CALLERS).map(|_| {
        let engine = Arc::clone(engine);
        tokio::spawn(async move {
            loop {
                let number = IDS.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return anyhow::Ok(());
                }
                cycle(&engine, number).await?;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}

async fn cycle(engine: &Engine, number: u64) -> anyhow::Result<()> {
    let partition = worker();
    let id = scattered(number);
    let nonce = format!("nonce {}{}{id}", "0".repeat(64), "1".repeat(64));
    engine
        .submit(Submission {
            partition: partition.clone(),
            order: OrderId::from(id.as_str()),
            replays: vec![
                ReplayKey::from(nonce),
                ReplayKey::from(format!("ids {}", &id[..32])),
            ],
            digest: Digest([1; 32]),
            body: vec![b'b'; REQUEST],
            memo: Vec::new(),
        })
        .await?;
    let wait = Duration::from_secs(10);
    let lease = engine
        .claim(&partition, 1, Duration::from_secs(60), wait)
        .await?
        .pop()
        .context("no order was there")?;
    let completed = engine
        .complete(Completion {
            order: lease.order,
            token: lease.token,
            result: vec![b'r'; RESULT],
            appends: Vec::new(),
        })
        .await?;
    ensure!(completed == Completed::Stored);
    Ok(())
}

/// Of all threads.
fn processor_time() -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let used = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let used = used.split(' ').next().context("an empty schedstat")?;
        nanoseconds += used.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Bytes of memory that are in use.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? << 10)
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
