//! An image as it is read back: what its measured pages hold, and what stands beside them.

mod pages;

pub(crate) use pages::PAGE;
pub use pages::{Chunks, Page, Pages, Run};
