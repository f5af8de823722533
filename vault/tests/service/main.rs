//! A whole vault in this process: over TLS, with its journal in a file and a simulated platform.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod bad;
mod directory;
mod machine;
mod ordinary;
mod pool;
mod support;
mod trust;
