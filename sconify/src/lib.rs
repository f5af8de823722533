//! Enclave images: built so that anybody can build the same one, measured, signed, inspected, compared
//! and packaged.

pub mod build;
pub mod command;
pub mod config;
pub mod diff;
pub mod elf;
mod error;
pub mod files;
pub mod gramine;
pub mod iexec;
pub mod image;
pub mod inspect;
mod interruption;
pub mod layout;
pub mod located;
pub mod lock;
pub mod manifest;
pub mod output;
pub mod package;
pub mod reading;
pub mod scone;
pub mod sign;
pub mod stream;
pub mod symbols;
pub mod terminal;
pub mod verify;

pub use error::{Error, Exit, Fault};
