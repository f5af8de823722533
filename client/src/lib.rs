//! The requester's side of Sconce: find a worker, check it, send it work orders, verify and decrypt
//! the answers.
//!
//! ```no_run
//! # use sconce_client as client;
//! use client::policy::{Policy, Program, SgxProgram};
//! use client::{Client, Order, Verifier, WorkerId};
//!
//! # async fn example(measurement: sgx::Digest) -> Result<(), client::Error> {
//! let program = SgxProgram {
//!     measurements: vec![measurement],
//!     ..SgxProgram::default()
//! };
//! let verifier = Verifier::new(Policy::strict(Program::Sgx(program)));
//! let client = Client::connect("http://localhost:1947")?;
//! let id = WorkerId::from_name("scone-worker-1");
//! let worker = client.verified_worker(&id, &verifier).await?;
//! for gap in worker.not_proved() {
//!     eprintln!("note: {gap}");
//! }
//! let order = Order::new(&worker, "python-hello").input("Mujtaba");
//! let answer = client.run(&order).await?;
//! assert_eq!(answer.text(), "Hello Mujtaba");
//! # Ok(())
//! # }
//! ```
//!
//! # Whom this trusts
//!
//! Nobody on the way. Listener and manager see ciphertext; an answer is believed only when the key
//! that was verified has signed it, for this very order. [`Client::verified_worker`] verifies before
//! anything is encrypted: evidence in the worker's record has to show that the program that the
//! [`Verifier`]'s policy names holds both keys of the record, under this id. Whoever does without has to
//! say so: [`Client::unverified_worker`]. [`Worker::not_proved`] says what is left to believe, in words to
//! be shown to people.
//!
//! Failures are not signed. A listener can always claim one; it can't make the workload's message
//! that comes with a failure ([`RpcError::detail`]), which is encrypted under the session key.
//!
//! # Receipts
//!
//! [`Client::create_receipt`] states something about an order, [`Client::receipt`] reads what was
//! stated, with every signature checked.
//!
//! # Many orders
//!
//! A [`Client`] is a handle: clones share its connections. [`Client::run_many`] runs orders at once,
//! never more than asked for.

mod answer;
pub mod directory;
mod error;
mod evidence;
mod http;
mod lookup;
mod not_proved;
mod order;
mod receipt;
mod rpc;
mod tls;
mod verifier;
mod wait;
mod worker;

pub use answer::{Answer, Pending};
pub use error::{Error, RpcError};
pub use http::Options;
pub use lookup::Criteria;
pub use not_proved::NotProved;
pub use order::{Order, Sealed, Submitted};
pub use protocol::receipt::ReceiptStatus;
pub use protocol::requester::Protection;
pub use protocol::{WorkOrderId, WorkerId, WorkloadId};
pub use receipt::{CheckedReceipt, ReceiptCriteria, Subject, Updater};
pub use rpc::Client;
pub use tls::Trust;
pub use verifier::{Differs, EvidenceError, Verifier};
pub use worker::{CheckedRecord, Worker};

/// Policies, for a [`Verifier`].
pub mod policy {
    pub use attestation::policy::*;
}
