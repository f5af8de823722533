//! Whom to trust: verification of SGX and TDX evidence, and policy.
//!
//! *Evidence* is a quote with its collateral (RFC 9334): what a platform says of a program that runs
//! on it, and what the platform's vendor says of the platform. This crate answers two questions about it, one
//! after the other, and each answer is a value that nothing else can make:
//!
//! 1. Is it genuine, at this time? [`verify()`] → [`VerifiedQuote`].
//! 2. Is it the program that is wanted, on a platform that is good enough? [`Policy::appraise`] →
//!    [`VerifiedEvidence`].
//!
//! Bytes and a time in, a value or a refusal out: nothing here reads a file, a clock, the network or
//! the environment, and without `std` it could not. Everything that is given is taken for hostile.
//! The simulated platform's evidence goes the same way as Intel's; only the [`TrustAnchor`] differs.

#![no_std]

extern crate alloc;

mod anchor;
mod cache;
mod chain;
mod claims;
mod collateral;
mod document;
mod json;
pub mod pck;
pub mod policy;
pub mod qe_identity;
mod reached;
mod refusal;
mod stage;
mod tcb;
pub mod tcb_info;
mod time;
mod verify;
pub mod x509;

pub use anchor::{Fingerprint, INTEL_ROOT, NotAFingerprint, TrustAnchor};
pub use cache::Cache;
pub use chain::{Pck, PckCa, PckCrl, RootCrl, TcbSigner};
pub use claims::{Claims, CurrentTcb, Evaluation, Origin, Platform, VerifiedQuote};
pub use collateral::{Collateral, Error as CollateralError};
pub use policy::{Policy, Verdict, VerifiedEvidence};
pub use refusal::{Refusal, Signed};
pub use stage::Stage;
pub use tcb::{Level, NotAStatus, Status};
pub use time::{NotATime, Time};
pub use verify::{VerifiedCollateral, verify};
