//! A worker that is not verified, in the terms of the command line.

use std::fmt;
use std::path::PathBuf;

use attestation::Stage;
use client::EvidenceError;
use client::directory::Refusal;
use sconify::terminal::harmless;

use crate::args::DEFAULT_URI;
use crate::failure::Failure;
use crate::folders;
use crate::platform::{self, Found};
use crate::vault::REQUESTER_POLICY;

/// What the client library says before something was to be sent, with evidence in the terms of the command
/// line. `uri` is the listener's address.
pub(crate) fn of_client(what: &str, error: &client::Error, uri: &str) -> Failure {
    refused(what, ", and nothing was sent", error, uri)
}

/// The same of a command that sends nothing anyway.
pub(crate) fn of_look(what: &str, error: &client::Error, uri: &str) -> Failure {
    refused(what, "", error, uri)
}

fn refused(what: &str, besides: &str, error: &client::Error, uri: &str) -> Failure {
    let source = match error {
        client::Error::Evidence { source, .. } => source,
        client::Error::Directory { source, .. } => {
            return of_directory(
                format_args!("{what} is not the one in the directory{besides}: "),
                source,
            );
        }
        _ => return Failure::of_client(what, error),
    };
    let failure = Failure::failed(format_args!(
        "{what} is not verified{besides}: {}",
        harmless(&source.to_string())
    ));
    let failure = match source.stage() {
        Some(stage) => failure.with("stage", stage.name()),
        None => failure,
    };
    let failure = failure.coded(source.code());
    match advice(source, uri) {
        Some(advice) => failure.advised(advice),
        None => failure.advised(format_args!("see docs/errors/{}.md", source.code())),
    }
}

/// What a look-up in a directory was refused for; `before` stands before it.
pub(crate) fn of_directory(before: impl fmt::Display, error: &Refusal) -> Failure {
    let failure = Failure::failed(format_args!("{before}{}", harmless(&error.to_string())));
    let failure = failure.coded(error.code().to_owned());
    let failure = match error {
        Refusal::Keys(differing) => failure
            .with("shown", serde_json::json!(differing.shown))
            .with("published", serde_json::json!(differing.published)),
        _ => failure,
    };
    match error {
        Refusal::Keys(differing) if !differing.is_same_worker => failure.advised(
            "do not send it anything: the listener, or somebody behind it, gives out another worker's keys",
        ),
        Refusal::Keys(_) => failure.advised(
            "keys that were just made are published within seconds: try again; if that does not help, do not \
             send it anything",
        ),
        Refusal::Missing { .. } => failure.advised(
            "a worker is published moments after its start; `sconce keys get` shows what there is; \
             --insecure-skip-directory sends all the same",
        ),
        Refusal::NoAnswer(error) if error.is_passing() => failure.advised(
            "is the platform running, and the address in directory.json right? --insecure-skip-directory goes \
             without",
        ),
        Refusal::NotVerified(transparency::error::Error::Auditors { .. }) => failure.advised(
            "auditors sign moments after a head is published: ask those of the policy whether they run, and \
             what they found",
        ),
        Refusal::NotVerified(_) => failure.advised(
            "if directory.json is that of this address, the directory lies: keep the file of what was seen, \
             and ask its owner, and others what they see",
        ),
        Refusal::Memory { .. } => {
            failure.advised("if it is not the directory's doing, put its backup there, or remove it")
        }
        _ => failure.advised(format_args!("see docs/errors/{}.md", error.code())),
    }
}

/// What to do next, where the refusal does not say it.
fn advice(error: &EvidenceError, uri: &str) -> Option<String> {
    match error {
        EvidenceError::Missing => Some(
            "ask its operator for a worker that is attested; --insecure-skip-verify sends all the same, \
             to whoever made the keys"
                .to_owned(),
        ),
        EvidenceError::Root { .. } => Some(match own_platform(uri) {
            Some(folder) => format!(
                "it is your own simulated platform's: --data-dir {} takes the policy that is there",
                folder.display()
            ),
            None => "a simulated platform protects nothing; who takes it all the same gives the policy of \
                     its operator (--policy FILE), or --trust-root with its root"
                .to_owned(),
        }),
        EvidenceError::Keys { .. } => Some(
            "do not send it anything: the listener or somebody behind it shows keys that the worker has \
             not"
            .to_owned(),
        ),
        EvidenceError::Measurement { .. } => Some(
            "send it nothing unless you trust that program: after an upgrade take the new measurement from \
             its sources (`sconce sconify build`), and name that in the policy or with --expect-mrenclave"
                .to_owned(),
        ),
        EvidenceError::Policy(verdict) if verdict.stage() == Stage::PolicyDebug => Some(
            "whoever runs it can read what it is sent: ask for a worker of a release image; for tests, a \
             policy with allow_debug = true takes it (--policy FILE, or --data-dir of your own `sconce up`)"
                .to_owned(),
        ),
        _ => None,
    }
}

/// The data folder of this user's platform, if it has a policy and listens there.
fn own_platform(uri: &str) -> Option<PathBuf> {
    let folder = folders::usual_data().ok()?;
    let policy = folder.join(REQUESTER_POLICY).is_file();
    match platform::look(&folder) {
        Ok(Found::Running(Some(record)))
            if policy && (record.listener == uri || uri == DEFAULT_URI) =>
        {
            Some(folder)
        }
        _ => None,
    }
}
