//! From a checkout to an image: compiling, and everything that makes what is compiled the same
//! wherever it is done.

mod cargo;
mod checkout;
mod compile;
mod environment;
mod error;
mod flags;
mod home;
pub mod provenance;
mod registries;
pub mod sources;
mod toolchain;

use ring::digest::{SHA256, digest};

pub use cargo::{Profile, Progress, program};
pub use checkout::find_checkout;
pub use compile::PROFILE;
pub use error::Error;
pub use provenance::Provenance;
pub use toolchain::{TARGET, Toolchain};

/// In hex.
fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}
