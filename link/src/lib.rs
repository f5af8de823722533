//! The connection between an enclave program and its host.
//!
//! An enclave program has one stream to the untrusted world: the socket that its host gives it as
//! standard input. Everything on it, in both directions, is a *frame*. This crate turns frames into
//! bytes and bytes into frames; it does no input or output, so that both ends, the tests and the
//! fuzzer share it. What a program that was measured asks of its platform goes another way: see
//! [`report`].
//!
//! # Layout
//!
//! All integers are big-endian.
//!
//! | offset | bytes | field    | meaning                                                      |
//! |--------|-------|----------|--------------------------------------------------------------|
//! | 0      | 4     | `length` | bytes that follow this field: 9 + length of the body         |
//! | 4      | 1     | `kind`   | one of [`Kind`]                                              |
//! | 5      | 8     | `tag`    | chosen by whoever asks, repeated in the answer               |
//! | 13     | n     | `body`   | 0 to [`Limits::body`] bytes, by default 16 MiB               |
//!
//! # Conversation
//!
//! ```text
//! program                                     host
//!    │ ── Ask {"path":…,"body":…} ───────────▶ │   while it has no keys: questions to its vault,
//!    │ ◀────────── Told {"status":…,"body":…} ─│   one after the other, each answered once
//!    │ ── Ready {"worker":…,"threads":…} ────▶ │   once, when keys are there
//!    │ ◀───────────────────── Request tag=7 ── │   any number in flight
//!    │ ◀───────────────────── Request tag=8 ── │
//!    │ ── Response tag=8 ────────────────────▶ │   in any order
//!    │ ◀────────────────── Entry {"vrf":…} ── │   what the key directory says of the worker
//!    │ ── Returned tag=7 ────────────────────▶ │   never started: give it to another process
//!    │ ── Ending "overrun" ──────────────────▶ │   the program exits now: see [`ending`]
//!    │ ◀─────────────────────── end of file ── │   or: the host wants the program to exit
//! ```
//!
//! A manager on the same machine speaks to a host in the same frames, over a Unix socket that the
//! manager listens on:
//!
//! ```text
//! host                                        manager
//!    │ ── Member {"type":"join",…} ──────────▶ │   and every second "alive", each answered
//!    │ ◀────────── Member {"type":"joined"} ── │
//!    │ ◀───────────────────── Request tag=7 ── │   as many in flight as the host has asked for
//!    │ ── Response tag=7 ────────────────────▶ │
//!    │ ◀──── end of file, from either side ──▶ │   what was in flight is lost
//! ```
//!
//! # Hostile peers
//!
//! Neither side trusts the other. A [`Decoder`] refuses an unknown kind, a length below the header
//! and a length over the cap as soon as the header is there, and holds no more memory than bytes
//! have arrived. After a refusal the stream has no frame boundary to go on from: every later call
//! gives the same error, and the connection must be dropped.

mod decode;
mod frame;
pub mod report;

pub use decode::Decoder;
pub use frame::{Error, Frame, HEADER, Kind, Limits, encode, ending};
