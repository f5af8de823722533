//! SIGSTRUCT: who signed an enclave, and which attributes it may be launched with.

mod body;
mod date;
mod key;
mod layout;
mod verify;

pub use body::{Body, TO_BE_SIGNED_SIZE};
pub use date::{Date, NotADate};
pub use key::{KEY_SIZE, KeyError, PublicKey};
pub use layout::{SIZE, Sigstruct, WrongLength};
pub use verify::{Fault, Faults, Launch, Refusal, VerifiedSigstruct};
