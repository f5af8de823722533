//! A pool of Avalon's kind: the vault keeps the keys that requesters encrypt to, and gives processors the keys
//! of one order at a time ([`protocol::pool`] has the whole flow).
//!
//! The pool's keys are made here and never leave. They are bound to one program, whose measurement stands in
//! the quote over them: that program alone is taken in as a processor, after its evidence was verified as a
//! release's is. Between processors and the vault stands a manager that both take for hostile, and that speaks
//! HTTP without TLS: what it carries is encrypted to the pool's key, and answered under the asker's session key.

mod desk;
mod kept;
mod order;
mod registration;
pub mod requests;

pub use desk::Desk;
pub use kept::Pool;
pub(super) use kept::{Joined, Secrets};
