//! A pretend SGX platform, on which attestation can be developed, tested and rehearsed.
//!
//! It protects nothing: whoever owns the machine has its keys. What it makes says so: its root's name
//! begins with `SIMULATED SGX`, and the production verifier refuses it.
//!
//! - [`Platform`]: reports, keys, quotes and their collateral, at any time; kept in a folder or made of a
//!   [`Seed`];
//! - [`Change`]: what happens to it, in the ordinary course of things;
//! - [`Forgery`]: what an attacker would show, apart from all that;
//! - [`launch`]: which enclaves it starts, and with what.

mod change;
mod collateral;
mod documents;
mod error;
mod forgery;
mod hexadecimal;
mod history;
mod keys;
pub mod launch;
mod pki;
mod platform;
mod processor;
mod quoting;
mod scenario;
mod secs;
mod settings;
mod state;
mod tcb;

pub use change::{Advisory, Change, Event, QeAdvisory};
pub use collateral::Collateral;
pub use error::{Error, KeyError};
pub use forgery::Forgery;
pub use keys::Seed;
pub use platform::{Evidence, Key, Platform};
pub use scenario::Scenario;
pub use secs::Secs;
pub use settings::{Ca, Settings};
pub use tcb::{Level, QeLevel, Tcb, TcbStatus};
