//! Carrying what a program asks to its vault, and back.
//!
//! A vault may be away, or slow, and the host's one thread never waits. So a thread of its own does: it
//! has one question at a time, asks it again while the vault can't be reached, and gives up what a
//! program asked that is gone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mio::Waker;
use provision::api::{Failure, Fault};
use provision::relay::{Ask, Told};
use serde_json::value::RawValue;

use crate::backoff::Backoff;
use crate::error::Error;

/// First and longest wait before a vault that is away is tried again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// How long a vault may be away before the program is told so, and its log. It's less than a program may
/// take to be ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often waiting is interrupted to see whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// The code of a vault that can't be reached.
const UNREACHABLE: &str = "vault.unreachable";

/// Who asks the vault. What it keeps open between questions is its own affair.
pub(crate) trait Line: Send + 'static {
    /// What the vault answers.
    fn ask(&mut self, ask: &Ask) -> Result<Told, Unanswered>;
}

/// There is no answer of the vault.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// Whether the question may be asked again: it has not been heard, or does no harm twice.
    pub(crate) again: bool,
    /// What happened, in a line.
    pub(crate) why: String,
}

/// The courier of a host, as its main thread sees it.
pub(crate) struct Courier {
    questions: mpsc::Sender<Question>,
    answers: mpsc::Receiver<Answer>,
    /// Counts those who ask: what was asked before the present one is of no interest.
    asker: Arc<AtomicU64>,
    /// Whether a question is on its way.
    busy: bool,
}

struct Question {
    asker: u64,
    tag: u64,
    ask: Ask,
}

struct Answer {
    asker: u64,
    tag: u64,
    told: Told,
}

impl Courier {
    /// A courier that asks on `line`, and wakes the host with its answers.
    pub(crate) fn start(line: impl Line, waker: Waker) -> Result<Self, Error> {
        let (questions, asked) = mpsc::channel();
        let (answered, answers) = mpsc::channel();
        let asker = Arc::default();
        let run = Run {
            line,
            asker: Arc::clone(&asker),
        };
        thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || run.run(&asked, &answered, &waker))
            .map_err(Error::system("start a thread"))?;
        Ok(Self {
            questions,
            answers,
            asker,
            busy: false,
        })
    }

    /// Takes a question, unless there is one already.
    pub(crate) fn send(&mut self, tag: u64, ask: Ask) -> bool {
        let asker = self.asker.load(Ordering::Relaxed);
        let free = !std::mem::replace(&mut self.busy, true);
        // The thread ends with this, not before.
        free && self.questions.send(Question { asker, tag, ask }).is_ok()
    }

    /// The answer that has arrived, with its question's tag.
    pub(crate) fn receive(&mut self) -> Option<(u64, Told)> {
        let asker = self.asker.load(Ordering::Relaxed);
        let answer = self
            .answers
            .try_iter()
            .find(|answer| answer.asker == asker)?;
        self.busy = false;
        Some((answer.tag, answer.told))
    }

    /// Whoever asked is gone.
    pub(crate) fn forget(&mut self) {
        self.asker.fetch_add(1, Ordering::Relaxed);
        self.busy = false;
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        // So that its thread doesn't wait for a vault for nothing.
        self.forget();
    }
}

/// The courier's thread.
struct Run<L> {
    line: L,
    asker: Arc<AtomicU64>,
}

impl<L: Line> Run<L> {
    fn run(
        mut self,
        questions: &mpsc::Receiver<Question>,
        answers: &mpsc::Sender<Answer>,
        waker: &Waker,
    ) {
        for Question { asker, tag, ask } in questions {
            let Some(told) = self.carry(asker, &ask) else {
                continue;
            };
            let answer = Answer { asker, tag, told };
            if answers.send(answer).is_err() || waker.wake().is_err() {
                return;
            }
        }
    }

    /// Asks until there is an answer or patience ends; `None` if nobody waits for it any more.
    fn carry(&mut self, asker: u64, ask: &Ask) -> Option<Told> {
        let until = Instant::now() + PATIENCE;
        let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
        let mut said = false;
        loop {
            if !self.is_wanted(asker) {
                return None;
            }
            let Unanswered { again, why } = match self.line.ask(ask) {
                Ok(told) => return Some(told),
                Err(unanswered) => unanswered,
            };
            if !again || Instant::now() >= until {
                return Some(unreachable(why));
            }
            if !std::mem::replace(&mut said, true) {
                tracing::info!("trying again until there is a vault: {why}");
            }
            self.rest(asker, backoff.wait());
        }
    }

    fn is_wanted(&self, asker: u64) -> bool {
        self.asker.load(Ordering::Relaxed) == asker
    }

    /// Waits, unless there is nobody to wait for.
    fn rest(&self, asker: u64, time: Duration) {
        let until = Instant::now() + time;
        while self.is_wanted(asker) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

/// What a program is told when the host has no answer of the vault.
fn unreachable(why: String) -> Told {
    told(
        0,
        &Failure {
            error: Fault {
                code: UNREACHABLE.to_owned(),
                message: why,
                advice: Some("see that it runs and that the address is its own".to_owned()),
            },
        },
    )
}

/// What a program is told that asks for what nobody here has.
pub(crate) fn refused(code: &str, message: &str) -> Told {
    told(
        404,
        &Failure {
            error: Fault {
                code: code.to_owned(),
                message: message.to_owned(),
                advice: None,
            },
        },
    )
}

/// An answer with this body, which can be written as JSON.
pub(crate) fn told(status: u16, body: &impl serde::Serialize) -> Told {
    let body = serde_json::value::to_raw_value(body);
    Told {
        status,
        body: body.unwrap_or_else(|_| RawValue::NULL.to_owned()),
    }
}
