//! From a checkout to an image: compiling, and everything that makes what is compiled the same
//! wherever it is done.

mod cargo;
mod checkout;
mod error;

pub use cargo::{Profile, Progress, program};
pub use checkout::find_checkout;
pub use error::Error;
