//! The registry of workers: one record a worker id, shared by the listener, which answers from it,
//! and the manager, which writes what workers sign up with.
//!
//! All changes are compare-and-set on the record's version, so several listeners and managers may
//! share a registry. Every call is safe to repeat.

mod entry;
mod error;
mod find;
mod generation;
mod presence;
mod registry;
mod retired;

pub use error::Error;
pub use find::Found;
pub use generation::Attended;
pub use registry::{Announced, Registry};
pub use retired::RetiredKey;
