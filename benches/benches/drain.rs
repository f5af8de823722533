//! Many orders that wait, and how soon they are done once a worker comes, beside the rate of a
//! synchronous platform.
//!
//! `cargo bench -p sconce-benches --bench drain` (`-- --orders 1000` for fewer)

use std::path::Path;
use std::time::Instant;

use sconce_benches::arguments;
use sconce_benches::figures::{median, promise, us};
use sconce_benches::limit::Limit;
use sconce_benches::processes::Times;
use sconce_benches::requesters::{Requesters, WORKER};
use tests::command::{Host, Setup, Up};

const ORDERS: usize = 20_000;
/// Runs of the synchronous rate; the median counts.
const RUNS: usize = 5;

fn main() {
    let orders = arguments::value("--orders", ORDERS);
    let (most, limit) = Limit::new().rate();
    println!(
        "limit of the cryptography {}: {most:.0} orders/s",
        us(limit)
    );
    let synchronous = synchronous();
    println!(
        "sync, 16 requesters: {synchronous:.0} orders/s, {:.0} % of the limit",
        100.0 * synchronous / most
    );
    let drained = drain(orders);
    println!(
        "drained: {drained:.0} orders/s, {:.0} % of the limit",
        100.0 * drained / most
    );
    let share = 100.0 * drained / synchronous;
    promise(
        &format!("rate at which {orders} waiting orders are done, of the synchronous rate"),
        format_args!("{share:.0} %"),
        "80 % at least",
        share >= 80.0,
    );
}

fn synchronous() -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let up = Up::start(folder.path(), "sync", 1);
    let requesters = Requesters::connect(&up, 1);
    requesters.run(500, 16);
    let mut rates: Vec<_> = (0..RUNS).map(|_| requesters.run(2000, 16).rate()).collect();
    median(&mut rates)
}

fn drain(orders: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    // Its record stays when its platform goes.
    drop(Up::start(data, "async", 1));
    let up = without_workers(data);
    let requesters = Requesters::connect(&up, 1);
    let begin = Instant::now();
    let pending = requesters.submit(orders, 16);
    println!(
        "submitted: {:.0} orders/s",
        orders as f64 / begin.elapsed().as_secs_f64()
    );

    assert_eq!(requesters.finished(), 0.0, "nobody works yet");
    let before = Times::of(&up);
    let begin = Instant::now();
    let host = Host::start(data, WORKER);
    requesters.wait_finished(orders);
    let time = begin.elapsed();
    let used = Times::of(&up) - before;
    println!(
        "platform: {} of processor time an order",
        us(used.each(orders).platform)
    );
    requesters.check(&pending);
    drop(host);
    orders as f64 / time.as_secs_f64()
}

fn without_workers(data: &Path) -> Up {
    let mut setup = Setup::new(data, "async", 0);
    let arguments = ["--set", "workers.count=0", "--manager", "tcp://127.0.0.1:0"];
    setup.arguments = arguments.map(Into::into).to_vec();
    setup.start()
}
