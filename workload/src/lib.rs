//! What an author of workloads imports.
//!
//! A workload is a plain function with the attribute [`macro@workload`]:
//!
//! ```
//! # extern crate sconce_workload as workload;
//! use workload::workload;
//!
//! /// Repeats a word.
//! #[workload("repeat", time = "1s")]
//! pub fn repeat(word: String, times: u8) -> String {
//!     word.repeat(usize::from(times))
//! }
//!
//! # fn main() {
//! // The function stays what it was:
//! assert_eq!(repeat("ha".to_owned(), 3), "hahaha");
//! # }
//! ```
//!
//! # Inputs
//!
//! Parameters are typed ([`FromInput`]); how a work order's items fill them depends on how many
//! there are:
//!
//! - **One parameter** takes item 0. Text and bytes take it whole, blanks kept.
//! - **Two or more**: item 0 is split at ASCII blanks and each parameter takes a token. Only if
//!   item 0 is a single token does each parameter take an item of its own.
//!
//! Too many tokens and missing values are errors that name the parameter; items beyond those that
//! the parameters take are ignored. A function that wants to know who called it takes
//! `context: &Context` before everything else.
//!
//! # Outputs
//!
//! A workload returns text or bytes, or a [`Result`] of these with any error that can be
//! displayed ([`IntoOutput`]). The error's text is sent to the requester, encrypted as results
//! are, and to nobody else.

mod arguments;
mod context;
mod description;
mod failure;
mod input;
mod output;

pub use context::Context;
pub use description::{Capabilities, Description, Input, Run};
pub use failure::Failure;
pub use input::{FromInput, Unfit};
pub use macros::workload;
pub use output::{IntoOutput, OUTPUT_LIMIT};

/// For the code that [`macro@workload`] writes; nothing here is part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::Arguments;
}
