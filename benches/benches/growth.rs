//! What an order costs when many are stored: processor time, time, memory, disk, time to start.
//!
//! The store of a platform that is down is filled with finished orders; then the platform is
//! started, and one requester has orders run.
//!
//! `cargo bench -p sconce-benches --bench growth` (`-- --stored 100,1000` for other steps)

use std::path::Path;
use std::time::{Duration, Instant};

use sconce_benches::figures::{median, mib, ms, percentile, promise, us};
use sconce_benches::limit::Limit;
use sconce_benches::processes::{Memory, Times};
use sconce_benches::requesters::Requesters;
use sconce_benches::stored::{self, Sizes};
use sconce_benches::{arguments, figures};
use tests::command::Up;

const STEPS: [u64; 5] = [100, 1000, 10_000, 100_000, 1_000_000];
/// Measurements at each step, and orders in each.
const RUNS: usize = 5;
const ORDERS: usize = 400;

/// What was seen at one step.
struct Step {
    stored: u64,
    start: Duration,
    cpu: Duration,
    p50: Duration,
    p99: Duration,
    resident: u64,
    /// Bytes of the store's file for each finished order in it, those of the measurement included.
    disk: f64,
}

fn main() {
    let steps = arguments::list("--stored", &STEPS);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let sizes = sizes(data);
    let (_, limit) = Limit::new().rate();
    println!(
        "request {} bytes, result {} bytes; limit of the cryptography {}",
        sizes.request,
        sizes.result,
        us(limit)
    );
    println!(
        "   stored     start    CPU/order        p50        p99  resident  disk/order  of request and result"
    );
    let mut seen = Vec::new();
    for stored in steps {
        stored::fill(data, stored, sizes);
        let step = measure(data, stored);
        println!(
            "{stored:>9} {:>9} {:>12} {:>10} {:>10} {:>9} {:>11.0} {:>10.2}",
            ms(step.start),
            us(step.cpu),
            ms(step.p50),
            ms(step.p99),
            mib(step.resident),
            step.disk,
            step.disk / (sizes.request + sizes.result) as f64
        );
        seen.push(step);
    }
    judge(&seen, sizes);
}

/// Of an order as the client sends it. Makes the platform's keys as well.
fn sizes(data: &Path) -> Sizes {
    let up = Up::start(data, "sync", 1);
    let (request, result) = Requesters::connect(&up, 1).sizes();
    Sizes { request, result }
}

fn measure(data: &Path, stored: u64) -> Step {
    let begin = Instant::now();
    let up = Up::start(data, "sync", 1);
    let start = begin.elapsed();
    let requesters = Requesters::connect(&up, 1);
    // Caches and connections.
    requesters.run(100, 1);
    let mut cpu = Vec::new();
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let before = Times::of(&up);
        let run = requesters.run(ORDERS, 1);
        cpu.push((Times::of(&up) - before).each(ORDERS).served());
        times.extend(run.orders);
    }
    // What memory many requesters at once take as well.
    requesters.run(2000, 16);
    let resident = Memory::of(&[up.process()]).resident;
    drop(up);
    let disk = std::fs::metadata(data.join("store.redb"))
        .expect("the store")
        .len();
    Step {
        stored,
        start,
        cpu: median(&mut cpu),
        p50: figures::percentile(&mut times, 50),
        p99: percentile(&mut times, 99),
        resident,
        disk: disk as f64 / stored::finished(data) as f64,
    }
}

fn judge(seen: &[Step], sizes: Sizes) {
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else {
        return;
    };
    let ratio = |of: fn(&Step) -> Duration| of(last).as_secs_f64() / of(first).as_secs_f64();
    let (cpu, p50) = (ratio(|step| step.cpu), ratio(|step| step.p50));
    let range = format!(
        "with {} stored orders and with {}",
        last.stored, first.stored
    );
    promise(
        &format!("processor time of an order, {range}"),
        format_args!("{cpu:.2} times"),
        "1.3 times at most",
        cpu <= 1.3,
    );
    promise(
        &format!("median time of an order, {range}"),
        format_args!("{p50:.2} times"),
        "1.3 times at most",
        p50 <= 1.3,
    );
    if let Some(step) = seen.iter().find(|step| step.stored == 100_000) {
        promise(
            "listener, manager and store with 100000 stored orders, resident",
            mib(step.resident),
            "under 80 MB",
            step.resident < 80_000_000,
        );
    }
    let ratio = last.disk / (sizes.request + sizes.result) as f64;
    promise(
        &format!("disk of a finished order, of {}", last.stored),
        format_args!("{ratio:.2} times its request and result"),
        "twice at most",
        ratio <= 2.0,
    );
}
