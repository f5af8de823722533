//! Whether the time that an order's refusal takes tells what was wrong with it.
//!
//! Orders that are wrong in six ways go through the engine in random order, and each is timed: by
//! the clock, as an attacker would, and by the processor time of the thread, which other programs
//! disturb less. Each two ways are compared as dudect does (Reparaz, Balasch, Verbauwhede: "Dude, is
//! my code constant time?", 2017): Welch's t, over all times and again over those below each of 100
//! percentiles, since a difference may hide behind the noise of the slowest. A |t| above 4.5 anywhere
//! counts as a difference. One group more, wrong in the same way as the first, is the control: it
//! shows what the measurement makes of no difference.
//!
//! `cargo bench -p sconce-benches --bench timing`, two minutes. `SCONCE_TIMING_ORDERS` sets the
//! number of orders. Exits with 1 if there is a difference.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use protocol::SystemEntropy;
use protocol::crypto::pem;
use protocol::requester::Protection;
use rustix::time::{ClockId, clock_gettime};
use sconce_benches::figures::promise;
use serde_json::Value;
use tests::keys;
use tests::orders::{Recipe, TestOrder};
use tests::random::{Choices, number_from};
use worker::Engine;
use worker::engine::SystemClock;

/// More than this is a difference.
const THRESHOLD: f64 = 4.5;

/// Orders of each kind, so that no single ciphertext counts for much: RSA takes some longer than others.
const POOL: usize = 1000;

/// Percentiles below which times are compared again.
const CROPS: u32 = 100;

/// What is done to an order.
type Change = fn(&mut TestOrder);

/// The ways in which an order is wrong; the last is the control.
const KINDS: [(&str, Change); 7] = [
    ("the session key's OAEP does not open", spoil_session_key),
    // Manger's question: is the first byte of what RSA gives zero? In PKCS #1's older padding it is.
    ("the same, and its first byte is zero", |o| {
        o.params["encryptedSessionKey"] = hex_of(&older_padding());
    }),
    ("the session key has 16 bytes", |o| {
        o.set_session_key(&[1; 16])
    }),
    ("the request hash is another's", |o| {
        let nonce = o.params["requesterNonce"].as_str().expect("a nonce");
        o.params["requesterNonce"] = nonce.chars().rev().collect::<String>().into();
    }),
    ("the request hash's tag is wrong", |o| {
        TestOrder::flip_hex(&mut o.params["encryptedRequestHash"], 59);
    }),
    ("the input's tag is wrong", |o| {
        TestOrder::flip_base64(&mut o.params["inData"][0]["data"], 30);
        o.rehash();
    }),
    ("control: as the first", spoil_session_key),
];

/// So many of them, the first, end with the session key; OAEP opens for the others.
const NOT_OPENING: usize = 2;

/// Ways that are told apart by what the sender knows itself; shown, and not judged.
const OTHERS: [(&str, Change); 2] = [
    ("the session key's text has another length", |o| {
        o.params["encryptedSessionKey"] = "5A".repeat(383).into();
    }),
    ("the session key's text is beyond the modulus", |o| {
        o.params["encryptedSessionKey"] = "FF".repeat(384).into();
    }),
];

/// The text stays below the modulus, whose first byte is greater.
fn spoil_session_key(order: &mut TestOrder) {
    TestOrder::flip_hex(&mut order.params["encryptedSessionKey"], 200);
}

/// A session key under the worker's RSA key with the padding of PKCS #1 version 1.5.
fn older_padding() -> Vec<u8> {
    let pem = keys::worker_decryption().encryption_key().expect("a key");
    let der = pem::decode("PUBLIC KEY", pem.pem()).expect("PEM");
    let key = PublicEncryptingKey::from_der(&der).expect("an RSA key");
    let key = Pkcs1PublicEncryptingKey::new(key).expect("an RSA key");
    let mut sealed = vec![0; key.ciphertext_size()];
    key.encrypt(&[7; 32], &mut sealed).expect("sealed");
    sealed
}

fn hex_of(bytes: &[u8]) -> Value {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.into()
}

fn main() -> ExitCode {
    let orders = number_from("SCONCE_TIMING_ORDERS", 100_000);
    let seed = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |age| age.as_secs());
    println!("{orders} orders, seed {seed}\n");
    let samples = measure(orders, seed);

    println!(
        "{:46} {:>7} {:>12} {:>12}",
        "", "orders", "clock, µs", "thread, µs"
    );
    let names = KINDS.iter().chain(&OTHERS).map(|(name, _)| *name);
    for (name, times) in names.zip(&samples) {
        let median = |of: fn(&Time) -> f64| median(times.iter().map(of).collect()) / 1e3;
        println!(
            "{name:46} {:>7} {:>12.2} {:>12.2}",
            times.len(),
            median(|t| t.clock),
            median(|t| t.thread)
        );
    }
    let clock = compare("clock", &samples, |time| time.clock);
    let thread = compare("processor time of the thread", &samples, |time| time.thread);
    let strongest = clock.max(thread);
    let kept = strongest <= THRESHOLD;
    println!();
    promise(
        "ways in which an order's cryptography can be wrong, compared by their time",
        format!("|t| of at most {strongest:.2}"),
        "at most 4.5",
        kept,
    );
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What one order took, in nanoseconds.
struct Time {
    clock: f64,
    thread: f64,
}

/// Times orders of all kinds in random order.
fn measure(orders: u64, seed: u64) -> Vec<Vec<Time>> {
    let engine = Engine::new(keys::worker(), worker::table::find);
    let (entropy, clock) = (SystemEntropy::new(), SystemClock::new());
    let mut choices = Choices::new(seed);
    let pools: Vec<Vec<Vec<u8>>> = KINDS
        .iter()
        .chain(&OTHERS)
        .map(|(_, change)| (0..POOL).map(|_| frame(&mut choices, *change)).collect())
        .collect();
    let mut samples: Vec<Vec<Time>> = pools.iter().map(|_| Vec::new()).collect();
    let mut frame = Vec::new();
    let warm_up = 500;
    for number in 0..orders + warm_up {
        // One in fifty is of the kinds that aren't judged.
        let kind = match choices.chance(2) {
            true => KINDS.len() + choices.below(OTHERS.len() as u64) as usize,
            false => choices.below(KINDS.len() as u64) as usize,
        };
        // To the same place, so that where it was before makes no difference.
        frame.clone_from(&pools[kind][choices.below(POOL as u64) as usize]);
        let (begun, cpu) = (Instant::now(), thread_time());
        let reply = black_box(engine.process(black_box(&frame), &entropy, &clock));
        let (spent, elapsed) = (thread_time() - cpu, begun.elapsed());
        assert!(reply.windows(15).any(|part| part == b"order.integrity"));
        if number >= warm_up {
            samples[kind].push(Time {
                clock: nanoseconds(elapsed),
                thread: nanoseconds(spent),
            });
        }
    }
    samples
}

/// An order that is wrong, with ids and keys of its own and of the same length as all others.
fn frame(choices: &mut Choices, change: Change) -> Vec<u8> {
    let input = "0123456789abcdef";
    let mut order = Recipe::new("python-hello", &[(input, Protection::Session)]).seal();
    for member in ["workOrderId", "requesterNonce"] {
        let text = (0..4)
            .map(|_| format!("{:016x}", choices.number()))
            .collect::<String>();
        let length = order.params[member].as_str().map_or(0, str::len);
        order.params[member] = Value::from(&text[..length]);
    }
    order.rehash();
    change(&mut order);
    order.frame()
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// Prints the comparison of each two kinds; gives the greatest |t| that isn't the control's.
fn compare(what: &str, samples: &[Vec<Time>], of: fn(&Time) -> f64) -> f64 {
    println!("\nby {what}: greatest |t|, and the difference of means there");
    let times: Vec<Vec<f64>> = samples[..KINDS.len()]
        .iter()
        .map(|kind| kind.iter().map(of).collect())
        .collect();
    let limits = limits(&times);
    let control = KINDS.len() - 1;
    let seen = limits
        .iter()
        .filter_map(|limit| welch(&times[0], &times[control], *limit));
    let error = seen.map(|one| one.error).fold(f64::INFINITY, f64::min);
    println!(
        "a difference of {:.0} ns would count as one",
        THRESHOLD * error
    );
    let mut greatest = 0.0;
    for one in 0..KINDS.len() {
        for other in one + 1..KINDS.len() {
            // The control is compared with what it repeats, and with nothing else.
            if other == control && one != 0 {
                continue;
            }
            let found = strongest(&times[one], &times[other], &limits);
            println!(
                "{:>6.2} {:>+9.1} ns  {} / {}",
                found.t.abs(),
                found.difference,
                KINDS[one].0,
                KINDS[other].0
            );
            if other != control {
                greatest = f64::max(greatest, found.t.abs());
            }
        }
    }
    let together = |kinds: &[Vec<f64>]| kinds.iter().flatten().copied().collect::<Vec<_>>();
    let (closed, open) = times[..control].split_at(NOT_OPENING);
    let found = strongest(&together(closed), &together(open), &limits);
    println!(
        "{:>6.2} {:>+9.1} ns  all whose OAEP does not open / all whose does",
        found.t.abs(),
        found.difference
    );
    f64::max(greatest, found.t.abs())
}

/// Where to cut the times off: dudect's percentiles, and nowhere.
fn limits(times: &[Vec<f64>]) -> Vec<f64> {
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let percentile =
        |number: u32| 1.0 - 0.5_f64.powf(10.0 * f64::from(number + 1) / f64::from(CROPS));
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    let mut limits: Vec<f64> = (0..CROPS).map(|number| at(percentile(number))).collect();
    limits.push(f64::INFINITY);
    limits
}

/// A comparison: Welch's t, the difference of the means, and its standard error.
struct Comparison {
    t: f64,
    difference: f64,
    error: f64,
}

/// The comparison with the greatest |t| over all limits.
fn strongest(one: &[f64], other: &[f64], limits: &[f64]) -> Comparison {
    let each = limits.iter().filter_map(|limit| welch(one, other, *limit));
    let least = Comparison {
        t: 0.0,
        difference: 0.0,
        error: f64::INFINITY,
    };
    each.fold(least, |strongest, next| {
        if next.t.abs() > strongest.t.abs() {
            next
        } else {
            strongest
        }
    })
}

/// Welch's t of the times below `limit`, if there are enough.
fn welch(one: &[f64], other: &[f64], limit: f64) -> Option<Comparison> {
    let moments = |times: &[f64]| {
        let kept: Vec<f64> = times.iter().copied().filter(|time| *time < limit).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let squares = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        (kept.len() >= 500).then_some((mean, squares / (count - 1.0) / count))
    };
    let ((mean, error), (other_mean, other_error)) = (moments(one)?, moments(other)?);
    let (difference, error) = (mean - other_mean, (error + other_error).sqrt());
    Some(Comparison {
        t: difference / error,
        difference,
        error,
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}
