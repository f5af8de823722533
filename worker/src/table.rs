//! The table of workloads, as the build script writes it from `workloads.json` and the sources.

// Placing a static in a section of the binary counts as unsafe code, and the generated source does
// so with its listing: `sconify inspect` reads there what an image runs, from its measured pages.
// The bytes are constant and nothing in the program refers to the section.
#![allow(unsafe_code, reason = "a section that lists the workloads")]

use std::time::Duration;

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The workload with an id, if the program has it.
pub fn find(id: &str) -> Option<&'static workload::Description> {
    let found = TABLE.binary_search_by(|description| description.id.cmp(id));
    found.ok().map(|position| TABLE[position])
}

/// The longest time limit of the table.
pub fn longest() -> Duration {
    TABLE
        .iter()
        .map(|one| one.time_limit)
        .max()
        .unwrap_or_default()
}

/// The ids of all workloads, sorted.
pub fn ids() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|one| one.id)
}

/// Equality of texts at compile time, where `==` cannot be used yet.
const fn same_text(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut position = 0;
    while position < one.len() && position < other.len() && one[position] == other[position] {
        position += 1;
    }
    position == one.len() && position == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_found_by_its_id() {
        assert!(!TABLE.is_empty());
        assert!(TABLE.is_sorted_by(|one, other| one.id < other.id));
        for description in TABLE {
            let found = find(description.id).unwrap();
            assert!(std::ptr::eq(found, *description));
        }
        for id in ["", "python", "python-fib ", "zzz"] {
            assert!(find(id).is_none(), "{id:?}");
        }
    }

    #[test]
    fn equal_texts_are_told_from_others() {
        const { assert!(same_text("ab", "ab") && same_text("", "")) };
        const { assert!(!same_text("ab", "aB") && !same_text("ab", "a") && !same_text("", "a")) };
    }
}
