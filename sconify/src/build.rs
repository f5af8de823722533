//! From a checkout to an image: compiling, and everything that makes what is compiled the same
//! wherever it is done.

mod assemble;
mod cargo;
mod checkout;
mod commit;
mod compile;
mod environment;
mod error;
mod flags;
mod home;
mod plan;
pub mod provenance;
mod registries;
pub mod review;
pub mod sources;
mod stamp;
mod toolchain;

use ring::digest::{SHA256, digest};

pub use assemble::image;
pub(crate) use cargo::abandon;
pub use cargo::{Profile, Progress, program};
pub use checkout::find_checkout;
pub use compile::PROFILE;
pub use error::Error;
pub use plan::{Image, Plan, Stage, Step, WORKER, image_folder, place};
pub use provenance::Provenance;
pub use toolchain::{TARGET, Toolchain};

/// In hex.
fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}
