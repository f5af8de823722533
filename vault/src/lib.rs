//! The enclave program that makes and keeps keys, and gives them to programs whose evidence fits.

pub mod cas;
pub mod journal;
pub mod kme;
pub mod program;
pub mod server;
pub mod service;
pub mod state;
