//! What the demonstration shows: a requester's steps, one line each.

use std::fmt;
use std::time::{Duration, Instant};

use client::{Answer, Client, Error, Order, Sealed, Worker, WorkerId};
use protocol::Reason;
use sconify::terminal::foreign::harmless;
use serde_json::Value;

use crate::failure::{Failure, short};
use crate::terminal::Terminal;
use crate::verification::{self, Requirement};

/// The worker that gets the orders.
pub(super) const WORKER: &str = "scone-worker-1";

/// An order, and what must come of it.
struct Scene {
    workload: &'static str,
    input: &'static str,
    expected: Expected,
}

enum Expected {
    Answer(&'static str),
    /// The workload's own message, which the requester alone can read.
    Refusal(Reason),
}

const SCENES: [Scene; 4] = [
    Scene {
        workload: "python-hello",
        input: "Mujtaba",
        expected: Expected::Answer("Hello Mujtaba"),
    },
    Scene {
        workload: "python-fib",
        input: "5",
        expected: Expected::Answer("Fibonacci number at position 5 = 5"),
    },
    Scene {
        workload: "secure-transaction",
        input: "100 100 50 50",
        expected: Expected::Answer("Sender balance = 75, receiver balance = 125"),
    },
    Scene {
        workload: "secure-transaction",
        input: "10 100 50 0",
        expected: Expected::Refusal(Reason::WorkloadInput),
    },
];

/// Longest time for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Plays all scenes, with a worker that fits the requirement.
pub(super) async fn play(
    client: &Client,
    requirement: &Requirement,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let stage = Stage { terminal };
    stage.act(format_args!("The worker {WORKER}"));
    let id = WorkerId::from_name(WORKER);
    let worker = requirement.worker(client, &id, WORKER).await?;
    stage.worker(&worker);
    for (scene, number) in SCENES.iter().zip(1..) {
        stage.act(format_args!(
            "Order {number}: {} {:?}",
            scene.workload, scene.input
        ));
        stage.scene(client, &worker, scene).await?;
    }
    Ok(())
}

struct Stage<'a> {
    terminal: &'a Terminal,
}

impl Stage<'_> {
    fn act(&self, title: impl fmt::Display) {
        self.terminal.print(format_args!("\n{title}"));
    }

    fn step(&self, name: &str, text: impl fmt::Display) {
        self.terminal.print(format_args!("  {name:<16} {text}"));
    }

    fn worker(&self, worker: &Worker) {
        self.step(
            "record",
            format_args!(
                "of {}…, as the listener gives it",
                short(worker.id().as_str())
            ),
        );
        self.step(
            "checked",
            format_args!("status: {}", worker.record().status.name()),
        );
        self.step(
            "checked",
            format_args!(
                "its secp256k1 key has signed its RSA key of {} bits",
                worker.encryption_key().bits()
            ),
        );
        let measured = worker.evidence().and_then(verification::measurement_of);
        self.step(
            "verified",
            format_args!(
                "its evidence: the program {} has these keys",
                measured.as_deref().unwrap_or("that was launched")
            ),
        );
        for gap in worker.not_proved() {
            self.step("NOT proved", gap);
        }
    }

    async fn scene(&self, client: &Client, worker: &Worker, scene: &Scene) -> Result<(), Failure> {
        let failure = |error: &Error| Failure::of_client(scene.workload, error);
        let order = Order::new(worker, scene.workload).input(scene.input);
        let sealed = order.seal().map_err(|error| failure(&error))?;
        self.sealed(&sealed);
        let begun = Instant::now();
        let early = client
            .post(&sealed)
            .await
            .map_err(|error| failure(&error))?;
        let state = if early.is_some() {
            "answered"
        } else {
            "accepted, pending (code 5)"
        };
        self.step(
            "submitted",
            format_args!("order {}…: {state}", short(sealed.pending.id().as_str())),
        );
        let outcome = match early {
            Some(answer) => Ok(answer),
            None => client.wait(&sealed.pending, ANSWER).await,
        };
        self.ending(outcome, begun.elapsed(), scene)
    }

    fn ending(
        &self,
        outcome: Result<Answer, Error>,
        took: Duration,
        scene: &Scene,
    ) -> Result<(), Failure> {
        match (outcome, &scene.expected) {
            (Ok(answer), Expected::Answer(expected)) => {
                self.step("answered", format_args!("after {took:.0?}"));
                self.step(
                    "signature",
                    "valid: the worker's, over this order's ids and this answer",
                );
                self.step("decrypted", harmless(&answer.text()));
                if answer.text() != *expected {
                    return Err(Failure::failed(format_args!("{expected:?} was expected")));
                }
                Ok(())
            }
            (Err(Error::Rpc(error)), Expected::Refusal(reason))
                if error.reason == Some(*reason) =>
            {
                self.step(
                    "failed",
                    format_args!(
                        "after {took:.0?}, as it should: {} ({reason})",
                        harmless(&error.message)
                    ),
                );
                let detail = error.detail.as_deref().ok_or_else(|| {
                    Failure::failed("the workload's message was expected, and there is none")
                })?;
                self.step(
                    "decrypted",
                    format_args!("the workload says: {}", harmless(detail)),
                );
                Ok(())
            }
            (Err(error), _) => Err(Failure::of_client(scene.workload, &error)),
            (Ok(_), Expected::Refusal(_)) => Err(Failure::failed(
                "the order was answered, and it should have failed",
            )),
        }
    }

    fn sealed(&self, sealed: &Sealed) {
        let params: Value = serde_json::from_str(sealed.params()).unwrap_or_default();
        let text = |value: &Value| short(value.as_str().unwrap_or_default()).to_owned();
        let key = text(&params["encryptedSessionKey"]);
        self.step(
            "session key",
            format_args!("fresh, AES-256; encrypted to the worker: {key}…"),
        );
        self.step(
            "input",
            format_args!("encrypted: {}…", text(&params["inData"][0]["data"])),
        );
        self.step("request hash", hex::encode(sealed.request_hash));
    }
}
