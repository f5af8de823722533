//! Attested releases: a vault in an image of its own, with its host and journal, and programs that ask it
//! for their keys.
//!
//! `cargo bench -p sconce-benches --bench vault`
//!
//! Nonces and quotes are made before; what is timed is from the first request to the last answer, over TLS
//! connections that are open. Every release is in the audit log, on the disk and counted by the platform, before
//! it is answered. Programs and vault share the machine. Afterwards every answer is opened.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use provision::api::WorkerSession;
use provision::{Attempt, Evidence, Release, SIGNING_KEY};
use sconce_benches::figures::{median, ms, percentile, promise};
use sgx::{Attributes, Digest, flags};
use simulator::{Platform, Secs};
use tests::attested::Vault;
use tests::image;

/// Programs that ask at the same time.
const PROGRAMS: usize = 48;

/// Releases in a round: those of all rounds are prepared and used within a nonce's life.
const RELEASES: usize = 6_000;

const ROUNDS: usize = 5;

/// A request that can be sent, and what opens its answer.
struct Prepared {
    attempt: Attempt,
    request: Vec<u8>,
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let vault = Vault::start(folder.path());
    let worker = vault.worker("worker");
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| round(&vault, &worker)).collect();
    let rate = median(&mut rates);
    promise(
        "attested releases a second, with their lines of the audit log on the disk",
        format!("{rate:.0}"),
        "at least 2 000",
        rate >= 2_000.0,
    );
}

/// Releases a second.
fn round(vault: &Vault, worker: &WorkerSession) -> f64 {
    let lines = vault.client().audit(1, 1).expect("the log").len();
    assert_eq!(lines, 1);
    let prepared = Mutex::new(prepare(vault, worker));
    let mut clients: Vec<_> = (0..PROGRAMS).map(|_| vault.client()).collect();
    let begin = Instant::now();
    let done: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(|| {
                    let mut done = Vec::with_capacity(2 * RELEASES / PROGRAMS);
                    while let Some(next) = take(&prepared) {
                        let asked = Instant::now();
                        let answer = client.release(&next.request).expect("an answer");
                        done.push((next.attempt, answer, asked.elapsed()));
                    }
                    done
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let time = begin.elapsed();
    let key = vault.client().evidence().expect("evidence").key.0;
    let mut times: Vec<Duration> = done
        .into_iter()
        .map(|(attempt, answer, time)| {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{text}");
            let release = Release::from_json(&answer.body).expect("a release");
            let grant = attempt.open(&release, &key).expect("it opens");
            assert!(grant.environment.contains_key(SIGNING_KEY));
            time
        })
        .collect();
    assert_eq!(times.len(), RELEASES);
    let rate = RELEASES as f64 / time.as_secs_f64();
    println!(
        "{rate:.0} releases a second; each took {}, 99 of 100 at most {}",
        ms(median(&mut times)),
        ms(percentile(&mut times, 99)),
    );
    rate
}

fn take(prepared: &Mutex<VecDeque<Prepared>>) -> Option<Prepared> {
    prepared.lock().expect("no panic").pop_front()
}

/// Requests of the worker's program, with fresh nonces and quotes.
fn prepare(vault: &Vault, worker: &WorkerSession) -> VecDeque<Prepared> {
    let platform = vault.platform();
    let secs = secs();
    let cores = thread::available_parallelism().expect("a number").get();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| prepare_some(vault, worker, &platform, &secs, RELEASES / cores))
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    })
}

fn prepare_some(
    vault: &Vault,
    worker: &WorkerSession,
    platform: &Platform,
    secs: &Secs,
    count: usize,
) -> Vec<Prepared> {
    let mut client = vault.client();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a time");
    let now = now.as_secs();
    let collateral = platform.collateral(now).expect("collateral").to_json();
    let prepare = |_| {
        let nonce = client.challenge().expect("a nonce").nonce.0;
        let service = worker.service_name().expect("a name");
        let attempt = Attempt::new(service, nonce).expect("a key");
        let quote = platform.quote(secs, &attempt.report_data(), now);
        let evidence = Evidence::new(quote.expect("a quote"), &collateral).expect("JSON");
        let request = serde_json::to_vec(&attempt.request(evidence)).expect("JSON");
        Prepared { attempt, request }
    };
    (0..count).map(prepare).collect()
}

/// The worker's program, as the processor knows it.
fn secs() -> Secs {
    let image = image::worker();
    let (Digest::Mrenclave(_, measurement), Digest::Mrsigner(_, signer)) =
        (image.measurement(), image.signer())
    else {
        panic!("an enclave")
    };
    let mut secs = Secs::new(measurement, signer);
    secs.isv_prod_id = provision::WORKER_PRODUCT;
    secs.isv_svn = 1;
    secs.attributes = Attributes {
        flags: secs.attributes.flags | flags::DEBUG,
        ..secs.attributes
    };
    secs
}
