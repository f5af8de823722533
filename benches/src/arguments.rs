//! What the command line says: `cargo bench … --bench soak -- --minutes 1`. Whatever else cargo or
//! Criterion put there is left alone.

use std::str::FromStr;

/// What stands behind `name`; `otherwise` where it isn't named.
///
/// # Panics
///
/// If it isn't what was asked for.
pub fn value<T: FromStr>(name: &str, otherwise: T) -> T {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    if arguments.next().is_none() {
        return otherwise;
    }
    let text = arguments.next().unwrap_or_default();
    text.parse()
        .unwrap_or_else(|_| panic!("{name} {text:?} is not a number"))
}

/// The numbers behind `name`, with commas between; `otherwise` where it isn't named.
///
/// # Panics
///
/// As [`value`] does.
pub fn list(name: &str, otherwise: &[u64]) -> Vec<u64> {
    let text = value(name, String::new());
    if text.is_empty() {
        return otherwise.to_vec();
    }
    let number = |part: &str| part.parse().ok();
    text.split(',')
        .map(|part| number(part).unwrap_or_else(|| panic!("{name}: {part:?} is not a number")))
        .collect()
}
