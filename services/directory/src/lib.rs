//! The key-transparency directory.

pub mod apps;
pub mod audit;
pub mod auditors;
mod config;
mod core;
mod current;
mod directory;
pub mod engine;
mod error;
pub mod feed;
pub mod fetch;
mod http;
pub mod import;
mod keys;
mod metrics;
mod records;
mod refusal;
mod sequencer;
mod server;
mod stamp;
pub mod storage;
mod tokens;
mod updates;
mod waiting;
pub mod witness;

pub use config::{Auditors, Config, Limits, Witness, Witnesses, Writers};
pub use directory::{Directory, Page};
pub use entrance::{Allowance, Connections, Rate, TlsFiles};
pub use error::Error;
pub use keys::Keys;
pub use refusal::Refusal;
pub use server::Server;

/// What went wrong inside, for the log; clients are told no more than that something did.
fn failed<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Refusal {
    move |error| {
        tracing::error!(%error, "{what} could not be read or written");
        Refusal::Internal
    }
}
