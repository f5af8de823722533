//! Why a command failed, for the person at the terminal.

use std::borrow::Cow;
use std::fmt;
use std::process::ExitCode;

use client::RpcError;
use protocol::Reason;
use sconify::terminal::foreign::harmless;
use serde_json::{Value, json};

use crate::args::DEFAULT_URI;
use crate::folders;
use crate::platform::{self, Found};
use crate::settings::Fault;
use crate::verification;

/// What went wrong, what to do next, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    code: Option<Cow<'static, str>>,
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
            code: None,
            json: json!({ "message": message }),
            lines: vec![message],
        }
    }

    /// Gives it a code, which has a page in `docs/errors`.
    #[must_use]
    pub(crate) fn coded(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        let code = code.into();
        self.json["code"] = code.as_ref().into();
        self.json["docs"] = format!("docs/errors/{code}.md").into();
        self.code = Some(code);
        self
    }

    /// One more member of what `--json` shows.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.json[member] = value.into();
        self
    }

    /// One more line: what to do next.
    #[must_use]
    pub(crate) fn advice(mut self, line: impl fmt::Display) -> Self {
        self.lines.push(line.to_string());
        self
    }

    /// The only line of advice, which `--json` shows too.
    #[must_use]
    pub(crate) fn advised(mut self, line: impl fmt::Display) -> Self {
        let line = line.to_string();
        self.json["advice"] = line.as_str().into();
        self.advice(line)
    }

    /// What stands before it on standard error.
    pub(crate) fn mark(&self) -> String {
        match &self.code {
            Some(code) => format!("error[{code}]: "),
            None => "error: ".to_owned(),
        }
    }

    /// Its code, if it has one.
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What went wrong, without advice.
    pub(crate) fn message(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.exit.into()
    }

    /// The failure as `--json` shows it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": self.json })
    }

    /// The failure that another `sconce` has written as `--json` shows it, if it is one.
    pub(crate) fn from_json(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let error = &value["error"];
        let failure = Self::failed(harmless(error["message"].as_str()?));
        let failure = match error["code"].as_str() {
            Some(code) if is_code(code) => failure.coded(code.to_owned()),
            _ => failure,
        };
        Some(match error["advice"].as_str() {
            Some(advice) => failure.advised(harmless(advice)),
            None => failure,
        })
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
        if let Some(advice) = error.reason.and_then(advice_on) {
            failure = failure.advice(advice);
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

    /// What a client of a vault says. Code, message and advice may be the vault's own.
    pub(crate) fn of_vault(error: &vault_client::Error) -> Self {
        Self::of_vault_advised(error, error.advice())
    }

    /// The same with advice of this command's own, where it knows more.
    pub(crate) fn of_vault_advised(error: &vault_client::Error, advice: Option<&str>) -> Self {
        let failure = Self::failed(harmless(&error.to_string()));
        let failure = match error.code() {
            code if is_code(code) => failure.coded(code.to_owned()),
            _ => failure,
        };
        match advice {
            Some(advice) => failure.advised(harmless(advice)),
            None => failure,
        }
    }

    /// Settings that can't be used, if there are any: each is a line.
    pub(crate) fn of_settings(faults: &[Fault]) -> Option<Self> {
        let (first, others) = faults.split_first()?;
        let failure = Self::unusable(first);
        Some(others.iter().fold(failure, Self::advice))
    }

    /// What the registry of workloads says; its errors have their cause beside them.
    pub(crate) fn of_registry(error: &registry::Error) -> Self {
        use registry::Error as E;
        let mut failure = match error {
            E::BadId { .. } | E::Reserved { .. } | E::Taken { .. } => Self::unusable(error),
            _ => Self::failed(error),
        };
        let mut cause = std::error::Error::source(error);
        while let Some(deeper) = cause {
            failure = failure.advice(deeper);
            cause = deeper.source();
        }
        failure
    }

    /// Whatever the client library says; `what` failed.
    pub(crate) fn of_client(what: impl fmt::Display, error: &client::Error) -> Self {
        use client::Error as E;
        match error {
            E::Rpc(error) => Self::of_rpc(what, error),
            E::Uri { .. } | E::Build(_) => Self::unusable(error),
            E::Tls(_) => Self::unusable(error).advice("--ca FILE names the authority's certificate"),
            E::NotTrusted { .. } => Self::failed(error).advice(
                "if it is yours: --ca FILE, or SCONCE_CA, names the certificate of its authority",
            ),
            E::Transport { uri, .. } => Self::failed(error).advice(running_elsewhere(uri).unwrap_or(
                "start a platform with `sconce up`, or give another address with --uri".to_owned(),
            )),
            E::TimedOut { order, .. } => Self::failed(error)
                .advice(format_args!("fetch it later: sconce order get {}", short(order.as_str())))
                .advice("`sconce status` shows whether its worker is there"),
            E::NotVerified { .. } => Self::failed(error)
                .advice("somebody between the worker and you changed it, or answers in its place; do not use it"),
            E::Evidence { .. } => {
                verification::of_client(&what.to_string(), error, DEFAULT_URI)
            }
            E::NotActive { .. } => Self::failed(error).advice("see `sconce worker list`"),
            _ => Self::failed(error),
        }
    }
}

/// Whether a text that came from elsewhere looks as codes do: it's made a file's name of.
pub(crate) fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || b".-".contains(&byte);
    text.len() <= 40 && !text.contains("..") && text.bytes().all(plain)
}

/// What to do next, where that is not the same for every error.
fn advice_on(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::WorkerUnknown => Some("`sconce worker list` shows what there is"),
        Reason::WorkloadUnknown => Some(
            "a running platform has the workloads that it was started with: after a change, `sconce \
             down` and `sconce up`; `sconce workload list` shows those of this checkout",
        ),
        Reason::WorkerLost => Some(
            "the worker's process ended while it ran the order (a stack overflow, or no memory \
             left?); the platform's log says which",
        ),
        _ => None,
    }
}

/// Where the platform of this user is, if not at the address that nobody answers at.
fn running_elsewhere(uri: &str) -> Option<String> {
    let folder = folders::usual_data().ok()?;
    match platform::look(&folder) {
        Ok(Found::Running(Some(record))) if uri == DEFAULT_URI && record.listener != uri => {
            let there = record.listener;
            Some(format!(
                "your platform listens at {there}: --uri {there}, or export SCONCE_URI={there}"
            ))
        }
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
