//! The requester's side of Sconce: find a worker, check it, send it work orders, verify and decrypt
//! the answers.
//!
//! ```no_run
//! # use sconce_client as client;
//! use client::{Client, Order, WorkerId};
//!
//! # async fn example() -> Result<(), client::Error> {
//! let client = Client::connect("http://localhost:1947")?;
//! let worker = client.worker(&WorkerId::from_name("scone-worker-1")).await?;
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
//! in the worker's record has signed it, for this very order. That the record is the worker's own,
//! and that an enclave holds its keys, needs evidence that this version can't check:
//! [`Worker::not_proved`] says so, in words to be shown to people.
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
mod error;
mod http;
mod order;
mod receipt;
mod rpc;
mod tls;
mod wait;
mod worker;

pub use answer::{Answer, Pending};
pub use error::{Error, RpcError};
pub use http::Options;
pub use order::{Order, Sealed, Submitted};
pub use protocol::receipt::ReceiptStatus;
pub use protocol::requester::Protection;
pub use protocol::{WorkOrderId, WorkerId, WorkloadId};
pub use receipt::{CheckedReceipt, ReceiptCriteria, Subject, Updater};
pub use rpc::Client;
pub use tls::Trust;
pub use worker::{Criteria, NotProved, Worker};
