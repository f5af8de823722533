//! The manager: leases work orders to the workers they are for.
//!
//! Hosts join, each with one worker process behind it: over ZeroMQ from anywhere, or over a Unix
//! socket on the same machine, where orders cost less. The manager asks the worker for its public
//! keys, checks them, and enters them in the registry. From then on it claims as many orders of that
//! worker's id as its processes have room for, hands them over, and stores what comes back. An order always ends: in the worker's answer, or in an error that says which stage
//! failed.
//!
//! ```text
//!             hosts                                      store
//!               │ join, alive, leave                       │ claim, extend, release, complete
//!   ZeroMQ ┌────┴────┐ frames  ┌─────────┐ processes ┌─────┴──────┐
//!   ───────┤  wire   ├─────────┤ members ├───────────┤  dispatch  │ one task a worker id
//!   Unix   ├─────────┤         │ fixed   │           │  └ attempt │ one task an order in flight
//!   ───────┤  local  ├──────┐  │         │           │            │
//!          └─────────┘      └──┴─────────┴── answers ┴────────────┘
//! ```
//!
//! Everything that must survive is in the store, so several managers may share one: a manager that
//! dies loses its leases to the others when they run out.
//!
//! # Bounds
//!
//! Orders wait in the store and nowhere else. What waits there is bounded by the store's options; a
//! submit beyond is answered with `busy`. Nothing here grows with load:
//!
//! | what | bound | and then |
//! |---|---|---|
//! | orders at processes | what these have room for: the capacity that their hosts ask for, at most 1 024 each | no claim is made |
//! | orders taken from the store, with those whose results are being stored | three times that | no claim is made |
//! | orders that wait to be alone with a process | 8 a worker | they go back to the store |
//! | processes | [`ManagerConfig::max_processes`] | a host is refused |
//! | workers that have ever joined | four times that | a host is refused |
//! | messages of hosts, with the token, that wait | 1 024 over ZeroMQ, 1 024 from this machine | they are dropped; hosts repeat them |
//! | messages without the token | none: they are answered where they are read | |
//! | commands to the socket thread | one an order in flight, one an unanswered message of a host | follows from those |
//! | ZeroMQ's own queues | a process's capacity, each way | follows from that |
//! | connections of hosts on this machine | processes and 16 | they are closed |

mod attempt;
mod config;
mod dispatch;
mod error;
mod fixed;
mod gate;
mod generation;
mod keep;
mod local;
mod manager;
mod members;
mod peer;
mod phase;
mod shared;
mod signup;
mod signups;
mod standing;
mod status;
mod store_calls;
mod wire;
mod worker;

pub use config::{ManagerConfig, StaticWorker, Timing};
pub use error::Error;
pub use manager::Manager;
pub use signups::{Shown, Signups};
pub use status::{OrderCounts, ProcessStatus, Status, WorkerStatus};
