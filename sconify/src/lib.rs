//! Enclave images: built so that anybody can build the same one, measured, signed, inspected, compared
//! and packaged.

pub mod command;
mod error;
pub mod output;
pub mod terminal;

pub use error::{Error, Exit, Fault};
