//! The files of an image: which there are, how they are protected, and what is measured of them.
//!
//! An image may bring files beside its program. A [manifest](mod@format) lists them, and the digest of the
//! manifest stands in the measured pages: so MRENCLAVE pins every byte of every listed file, and no key
//! is needed to find that one was changed. Files in encrypted regions are [sealed](seal), too.
//!
//! `format`, `merkle`, `path` and `seal` know no file system. [`Options::plan`] looks at folders and
//! makes a [`Plan`], which knows the manifest before the image is there and then writes the files into
//! it.

mod content;
mod error;
pub mod format;
pub mod merkle;
mod options;
pub mod path;
mod plan;
mod read;
mod report;
pub mod seal;
mod tree;
mod write;

pub use error::Error;
pub use options::{Options, read_key};
pub use plan::Plan;
pub use read::{Difference, Files, Verified};
pub use report::{Report, boxed, fingerprint};

/// The most bytes that a manifest may have: about 200 000 files.
pub const MAX_MANIFEST: u64 = 32 << 20;

#[cfg(test)]
mod tests;
