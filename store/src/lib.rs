//! Where Sconce keeps what must survive: work orders, registry records, receipts.
//!
//! Two small interfaces, plain data in and plain data out, so that an embedded file and a database
//! serving many hosts can stand behind them alike:
//!
//! - [`Orders`]: work orders from submission over leases to a result that is kept for a while;
//! - [`Table`]: small versioned records, compare-and-set.
//!
//! Nobody outside holds a transaction, a query, an offset or the clock. Ids and keys are opaque
//! bytes; every record belongs to a [`PartitionId`] (in Sconce the worker id); what an engine can
//! take is said by [`Capabilities`].
//!
//! # Errors
//!
//! An [`Error`] says whether anything may have happened: [`Error::Refused`] and
//! [`Error::Unavailable`] mean that nothing did, [`Error::Unknown`] that it may have. Every call is
//! safe to repeat, so the answer to `Unknown` is to call again with the same arguments.
//!
//! # Engines
//!
//! [`redb::Engine`] keeps everything in one file of the local disk. Whatever else implements the
//! interfaces has to pass the suite in `conformance` (feature `conformance`).

#![forbid(unsafe_code)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod id;
mod orders;
pub mod redb;
mod table;

pub use error::{Error, Reason};
pub use id::{Digest, Key, OrderId, PartitionId, ReplayKey, Token, Version};
pub use orders::{
    Append, Capabilities, Completed, Completion, Counts, Held, Lease, Lost, Orders, State,
    Submission, Submitted,
};
pub use table::{Committed, Cursor, Expected, Page, Row, Table, Write};
