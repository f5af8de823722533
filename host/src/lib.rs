//! The untrusted half beside an enclave program.
//!
//! An enclave program speaks one thing only: [`link`] frames on its standard input. A *host* starts
//! it, restarts it when it dies, tells the manager that a worker is there, and carries frames between
//! it and whoever asks: a manager on the same machine, or peers of a ZeroMQ `ROUTER` socket. Nothing here is trusted: a host sees ciphertext, and the worst
//! that it can do is not to answer.
//!
//! ```text
//!  peers: REQ, DEALER          host (this crate)              enclave program
//!  ──────────────────▶ ROUTER ─────────────────▶ socket pair ─────────────────▶ stdin
//!          DEALER or Unix socket ──▶ manager: Join, Alive, Leave      stderr ──▶ log
//! ```
//!
//! - [`run`] is the whole life of a host process: until SIGTERM or SIGINT.
//! - [`start`] runs one on a thread, for tests and for embedding.
//!
//! # Programs
//!
//! A [`Program`] is bare, a file that is executed; or it is measured, and then launch control decides, its
//! measured pages alone are executed, in a sandbox, and a simulated platform vouches for it on a report
//! socket. [`launch`] and `docs/launch.md` say how, and what that is worth.
//!
//! # What peers can rely on
//!
//! - Any message is survived. One with a body is answered: by the program, or here with the
//!   protocol's error when it's over the size limit. What can't be answered is dropped.
//! - A request that the program had when it died is answered with `worker.lost`; one that the program
//!   gave back unstarted also has `"started":false` in the error's data.
//! - While the program isn't ready, requests wait a few seconds ([`Timing::patience`]) and are then
//!   answered with `worker.lost`, `"started":false`.
//! - A peer that asks more than the program can take is slowed down, not refused: the host stops
//!   reading, and messages wait in ZeroMQ's and TCP's bounded queues.
//!
//! A manager on the same machine can be reached over its Unix socket instead ([`Config::manager`]):
//! its orders then come on that one connection, and the rest holds for it as for any peer. Such a
//! host has no `ROUTER`, which would take orders from anybody, unless [`Config::bind`] asks for one.
//!
//! # Bounds
//!
//! At most [`Limits::in_flight`] requests are with the program, whoever asked, and
//! [`Limits::outgoing`] bytes and one request more wait to be written to it. While either is reached,
//! or the manager leaves as many bytes of answers unread, nothing more is read from those who ask.
//! Answers to a ZeroMQ peer that doesn't read are kept up to what it may have asked for at once, and
//! then dropped; lines of the program's log are cut.
//!
//! ZeroMQ keeps a message's frames until the last has arrived, and how many peers there are is not
//! limited. So the socket belongs on loopback or in a network whose machines are the operator's own.

mod backoff;
mod child;
mod config;
mod connection;
mod courier;
mod error;
mod flight;
mod front;
mod handle;
mod key_keeper;
pub mod launch;
mod lines;
mod local;
mod lookout;
mod loss;
mod membership;
mod outfit;
mod plea;
mod private_file;
mod ready;
mod refusal;
mod relay;
mod replies;
mod supervise;
pub mod vault;
mod vault_line;

pub use config::{
    Config, Directory, Enclave, Keys, Limits, Program, Provision, Timing, VaultAddress, WorkerName,
};
pub use error::Error;
pub use handle::{Handle, run, start};
pub use provision::ServiceName;
pub use provision::relay::Unattested;
