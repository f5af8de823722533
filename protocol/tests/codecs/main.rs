//! Every codec of the wire, under input of any kind.
//!
//! What is written is read back as it was; whatever is read does no harm; and what is accepted is
//! written as something that is accepted as the same. `PROPTEST_CASES` sets how many inputs each
//! property sees: 256 without.

#![allow(
    clippy::unwrap_used,
    reason = "a helper's failed `unwrap` is a failed test"
)]

mod answers;
mod encodings;
mod envelopes;
mod frames;
mod methods;
mod orders;
mod receipts;
mod support;
