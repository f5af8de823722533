//! The server from outside: over its sockets, with clients that are slow, rude, many, or broken.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod bad;
mod behaviour;
mod support;
