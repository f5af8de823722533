//! The formats of Intel SGX that a measured image is made of.
//!
//! Everything here is bytes in, values or bytes out: nothing reads a file, a clock or a device.
//! Facts and names are those of the Intel Software Developer's Manual, volume 3D.
//!
//! - [`sgxs`]: the stream that builds an enclave, read and written by the same rules;
//! - [`Measurer`]: the log's digest, MRENCLAVE;
//! - [`sigstruct`]: who signed it, and what it may be launched as;
//! - [`Tcs`], [`SecInfo`], [`Attributes`]: what pages and enclaves are.

mod attributes;
mod digest;
mod error;
mod measure;
mod page;
pub mod sgxs;
pub mod sigstruct;
mod tcs;

pub use attributes::{Attributes, Miscselect, flags, xfrm};
pub use digest::{Digest, Kind, Mrenclave, Mrsigner, NotADigest};
pub use error::Error;
pub use measure::Measurer;
pub use page::{CHUNK_SIZE, PAGE_SIZE, PageType, Permissions, SecInfo};
pub use tcs::{Tcs, TcsError};
