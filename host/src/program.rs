//! Finding and building an enclave program.
//!
//! Enclave programs are files, not libraries: nothing links against them. In a checkout they are
//! built with cargo ([`find_checkout`], [`build`]); elsewhere they come as an image.

mod build;
mod checkout;

pub use build::{Profile, Progress, build};
pub use checkout::find_checkout;
