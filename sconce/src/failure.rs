//! Why a command failed, for the person at the terminal.

use std::fmt;
use std::process::ExitCode;

use client::RpcError;
use protocol::Reason;
use serde_json::{Value, json};

use crate::foreign::harmless;

/// What went wrong, what to do next, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    lines: Vec<String>,
    json: Value,
}

impl Failure {
    /// The operation was tried and failed: exit status 1.
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self::new(1, message)
    }

    /// An input can't be used, so nothing was tried: exit status 2.
    pub(crate) fn unusable(message: impl fmt::Display) -> Self {
        Self::new(2, message)
    }

    fn new(exit: u8, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self {
            exit,
            json: json!({ "message": message }),
            lines: vec![message],
        }
    }

    /// One more line: what to do next.
    #[must_use]
    pub(crate) fn advice(mut self, line: impl fmt::Display) -> Self {
        self.lines.push(line.to_string());
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.exit.into()
    }

    /// The failure as `--json` shows it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": self.json })
    }

    /// An error that the listener or the worker answered with; `what` failed.
    pub(crate) fn of_rpc(what: impl fmt::Display, error: &RpcError) -> Self {
        let reason = error.reason.map(|reason| reason.code());
        let label = reason
            .map(|reason| format!(", {reason}"))
            .unwrap_or_default();
        let mut failure = Self::failed(format_args!(
            "{what}: {} (code {}{label})",
            harmless(&error.message),
            error.code
        ));
        if let Some(detail) = &error.detail {
            failure = failure.advice(format_args!("the workload says: {}", harmless(detail)));
        }
        if let Some(command) = error.reason.and_then(instead) {
            failure = failure.advice(format_args!("`{command}` shows what there is"));
        }
        let docs = reason.map(|reason| format!("docs/errors/{reason}.md"));
        if let Some(docs) = &docs {
            failure = failure.advice(format_args!("see {docs}"));
        }
        failure.json = json!({
            "message": error.message,
            "code": error.code,
            "reason": reason,
            "detail": error.detail,
            "docs": docs,
            "workOrderId": error.work_order_id,
        });
        failure
    }

    /// Whatever the client library says; `what` failed.
    pub(crate) fn of_client(what: impl fmt::Display, error: &client::Error) -> Self {
        use client::Error as E;
        match error {
            E::Rpc(error) => Self::of_rpc(what, error),
            E::Uri { .. } | E::Build(_) => Self::unusable(error),
            E::Transport { .. } => Self::failed(error)
                .advice("start a platform with `sconce up`, or give another address with --uri"),
            E::TimedOut { order, .. } => Self::failed(error)
                .advice(format_args!("fetch it later: sconce order get {}", short(order.as_str()))),
            E::NotVerified { .. } => Self::failed(error)
                .advice("somebody between the worker and you changed it, or answers in its place; do not use it"),
            E::NotActive { .. } => Self::failed(error).advice("see `sconce worker list`"),
            _ => Self::failed(error),
        }
    }
}

/// The command that lists what could have been named.
fn instead(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::WorkerUnknown => Some("sconce worker list"),
        Reason::WorkloadUnknown => Some("sconce workload list"),
        _ => None,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n       "))
    }
}

/// Enough of an id to name it.
pub(crate) fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}
