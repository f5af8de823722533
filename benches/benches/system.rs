//! The whole system, from outside: the `sconce` command, its processes, its sockets.
//!
//! Prints medians over several runs. It isn't a Criterion bench because what it measures isn't a
//! function: orders per second with many clients, the time of one order with one client, and the
//! time from starting `sconce up` to the first answer.
//!
//! `cargo bench -p sconce-benches --bench system`

use std::time::{Duration, Instant};

use client::{Client, Order, Worker, WorkerId};
use protocol::Reason;
use tests::command::Up;
use tokio::runtime::Runtime;

/// Runs of each measurement; the median counts.
const RUNS: usize = 5;
const WORKER: &str = "scone-worker-1";

fn main() {
    // Cargo passes `--bench`, and criterion's options when all benches are run at once.
    let runtime = Runtime::new().expect("a runtime");
    let limit = limit();
    println!(
        "limit of the cryptography: {:.0} µs an order on one core",
        limit.as_secs_f64() * 1e6
    );
    start_up(&runtime);
    for mode in ["sync", "async"] {
        let folder = tempfile::tempdir().expect("a folder");
        let up = Up::start(folder.path(), mode, 1);
        let (client, worker) = runtime.block_on(connect(&up.listener().expect("its record")));
        throughput(&runtime, &client, &worker, mode, limit);
        latency(&runtime, &client, &worker, mode);
    }
}

/// One RSA decryption and one signature, on one core.
fn limit() -> Duration {
    let (decryption, signing) = (
        tests::keys::worker_decryption(),
        tests::keys::worker_signing(),
    );
    let key = decryption.encryption_key().expect("a key");
    let sealed = key.seal(&[7; 32]).expect("sealed");
    let mut times: Vec<_> = (0..500)
        .map(|_| {
            let begin = Instant::now();
            let opened = decryption.open(&sealed).expect("opens");
            std::hint::black_box((opened, signing.sign(&[7; 32])));
            begin.elapsed()
        })
        .collect();
    median(&mut times)
}

fn start_up(runtime: &Runtime) {
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
                runtime.block_on(first_answer(&up));
                let time = begin.elapsed();
                drop(up);
                time
            })
            .collect();
        println!(
            "sconce up to the first answer, five workers, {name}: {}",
            ms(median(&mut times))
        );
    }
}

fn throughput(runtime: &Runtime, client: &Client, worker: &Worker, mode: &str, limit: Duration) {
    const ORDERS: usize = 2000;
    let mut rates: Vec<_> = (0..RUNS)
        .map(|_| {
            let orders = (0..ORDERS).map(|_| Order::new(worker, "python-hello").input("Mujtaba"));
            let begin = Instant::now();
            let answers = runtime.block_on(client.run_many(orders.collect::<Vec<_>>(), 16));
            let time = begin.elapsed();
            assert!(answers.iter().all(Result::is_ok), "an order failed");
            ORDERS as f64 / time.as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let rate = rates[RUNS / 2];
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = cores as f64 / limit.as_secs_f64();
    println!(
        "{mode}, 16 clients: {rate:.0} orders/s, {:.0} % of what {cores} cores could decrypt and sign",
        100.0 * rate / most
    );
}

fn latency(runtime: &Runtime, client: &Client, worker: &Worker, mode: &str) {
    let mut times: Vec<_> = (0..500)
        .map(|_| {
            let order = Order::new(worker, "python-hello").input("Mujtaba");
            let begin = Instant::now();
            runtime.block_on(client.run(&order)).expect("an answer");
            begin.elapsed()
        })
        .collect();
    let p50 = median(&mut times);
    let p99 = times[times.len() * 99 / 100];
    println!("{mode}, 1 client: p50 {}, p99 {}", ms(p50), ms(p99));
}

async fn connect(listener: &str) -> (Client, Worker) {
    let client = Client::connect(listener).expect("a client");
    let worker = client
        .worker(&WorkerId::from_name(WORKER))
        .await
        .expect("a worker");
    (client, worker)
}

/// Tries until the platform that is starting answers an order.
async fn first_answer(up: &Up) {
    loop {
        if let Some(listener) = up.listener() {
            let client = Client::connect(&listener).expect("a client");
            match client.worker(&WorkerId::from_name(WORKER)).await {
                Ok(worker) => {
                    let order = Order::new(&worker, "python-hello").input("you");
                    client.run(&order).await.expect("an answer");
                    return;
                }
                Err(client::Error::Rpc(error)) if error.reason == Some(Reason::WorkerUnknown) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => panic!("{error}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sorts, and gives the middle one.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
