//! Two images compared: what makes their measurements differ, and why.

mod pages;

pub use pages::{PageDifference, PageKind, Way};
