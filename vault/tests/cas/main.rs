//! CAS from outside: sessions are written, programs on a simulated platform ask for their secrets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod bad_requests;
mod bad_sessions;
mod imports;
mod refusals;
mod releases;
mod secrets;
mod sessions;
mod support;
