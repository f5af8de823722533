//! The formats of Intel SGX: what a measured image is made of, and what a platform says of it.
//!
//! Everything here is bytes in, values or bytes out: nothing reads a file, a clock or a device.
//! Facts and names are those of the Intel Software Developer's Manual, volume 3D.
//!
//! - [`sgxs`]: the stream that builds an enclave, read and written by the same rules;
//! - [`Measurer`]: the log's digest, MRENCLAVE;
//! - [`sigstruct`]: who signed it, and what it may be launched as;
//! - [`Tcs`], [`SecInfo`], [`Attributes`]: what pages and enclaves are;
//! - [`Report`], [`TargetInfo`], [`KeyRequest`]: what enclaves ask of the processor, and are told;
//! - [`quote`]: what others are told of an enclave, or of a TD.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod attributes;
mod bytes;
mod digest;
mod error;
mod key_request;
mod measure;
mod page;
pub mod quote;
mod report;
pub mod sgxs;
pub mod sigstruct;
mod target;
mod tcs;

pub use attributes::{Attributes, Miscselect, flags, xfrm};
pub use bytes::Reserved;
pub use digest::{
    Digest, Kind, Mrenclave, Mrsigner, NotADigest, NotATdDigest, TdDigest, TdMeasurement,
    TdRegister,
};
pub use error::Error;
pub use key_request::{KeyName, KeyPolicy, KeyRequest};
pub use measure::Measurer;
pub use page::{CHUNK_SIZE, PAGE_SIZE, PageType, Permissions, SecInfo};
pub use report::{Report, ReportBody};
pub use target::TargetInfo;
pub use tcs::{Tcs, TcsError};
