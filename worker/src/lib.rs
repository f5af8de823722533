//! The enclave program that runs workloads.
//!
//! It is small on purpose. [`boot`] gets its keys from a vault that it has verified, [`engine`] turns a
//! request into a response without any input or output, [`directory`] sees to it that the keys which everybody
//! is shown are these, and [`serve`] carries frames between the engine and
//! the host, which owns everything else: disk, network, clock and environment are hostile.
//!
//! ```text
//! host ──frames──▶ serve ──bytes──▶ engine ──items──▶ workload (from the table)
//!      ◀─────────        ◀────────         ◀────────
//! ```

pub mod boot;
pub mod directory;
pub mod engine;
pub mod keys;
pub mod program;
pub mod serve;
pub mod table;

pub use engine::Engine;
pub use keys::WorkerKeys;
