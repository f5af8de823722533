//! The listener: JSON-RPC over HTTP for requesters and operators.
//!
//! | layer | module | subject |
//! |---|---|---|
//! | connections | `server` | accepting, limits on connections, graceful shutdown |
//! | | `connection` | one connection: TLS, limits on headers and times |
//! | HTTP | `http`, `body`, `memory` | verbs, content types, how often one may come, reading a body within its limits |
//! | JSON-RPC | `rpc` | envelope, operators' token, one function a method |
//! | operators | `metrics`, `health` | what goes on, and whether it's ready |
//! | methods | `orders`, `registry`, `receipts` | submit and get-result; the registry of workers; receipts |
//!
//! Every reply to a body, good or bad, has HTTP status 200, as Avalon's listener has it: its SDK
//! turns any other status into an exception and drops the text. So the limits on a body's size and
//! time answer 200 too. Other statuses (400, 405, 408, 415, 431) are left for what no SDK sends.
//!
//! Nothing of a body is logged; order ids and worker ids may be.

mod body;
mod config;
mod connection;
mod error;
mod health;
mod http;
mod memory;
mod metrics;
mod orders;
mod receipts;
mod registry;
mod repeat;
mod rpc;
mod server;

pub use config::{Limits, ListenerConfig, Mode};
pub use entrance::{Allowance, Rate, TlsError, TlsFiles};
pub use error::Error;
pub use metrics::Metrics;
pub use server::Listener;
