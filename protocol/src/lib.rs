//! The wire protocol of Sconce: Hyperledger Avalon's JSON-RPC profile of the EEA Off-Chain
//! Trusted Compute Specification 1.1, as its SDK and workers speak it.
//!
//! Avalon is described nowhere in full, so its behaviour was established by running it. Comments cite
//! these *wire facts* by their sections: 2 HTTP and envelope, 3 methods and error codes, 4
//! cryptography, 5 worker records, 6 frames between manager and worker. `docs/protocol.md` says what
//! Sconce does differently, and why.
//!
//! Everything here is pure: bytes in, bytes out, randomness through [`Entropy`]. The listener, the
//! manager, the worker and the requester's library share these types, so that a rule stands once.
//!
//! | module | subject |
//! |---|---|
//! | [`json`] | objects read member by member: nothing twice, nothing too deep |
//! | [`envelope`] | the JSON-RPC request and reply |
//! | [`methods`] | parameters of the methods, with Avalon's texts for what is wrong |
//! | [`ids`] | order, worker, workload and requester ids: hex that is hashed as it was sent |
//! | [`crypto`] | RSA-OAEP, AES-256-GCM, ECDSA secp256k1, PEM |
//! | [`hash`] | the request and response hashes |
//! | [`opening`] | opening an order, with one verdict for all that can be wrong with it |
//! | [`pool`] | pools: keys of one order at a time, from a key management enclave to a processor |
//! | [`requester`] | building, encrypting and signing an order; opening its answer |
//! | [`answer`] | what a worker returns |
//! | [`detail`] | a workload's own message, encrypted |
//! | [`record`] | a worker's entry in the registry |
//! | [`receipt`] | receipts of orders, their updates, what is signed of both |
//! | [`entry`] | what a key directory publishes of a worker |
//! | [`report_data`] | what programs have quoted |
//! | [`processor`] | the frames between a manager and a worker |
//! | [`membership`] | the frames between a host and the manager |
//! | [`token`] | the secrets that hosts and operators show |
//! | [`reason`] | every error on the wire: code, text, stable reason |

pub mod answer;
pub mod crypto;
pub mod detail;
pub mod entry;
pub mod envelope;
pub mod hash;
pub mod ids;
pub mod json;
pub mod membership;
pub mod methods;
pub mod opening;
pub mod pool;
pub mod processor;
pub mod reason;
pub mod receipt;
pub mod record;
pub mod report_data;
pub mod requester;
pub mod token;

pub use crypto::entropy::{Entropy, EntropyFailed, SystemEntropy};
pub use ids::{HexText, RequesterId, WorkOrderId, WorkerId, WorkloadId};
pub use reason::Reason;
