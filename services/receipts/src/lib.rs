//! Receipts of work orders: one an order, with what was added to it, found by service, worker,
//! requester and status.
//!
//! | module | subject |
//! |---|---|
//! | `receipts` | creating, reading, updating |
//! | `find` | looking up, a page at a time |
//! | `keep` | dropping what is old |
//! | `memo` | what the store keeps of an order so that a receipt can be compared with it |
//! | `rows` | keys and records in the table |
//!
//! What arrives here has been verified: [`protocol::receipt::VerifiedReceipt`] and
//! [`protocol::receipt::VerifiedUpdate`] say so. Rules that depend on what is stored (one receipt an
//! order, which status may follow, nothing twice) hold here, in one step with the change.

mod error;
mod find;
mod keep;
mod memo;
mod receipts;
mod rows;

pub use error::Error;
pub use find::{Found, PAGE};
pub use keep::RETENTION;
pub use memo::OrderMemo;
pub use receipts::{MAX_UPDATES, Receipts};
pub use rows::Stored;
