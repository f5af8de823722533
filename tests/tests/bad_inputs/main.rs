//! Bad input, class by class: each case gets the error that `docs/errors/` promises, all processes
//! stay up, the next honest order is answered, and in the end the platform holds no more memory than
//! is promised in `docs/testing.md`.

mod case;
mod ciphertexts;
mod encodings;
mod frames;
mod ids;
mod json_shape;
mod json_size;
mod key_sizes;
mod operators;
mod replays;
mod signatures;
mod slow_http;
mod stage;
mod types;
mod verbs;

use case::Case;
use stage::Stage;

/// Bytes that the platform's processes together may hold after everything beyond what they held
/// before. `docs/testing.md` names it.
const MEMORY: u64 = 128_000_000;

/// Slow clients are given up sooner than usual.
const SETTINGS: &str = "[limits]\nheader_time = \"5s\"\nbody_time = \"5s\"\nwrite_time = \"5s\"\n";

/// A class of the table: what it's about, and its cases.
type Class = (&'static str, fn() -> Vec<Case>);

const CLASSES: [Class; 13] = [
    ("JSON shape", json_shape::cases),
    ("JSON size and nesting", json_size::cases),
    ("types and ranges", types::cases),
    ("hex, base64, PEM, UTF-8", encodings::cases),
    ("ids unknown or taken", ids::cases),
    ("replays", replays::cases),
    ("tampering", ciphertexts::cases),
    ("signatures", signatures::cases),
    ("key sizes", key_sizes::cases),
    ("slow, half-open and pipelined HTTP", slow_http::cases),
    ("verbs and content types", verbs::cases),
    ("ZeroMQ frames", frames::cases),
    ("registration by others", operators::cases),
];

/// Least cases of a class, and of all together.
const LEAST: (usize, usize) = (8, 200);

#[test]
fn each_is_refused_as_promised_and_the_next_order_is_served() {
    let mut stage = Stage::open(SETTINGS);
    for _ in 0..20 {
        stage.assert_serves().unwrap();
    }
    let before = stage.memory();
    let slow = slow_http::begin(stage.listener());
    let mut faults = Vec::new();
    let mut counts = Vec::new();
    for (class, cases) in CLASSES {
        let cases = cases();
        counts.push((class, cases.len()));
        for Case { name, run } in cases {
            let verdict = run(&stage).and_then(|()| stage.assert_serves());
            if let Err(fault) = verdict {
                faults.push(format!("{class}: {name}: {fault:.600}"));
            }
        }
    }
    counts.push(("slow clients beside all that", slow.len()));
    for (name, client) in slow {
        let verdict = client
            .join()
            .unwrap_or_else(|_| Err("its thread panicked".to_owned()));
        if let Err(fault) = verdict.and_then(|()| stage.assert_serves()) {
            faults.push(format!("slow: {name}: {fault:.600}"));
        }
    }
    let after = stage.memory();
    counts.push((
        "replays over a restart",
        replays::after_a_restart(&mut stage, &mut faults),
    ));
    counts.push((
        "replays after eviction",
        replays::after_eviction(&mut faults),
    ));

    let all: usize = counts.iter().map(|(_, count)| count).sum();
    for (class, count) in &counts {
        println!("{count:4}  {class}");
    }
    println!("{all:4}  cases");
    for ((program, before, _), (_, after, peak)) in before.iter().zip(&after) {
        let [before, after, peak] = [before, after, peak].map(|bytes| *bytes as f64 / 1e6);
        println!("{program}: {before:.1} MB before, {after:.1} MB after, {peak:.1} MB at most");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (class, count) in counts.iter().take(CLASSES.len()) {
        assert!(*count >= LEAST.0, "{class} has {count} cases");
    }
    assert!(all >= LEAST.1, "{all} cases");
    let together =
        |each: &[(String, u64, u64)]| each.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
    let (before, after) = (together(&before), together(&after));
    assert!(after < before + MEMORY, "{before} bytes grew to {after}");
}
