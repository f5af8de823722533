//! The functions that requesters may call.
//!
//! Each module holds one workload with its tests. What is compiled into the worker, and therefore
//! measured, is what `workloads.json` lists.

pub mod decimal;
pub mod fibonacci;
pub mod hello;
pub mod transaction;
