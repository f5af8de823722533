//! The manager: leases work orders to the workers they are for.
//!
//! Hosts join over ZeroMQ, each with one worker process behind it. The manager asks the worker for
//! its public keys, checks them, and enters them in the registry. From then on it claims as many
//! orders of that worker's id as its processes have room for, hands them over, and stores what
//! comes back. An order always ends: in the worker's answer, or in an error that says which stage
//! failed.
//!
//! ```text
//!             hosts                                      store
//!               │ join, alive, leave                       │ claim, extend, release, complete
//!   ZeroMQ ┌────┴────┐ frames  ┌─────────┐ processes ┌─────┴──────┐
//!   ───────┤  wire   ├─────────┤ members ├───────────┤  dispatch  │ one task a worker id
//!          │ 1 thread├──────┐  │ fixed   │           │  └ attempt │ one task an order in flight
//!          └─────────┘      └──┴─────────┴── answers ┴────────────┘
//! ```
//!
//! Everything that must survive is in the store, so several managers may share one: a manager that
//! dies loses its leases to the others when they run out.

mod attempt;
mod config;
mod dispatch;
mod error;
mod fixed;
mod keep;
mod local;
mod manager;
mod members;
mod peer;
mod phase;
mod shared;
mod signup;
mod standing;
mod status;
mod store_calls;
mod throttle;
mod wire;
mod worker;

pub use config::{ManagerConfig, StaticWorker, Timing};
pub use error::Error;
pub use manager::Manager;
pub use status::{OrderCounts, ProcessStatus, Status, WorkerStatus};
