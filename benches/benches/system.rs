//! The whole system, from outside: the `sconce` command, its processes, its sockets.
//!
//! Prints medians over several runs: orders per second with many clients and the processor time that
//! each process spends on one, the time of one order with one client, and the time from starting
//! `sconce up` to the first answer.
//!
//! `cargo bench -p sconce-benches --bench system`

use std::path::Path;
use std::time::{Duration, Instant};

use client::{Client, Order, Verifier, WorkerId};
use protocol::Reason;
use sconce_benches::figures::{median, ms, percentile, promise, us};
use sconce_benches::limit::Limit;
use sconce_benches::processes::Times;
use sconce_benches::requesters::{Requesters, WORKER};
use tests::command::Up;
use tokio::runtime::Runtime;

/// Runs of each measurement; the median counts.
const RUNS: usize = 5;
/// Orders in a run of many clients.
const ORDERS: usize = 2000;

fn main() {
    start_up();
    for mode in ["sync", "async"] {
        let folder = tempfile::tempdir().expect("a folder");
        let up = Up::start(folder.path(), mode, 1);
        let requesters = Requesters::connect(&up, 1);
        throughput(&up, &requesters, mode);
        latency(&requesters, mode);
    }
}

fn start_up() {
    let runtime = Runtime::new().expect("a runtime");
    for (name, keep) in [("first start, keys made", false), ("later start", true)] {
        let kept = tempfile::tempdir().expect("a folder");
        if keep {
            drop(Up::start(kept.path(), "async", 5));
        }
        let mut times: Vec<_> = (0..RUNS)
            .map(|_| {
                let fresh = tempfile::tempdir().expect("a folder");
                let folder = if keep { kept.path() } else { fresh.path() };
                let begin = Instant::now();
                let up = Up::spawn(folder, "async", 5);
                runtime.block_on(first_answer(&up, folder));
                begin.elapsed()
            })
            .collect();
        let time = median(&mut times);
        promise(
            &format!("sconce up to the first verified answer, vault and five workers, {name}"),
            ms(time),
            "under 2.5 s",
            time < Duration::from_millis(2500),
        );
    }
}

fn throughput(up: &Up, requesters: &Requesters, mode: &str) {
    requesters.run(500, 16);
    let limit = Limit::new();
    let mut runs: Vec<_> = (0..RUNS)
        .map(|_| {
            // Beside each run, so that what disturbs one disturbs the other.
            let (most, one) = limit.rate();
            let before = Times::of(up);
            let rate = requesters.run(ORDERS, 16).rate();
            let used = (Times::of(up) - before).each(ORDERS);
            (rate / most, rate, one, used)
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (share, rate, one, used) = runs[RUNS / 2];
    let all = used.served() + used.requesters;
    println!("{mode}, 16 clients, processor time an order: {used}");
    println!(
        "  together {}, {:.2} times the limit of the cryptography, {}",
        us(all),
        all.as_secs_f64() / one.as_secs_f64(),
        us(one)
    );
    let what = format!("{mode}, 16 clients: {rate:.0} orders/s, of the limit on all cores");
    let found = format!("{:.0} %", 100.0 * share);
    match mode {
        "sync" => promise(&what, found, "50 % at least", share >= 0.5),
        _ => println!("{what}: {found}"),
    }
}

fn latency(requesters: &Requesters, mode: &str) {
    let mut times = requesters.run(1000, 1).orders;
    let (p50, p99) = (median(&mut times), percentile(&mut times, 99));
    let found = format!("{}, {}", ms(p50), ms(p99));
    let within = |most: u64, time: Duration| time <= Duration::from_micros(most);
    match mode {
        "sync" => promise(
            "sync, 1 client, median and p99",
            found,
            "2.5 ms, 10 ms at most",
            within(2500, p50) && within(10_000, p99),
        ),
        _ => promise(
            "async, 1 client, median and p99",
            found,
            "6 ms at most, none",
            within(6000, p50),
        ),
    }
}

/// Tries until the platform that is starting answers an order to a worker that has been verified.
async fn first_answer(up: &Up, folder: &Path) {
    loop {
        if let Some(listener) = up.listener() {
            let client = Client::connect(&listener).expect("a client");
            let id = WorkerId::from_name(WORKER);
            // The platform writes what it launches before it starts anything.
            let policy = std::fs::read_to_string(folder.join("requester-policy.toml"));
            let Ok(policy) = policy else {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            };
            let policy = toml::from_str(&policy).expect("a policy");
            match client.verified_worker(&id, &Verifier::new(policy)).await {
                Ok(worker) => {
                    let order = Order::new(&worker, "python-hello").input("you");
                    client.run(&order).await.expect("an answer");
                    return;
                }
                Err(client::Error::Rpc(error)) if error.reason == Some(Reason::WorkerUnknown) => {}
                // Until one of its processes is there again.
                Err(client::Error::NotActive { .. }) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => panic!("{error}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
