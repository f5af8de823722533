//! A host from outside: real sockets, a real program.
//!
//! The program is this test binary again, started with an environment variable that makes it behave
//! as an enclave program would, or worse (`support::program`). Measured programs can't be that: theirs is
//! compiled for the purpose (`support::image`).

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail as the test does"
)]

mod backpressure;
mod cost;
mod directory;
mod frames;
mod launch;
mod lifecycle;
mod local;
mod membership;
mod provisioning;
mod sandbox;
mod shutdown;
mod support;
mod traced;
mod vault;
