//! Minutes of load at a rate that leaves room, whether anybody waits or not: does anything grow?
//!
//! `cargo bench -p sconce-benches --bench soak` (`-- --minutes 10 --load 70`, in percent of the rate
//! that is measured first)

use std::time::Duration;

use sconce_benches::arguments;
use sconce_benches::figures::{median, mib, ms, percentile, promise, us};
use sconce_benches::limit::Limit;
use sconce_benches::processes::{Memory, Times};
use sconce_benches::requesters::Requesters;
use tests::command::Up;

const MINUTE: Duration = Duration::from_secs(60);
/// Runs of the rate of which a share is the load; the median counts.
const RUNS: usize = 5;

/// One minute of it.
struct Minute {
    orders: usize,
    p50: Duration,
    p99: Duration,
    /// Of the platform, the host, the worker.
    resident: [u64; 3],
}

fn main() {
    let minutes: u32 = arguments::value("--minutes", 10);
    let load: f64 = arguments::value("--load", 70.0);
    let folder = tempfile::tempdir().expect("a folder");
    let up = Up::start(folder.path(), "sync", 1);
    let requesters = Requesters::connect(&up, 1);
    let (most, limit) = Limit::new().rate();
    let mut rates: Vec<_> = (0..RUNS).map(|_| requesters.run(2000, 16).rate()).collect();
    let full = median(&mut rates);
    let rate = full * load / 100.0;
    println!(
        "limit of the cryptography {}; 16 requesters: {full:.0} orders/s, {:.0} % of it; load {rate:.0} orders/s",
        us(limit),
        100.0 * full / most
    );
    let before = Times::of(&up);
    let seen = soak(&up, &requesters, rate, MINUTE * minutes);
    let orders = seen.iter().map(|minute| minute.orders).sum();
    println!(
        "processor time an order: {}",
        (Times::of(&up) - before).each(orders)
    );
    judge(&seen);
}

fn soak(up: &Up, requesters: &Requesters, rate: f64, time: Duration) -> Vec<Minute> {
    println!("minute  orders/s        p50        p99    platform        host      worker");
    let mut seen = Vec::new();
    let mut took = Vec::new();
    requesters.run_at(rate, time, |answered| {
        let minute = answered.due.as_secs() / MINUTE.as_secs();
        if minute > seen.len() as u64 {
            seen.push(Minute::end(up, &mut took, seen.len() + 1));
        }
        took.push(answered.took);
    });
    seen.push(Minute::end(up, &mut took, seen.len() + 1));
    seen
}

impl Minute {
    /// Sums up a minute of this number, and prints it.
    fn end(up: &Up, took: &mut Vec<Duration>, number: usize) -> Self {
        let minute = Self {
            orders: took.len(),
            p50: median(took),
            p99: percentile(took, 99),
            resident: [vec![up.process()], up.hosts(), up.workers()]
                .map(|processes| Memory::of(&processes).resident),
        };
        took.clear();
        minute.print(number);
        minute
    }

    fn print(&self, number: usize) {
        let [platform, host, worker] = self.resident.map(mib);
        println!(
            "{number:>6} {:>9.0} {:>10} {:>10} {platform:>11} {host:>11} {worker:>11}",
            self.orders as f64 / MINUTE.as_secs_f64(),
            ms(self.p50),
            ms(self.p99),
        );
    }
}

/// The last third beside the second; the first still fills caches.
fn judge(seen: &[Minute]) {
    let third = seen.len() / 3;
    if third == 0 {
        println!("three minutes or more would show whether anything grows");
        return;
    }
    let (second, last) = (&seen[third..2 * third], &seen[seen.len() - third..]);
    let memory = |minutes: &[Minute]| {
        let mut sums: Vec<u64> = minutes
            .iter()
            .map(|one| one.resident.iter().sum())
            .collect();
        median(&mut sums)
    };
    let p99 = |minutes: &[Minute]| {
        let mut times: Vec<_> = minutes.iter().map(|one| one.p99).collect();
        median(&mut times)
    };
    let ratio = memory(last) as f64 / memory(second) as f64;
    promise(
        "memory in the last third of the soak, of that in the second",
        format_args!("{ratio:.2} times"),
        "1.05 times at most",
        ratio <= 1.05,
    );
    let ratio = p99(last).as_secs_f64() / p99(second).as_secs_f64();
    promise(
        "p99 in the last third of the soak, of that in the second",
        format_args!("{ratio:.2} times"),
        "1.25 times at most",
        ratio <= 1.25,
    );
}
