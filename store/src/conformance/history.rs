//! Case: a crowd works a queue down, and the history that it writes has to make sense.
//!
//! Callers repeat whatever has no sure answer, as the interface asks them to, so this case holds
//! on a bad connection too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Factory, Handle, SHORT, SLACK, completion, order, partition, two};
use crate::{Completed, Error, Lease, OrderId, State, Submitted, Token};

const ORDERS: usize = 60;
const SUBMITTERS: usize = 4;
const WORKERS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct History(Arc<Mutex<Vec<Event>>>);

#[derive(Debug)]
enum Event {
    Accepted(OrderId),
    /// A lease that nobody may have taken away before `end`.
    Leased {
        order: OrderId,
        token: Token,
        received: Instant,
        end: Instant,
    },
    Stored(OrderId, Token, Vec<u8>),
    Seen(OrderId, Vec<u8>),
}

impl History {
    fn write(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// Submitters with the same orders, workers that lose leases, and readers: every accepted order
/// ends with one result that everyone sees, stored under one token; leases of an order neither
/// overlap nor get smaller tokens.
pub async fn every_order_ends_once(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let history = History::default();
    let mut crowd = JoinSet::new();
    for _ in 0..SUBMITTERS {
        crowd.spawn(submitter(a.clone(), history.clone()));
    }
    for number in 0..WORKERS {
        let handle = if number % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        crowd.spawn(worker(handle, history.clone(), number));
    }
    for number in 0..ORDERS {
        let handle = if number % 2 == 0 {
            b.clone()
        } else {
            a.clone()
        };
        crowd.spawn(reader(handle, history.clone(), id(number)));
    }
    crowd.join_all().await;
    let events = std::mem::take(&mut *history.0.lock().unwrap());
    check(events);
}

fn id(number: usize) -> OrderId {
    order(&format!("order {number}")).order
}

async fn submitter(handle: Handle, history: History) {
    for number in 0..ORDERS {
        let submission = order(&format!("order {number}"));
        match repeat(|| handle.orders.submit(submission.clone())).await {
            Submitted::Accepted | Submitted::AlreadyAccepted => {
                history.write(Event::Accepted(submission.order));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Claims until everything has ended. Loses a lease now and then.
async fn worker(handle: Handle, history: History, number: usize) {
    let begin = Instant::now();
    let mut turn = number;
    loop {
        assert!(begin.elapsed() < PATIENCE, "orders did not end in time");
        let pause = Duration::from_millis(100);
        let asked = Instant::now();
        let leases = repeat(|| handle.orders.claim(partition(), 3, SHORT, pause)).await;
        let received = Instant::now();
        if leases.is_empty() {
            let counts = repeat(|| handle.orders.counts()).await;
            if counts.finished == ORDERS as u64 {
                return;
            }
        }
        for lease in leases {
            turn += 1;
            let (order, token) = (lease.order.clone(), lease.token);
            // The engine began to count after it was asked; it may count in milliseconds.
            let deadline = asked + SHORT - Duration::from_millis(2);
            let given_up = work(&handle, &history, lease, turn).await;
            history.write(Event::Leased {
                order,
                token,
                received,
                end: deadline.min(given_up),
            });
        }
    }
}

/// Ends a lease one way or the other; returns when it began to.
async fn work(handle: &Handle, history: &History, lease: Lease, turn: usize) -> Instant {
    let Lease { order, token, .. } = lease;
    if turn.is_multiple_of(11) {
        // A worker that hangs: its late result must not count.
        tokio::time::sleep(SHORT + Duration::from_millis(200)).await;
    }
    let given_up = Instant::now();
    if turn.is_multiple_of(7) {
        let zero = Duration::ZERO;
        repeat(|| handle.orders.release(&order, token, zero, true)).await;
        return given_up;
    }
    let result = format!("result {} of {order:?}", token.0);
    let completion = completion(&order, token, &result);
    match repeat(|| handle.orders.complete(completion.clone())).await {
        Completed::Stored | Completed::AlreadyStored => {
            history.write(Event::Stored(order, token, result.into_bytes()));
        }
        Completed::Lost(_) => {}
    }
    given_up
}

async fn reader(handle: Handle, history: History, order: OrderId) {
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < PATIENCE, "an order did not end in time");
        match repeat(|| handle.orders.wait(&order, SLACK)).await {
            State::Finished(result) => return history.write(Event::Seen(order, result)),
            State::Unknown => tokio::time::sleep(Duration::from_millis(5)).await,
            State::Queued | State::Leased => {}
            State::Evicted => panic!("nobody evicts"),
        }
    }
}

/// Repeats a call until it has an answer, as every caller may.
async fn repeat<T, F: Future<Output = Result<T, Error>>>(mut call: impl FnMut() -> F) -> T {
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(Error::Unknown(_) | Error::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lets the history make sense, or says where it does not.
fn check(events: Vec<Event>) {
    let mut accepted = BTreeSet::new();
    let mut leases = BTreeMap::<_, Vec<_>>::new();
    let mut stored = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for event in events {
        match event {
            Event::Accepted(order) => _ = accepted.insert(order),
            Event::Leased {
                order,
                token,
                received,
                end,
            } => leases
                .entry(order)
                .or_default()
                .push((token, received, end)),
            Event::Stored(order, token, result) => {
                let before = stored.insert(order.clone(), result);
                assert!(
                    before.is_none(),
                    "{order:?} was stored again under {token:?}"
                );
            }
            Event::Seen(order, result) => _ = seen.insert(order, result),
        }
    }
    assert_eq!(accepted.len(), ORDERS);
    assert_eq!(seen.len(), ORDERS, "every accepted order ends");
    for (order, result) in &seen {
        assert_eq!(
            stored.get(order),
            Some(result),
            "what is seen is what was stored"
        );
    }
    for (order, mut leases) in leases {
        leases.sort_by_key(|&(token, _, _)| token);
        for pair in leases.windows(2) {
            let ((first, _, end), (second, received, _)) = (pair[0], pair[1]);
            assert!(first < second, "{order:?} was leased twice under {first:?}");
            assert!(
                end <= received,
                "{order:?}: {second:?} was given during {first:?}"
            );
        }
    }
}
