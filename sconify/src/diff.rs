//! Two images compared: what makes their measurements differ, and why.

mod addresses;
mod align;
mod pages;
mod symbols;
mod traces;

pub use pages::{PageDifference, PageKind, Way, compare};
pub use symbols::{Changed, Placed, Resized, SymbolDifferences};
pub use traces::Traces;
