//! Which functions are compiled into the worker program, and therefore measured.
//!
//! Two places say so and must agree: `workloads.json`, which is reviewed, and the annotation
//! `#[workload("id")]` on each function. [`Registry::read`] compares them without compiling
//! anything and yields either a sorted table of workloads or [`Diagnostics`]: every disagreement
//! at once, each with file, line and fix.
//!
//! The worker's build script writes the table as Rust ([`Registry::table`]); `sconce workload`
//! shows it ([`list`]) and adds to it ([`new_workload`]). The attribute reads its function by
//! [`Declaration`], so that it and the scan cannot disagree about what a workload is.

mod check;
mod declaration;
mod diagnostic;
mod error;
mod listing;
mod manifest;
pub mod naming;
mod new;
mod options;
mod registry;
mod scan;
mod table;
mod text;

pub use declaration::{Declaration, Parameter};
pub use diagnostic::{Diagnostic, Diagnostics, Place};
pub use error::Error;
pub use new::new_workload;
pub use options::{Capabilities, DEFAULT_TIME_LIMIT, LONGEST_TIME_LIMIT, Options};
pub use registry::{Input, Registry, Workload, list};
pub use table::SECTION;
