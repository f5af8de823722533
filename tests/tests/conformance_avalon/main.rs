//! Every file of the outside Avalon vectors, against the engine and against a running platform.
//!
//! `SCONCE_VECTORS` names the folder (else `../shared/vectors`); another set of the same layout
//! works too. For each file the program prints what was checked. It has no harness of its own
//! because that would hide what it prints.

mod envelopes;
mod flow;
mod frames;
mod http;
mod orders;
mod pool;
mod receipts;
mod registry;
mod vector_worker;

use std::process::ExitCode;

pub(crate) use sconce_tests::ensure;
use sconce_tests::platform::{Platform, Setup};
use sconce_tests::vectors;
pub(crate) use sconce_tests::verdicts::Verdict;
use sconce_tests::verdicts::Verdicts;
use serde_json::Value;

use vector_worker::VectorWorker;

fn main() -> ExitCode {
    let Some(folder) = vectors::folder("avalon") else {
        return Verdicts::skipped();
    };
    println!("\nvectors in {}", folder.display());
    let files = vectors::json_files(&folder);
    let keys = files.iter().find(|(name, _)| name == "keys.json");
    let (_, keys) = keys.expect("keys.json is among the vectors");
    let suite = Suite::start(VectorWorker::read(keys));

    let mut verdicts = Verdicts::default();
    for (name, value) in &files {
        verdicts.tell(name, suite.check(name, value));
    }
    verdicts.end()
}

/// The vectors' worker twice: as an engine in this process, and behind a running platform.
struct Suite {
    worker: VectorWorker,
    platform: Platform,
    /// Knows the worker, and has no process for it yet: orders stay pending.
    idle: Platform,
}

impl Suite {
    fn start(worker: VectorWorker) -> Self {
        let platform = Platform::start(Setup {
            workers: vec![worker.name.clone()],
            keys: vec![(worker.name.clone(), worker.unattested())],
            ..Setup::default()
        });
        let idle = Platform::start(Setup::default());
        Self {
            worker,
            platform,
            idle,
        }
    }

    fn check(&self, name: &str, value: &Value) -> Verdict {
        match name {
            "wpe_flow.json" => pool::check(self, value),
            "keys.json" => self.worker.check(value),
            "signatures.json" => self.worker.check_signatures(value),
            "worker_retrieve.json" => registry::retrieve(self, value),
            "worker_lookup.json" => registry::look_up(self, value),
            "receipts.json" => receipts::check(self, value),
            "async_flow.json" => flow::check(self, value),
            "error_envelopes.json" => envelopes::check(self, value),
            "zmq_signup.json" => frames::signup(self, value),
            "zmq_worker_errors.json" => frames::errors(self, value),
            "http_generic_client_sync.json" => http::check(self, value),
            _ if value.get("zmq_request_frame_utf8").is_some() => orders::check(self, value),
            _ => Err("nothing here knows how to check a file of this shape".to_owned()),
        }
    }
}

/// A member that must be a string.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name]
        .as_str()
        .ok_or_else(|| format!("{name} is no text"))
}

/// The elements of a member that must be an array.
fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    value[name]
        .as_array()
        .ok_or_else(|| format!("{name} is no array"))
}

/// Reads JSON.
fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|fault| format!("the reply is no JSON: {fault}"))
}
