//! The formats of Intel SGX that a measured image is made of.
//!
//! Everything here is bytes in, values or bytes out: nothing reads a file, a clock or a device.
//! Facts and names are those of the Intel Software Developer's Manual, volume 3D.

mod digest;
mod error;
mod page;

pub use digest::{Digest, Kind, Mrenclave, Mrsigner, NotADigest};
pub use error::Error;
pub use page::{CHUNK_SIZE, PAGE_SIZE, PageType, Permissions, SecInfo};
