//! Medians, percentiles, how they are printed, what was promised.

use std::fmt::Display;
use std::time::Duration;

/// The middle one. Sorts.
pub fn median<T: PartialOrd + Copy>(figures: &mut [T]) -> T {
    percentile(figures, 50)
}

/// The one that so many of 100 don't exceed. Sorts.
///
/// # Panics
///
/// If there is none, or some can't be compared.
pub fn percentile<T: PartialOrd + Copy>(figures: &mut [T], percent: usize) -> T {
    figures.sort_by(|a, b| a.partial_cmp(b).expect("figures that can be compared"));
    figures[(figures.len() * percent / 100).min(figures.len() - 1)]
}

/// In milliseconds.
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// In microseconds.
pub fn us(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

/// In MiB.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Prints whether a promise is kept. `.ci/long` collects these lines; they don't end the program,
/// because machines differ.
pub fn promise(what: &str, found: impl Display, promised: &str, kept: bool) {
    let verdict = if kept { "kept" } else { "NOT KEPT" };
    println!("promise {verdict}: {what}: {found} (promised: {promised})");
}
