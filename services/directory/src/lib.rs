//! The key-transparency directory.

pub mod apps;
pub mod auditors;
mod config;
mod directory;
pub mod engine;
mod error;
pub mod feed;
pub mod fetch;
mod refusal;
mod server;
pub mod storage;
pub mod witness;

pub use config::{Auditors, Config, Limits, Witness, Witnesses, Writers};
pub use directory::{Directory, Page};
pub use entrance::{Allowance, Connections, Rate, TlsFiles};
pub use error::Error;
pub use refusal::Refusal;
pub use server::Server;
