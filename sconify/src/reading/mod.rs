//! An image as it is read back: what its measured pages hold, and what stands beside them.

mod pages;

pub use pages::{Chunks, Page, Pages, Run};
