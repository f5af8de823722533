//! The files of an image: which there are, how they are protected, and what is measured of them.
//!
//! An image may bring files beside its program. A [manifest](format) lists them, and the digest of the
//! manifest stands in the measured pages: so MRENCLAVE pins every byte of every listed file, and no key
//! is needed to find that one was changed. Files in encrypted regions are [sealed](seal), too.
//!
//! `format`, `merkle`, `path` and `seal` know no file system. [`Options::plan`] looks at folders and
//! makes a [`Plan`], which knows the manifest before the image is there and then writes the files into
//! it.

pub mod format;
pub mod merkle;
pub mod path;
pub mod seal;
