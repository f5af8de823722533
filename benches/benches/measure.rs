//! Measuring an enclave, beside what the core can hash.
//!
//! `cargo bench -p sconce-benches --bench measure`

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use ring::digest::{Context, SHA256};
use rustix::time::{ClockId, clock_gettime};
use sconce_benches::figures::{median, ms, promise};
use sconify::config::Config;
use sconify::elf::{Program, sample};
use sconify::layout::Layout;
use sconify::stream::{self, Measurement};

/// Bytes of code of the program that is measured.
const CODE: usize = 10_000_000;

const ROUNDS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program");
    fs::write(&program, sample::program(CODE)).expect("the program");

    let large = config("1 GiB", true);
    let mut shares = Vec::new();
    for _ in 0..ROUNDS {
        // Next to each other, because the core's speed changes with what its neighbours do.
        let before = hash_rate();
        let (measurement, time) = timed(|| measure(&program, &large));
        let limit = (before + hash_rate()) / 2.0;
        let rate = measurement.bytes as f64 / time.as_secs_f64();
        shares.push(rate / limit);
        println!(
            "1 GiB measured heap: {} of the processor for {} bytes: {:.2} GB/s beside {:.2} GB/s, {:.1} %",
            ms(time),
            measurement.bytes,
            rate / 1e9,
            limit / 1e9,
            100.0 * rate / limit,
        );
    }
    let share = median(&mut shares);
    promise(
        "10 MB program, 1 GiB measured heap: of the core's SHA-256 rate",
        format!("{:.1} %", 100.0 * share),
        "at least 90 %",
        share >= 0.9,
    );

    let small = config("64 MiB", false);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (measurement, time) = timed(|| measure(&program, &small));
        println!(
            "64 MiB unmeasured heap: {} of the processor for {} bytes",
            ms(time),
            measurement.bytes
        );
        times.push(time);
    }
    let time = median(&mut times);
    promise(
        "10 MB program, 64 MiB unmeasured heap: processor time of the whole measurement",
        ms(time),
        "under 20 ms",
        time < Duration::from_millis(20),
    );

    let peak = peak();
    promise(
        "the same: memory of this process at its peak",
        format!("{:.1} MB", peak as f64 / 1e6),
        "under 64 MB",
        peak < 64_000_000,
    );
}

/// From the file to the digest.
fn measure(program: &Path, config: &Config) -> Measurement {
    let program = Program::read(program).expect("a program");
    let layout = Layout::plan(config, &program, None).expect("a layout");
    stream::measure(&layout, &program).expect("a measurement")
}

fn config(heap: &str, measured: bool) -> Config {
    let text = format!(
        "name = \"sample\"\nproduct_id = 1\nsecurity_version = 1\n\
         heap = {{ size = \"{heap}\", measured = {measured} }}\n\
         threads = {{ count = 4, stack = \"2 MiB\" }}\n"
    );
    Config::parse(&text).expect("a configuration")
}

/// Bytes that this core hashes in a second of its time, from its nearest cache.
fn hash_rate() -> f64 {
    const PIECE: usize = 16 << 10;
    const PIECES: usize = 32 << 10;
    let piece = vec![7; PIECE];
    let (_, time) = timed(|| {
        let mut context = Context::new(&SHA256);
        for _ in 0..PIECES {
            context.update(black_box(&piece));
        }
        context.finish()
    });
    (PIECE * PIECES) as f64 / time.as_secs_f64()
}

/// What it gives, and the processor time of this thread that it takes.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = thread_time();
    let value = black_box(work());
    (value, thread_time() - before)
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The most that this process has had in memory, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .map_or(u64::MAX, |kib| kib * 1024)
}
