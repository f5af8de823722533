//! What each fuzz target does with its bytes.
//!
//! A target is a function of bytes that panics if something is wrong. `fuzz_targets/` hands them to
//! libFuzzer; `tests/tests/fuzz_corpora.rs` runs every file of `corpus/` through them, so that what a
//! fuzzer once found is tested without one. `docs/testing.md` says how to run them and how far they
//! got.
//!
//! | target | bytes are |
//! |---|---|
//! | [`request`] | the body of a request to the listener |
//! | [`link`] | what an enclave program or its host writes to the other, in pieces |
//! | [`frames`] | a ZeroMQ frame, to each of those that read one |
//! | [`engine`] | a frame to a worker |
//! | [`order`] | a recipe for an order that is sealed properly, so that it gets past decryption |
//! | [`receipt`] | the parameters of the receipts' methods |
//! | [`elf`] | a program for an enclave |
//! | [`enclave_toml`] | an `enclave.toml` |
//! | [`collateral`] | collateral, a document of it, or changes to what is genuine |
//! | [`policy`] | a policy, in JSON or TOML |
//! | [`quote`] | a quote, or changes to one |
//! | [`session`] | a session of CAS, in YAML |
//! | [`attestation_request`] | a request for secrets, or changes to a good one |
//! | [`release`] | a message between a program and its vault, or changes to a release |
//! | [`report_socket`] | what a launched program and its host write on its report socket |
//! | [`sgxs`] | a measurement stream, and the length of its pieces |
//! | [`sigstruct`] | a SIGSTRUCT, or changes to one that holds |
//! | [`certificate`] | a certificate, a revocation list, a chain as text; or changes to one of Intel's |
//! | [`pool`] | what a manager of a pool asks of a vault, and the keys of an order |
//! | [`vault_http`] | the head of a request to a vault |
//! | [`journal`] | the file of a vault's journal, or changes to one |
//! | [`kt_json`] | the JSON of a key directory |
//! | [`kt_protobuf`] | a message of a key directory, or changes to an update |
//! | [`kt_proof`] | what proves a key directory's answers, or changes to proofs that hold |
//! | [`file_manifest`] | a path, and the manifest of an image's files |

pub mod attestation_request;
pub mod certificate;
pub mod collateral;
pub mod elf;
pub mod enclave_toml;
pub mod engine;
pub mod file_manifest;
pub mod frames;
pub mod journal;
pub mod kt_json;
pub mod kt_proof;
pub mod kt_protobuf;
pub mod link;
pub mod order;
pub mod policy;
pub mod pool;
pub mod quote;
pub mod receipt;
pub mod release;
pub mod report_socket;
pub mod request;
pub mod seeds;
pub mod session;
pub mod sgxs;
pub mod sigstruct;
mod support;
pub mod vault_http;
mod vaults;

/// A target: its name, which is also that of its folder in `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("request", request::run),
    ("link", link::run),
    ("frames", frames::run),
    ("engine", engine::run),
    ("order", order::run),
    ("receipt", receipt::run),
    ("elf", elf::run),
    ("enclave_toml", enclave_toml::run),
    ("quote", quote::run),
    ("release", release::run),
    ("session", session::run),
    ("attestation_request", attestation_request::run),
    ("report_socket", report_socket::run),
    ("sgxs", sgxs::run),
    ("sigstruct", sigstruct::run),
    ("file_manifest", file_manifest::run),
    ("certificate", certificate::run),
    ("collateral", collateral::run),
    ("policy", policy::run),
    ("vault_http", vault_http::run),
    ("pool", pool::run),
    ("journal", journal::run),
    ("kt_json", kt_json::run),
    ("kt_protobuf", kt_protobuf::run),
    ("kt_proof", kt_proof::run),
];
