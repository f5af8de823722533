//! Random calls, one after the other, to the engine and to a model that is too simple to be wrong.
//!
//! Time is kept out: a lease, delay or age is either nothing or longer than the test.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod reference;

use std::time::Duration;

use self::reference::{MAX_FINISHED, MAX_ORDERS, Model, Span, Stage};
use proptest::collection::vec;
use proptest::prelude::*;
use sconce_store::conformance::{Factory, Handle, Limits, Store};
use sconce_store::{Completion, Digest, Held, OrderId, PartitionId, State, Submission};

#[derive(Clone, Debug)]
enum Call {
    Submit {
        partition: u8,
        order: u8,
        replay: u8,
        digest: u8,
    },
    Claim {
        partition: u8,
        limit: usize,
        lease: Span,
    },
    /// Tokens are named by how long ago they were given.
    Extend {
        order: u8,
        ago: usize,
        lease: Span,
    },
    Release {
        order: u8,
        ago: usize,
        delay: Span,
        counts: bool,
    },
    Complete {
        order: u8,
        ago: usize,
        result: u8,
    },
    Expire {
        partition: u8,
        age: Span,
        limit: usize,
    },
    Evict {
        age: Span,
    },
    ForgetMarks {
        partition: u8,
        age: Span,
        limit: usize,
    },
    Restart,
}

fn call() -> impl Strategy<Value = Call> {
    let partition = 0..2_u8;
    let order = 0..9_u8;
    let span = prop_oneof![Just(Span::None), Just(Span::Long)];
    // Leases that last are the interesting ones.
    let lease = prop_oneof![1 => Just(Span::None), 3 => Just(Span::Long)];
    let ago = prop_oneof![4 => Just(0_usize), 1 => 1..4_usize];
    prop_oneof![
        8 => (partition.clone(), order.clone(), 0..9_u8, 0..2_u8).prop_map(
            |(partition, order, replay, digest)| Call::Submit { partition, order, replay, digest }),
        6 => (partition.clone(), 0..4_usize, lease.clone()).prop_map(
            |(partition, limit, lease)| Call::Claim { partition, limit, lease }),
        2 => (order.clone(), ago.clone(), lease).prop_map(
            |(order, ago, lease)| Call::Extend { order, ago, lease }),
        2 => (order.clone(), ago.clone(), span.clone(), any::<bool>()).prop_map(
            |(order, ago, delay, counts)| Call::Release { order, ago, delay, counts }),
        8 => (order, ago, any::<u8>()).prop_map(
            |(order, ago, result)| Call::Complete { order, ago, result }),
        1 => (partition.clone(), span.clone(), 0..4_usize).prop_map(
            |(partition, age, limit)| Call::Expire { partition, age, limit }),
        2 => span.clone().prop_map(|age| Call::Evict { age }),
        2 => (partition, span, 0..4_usize).prop_map(
            |(partition, age, limit)| Call::ForgetMarks { partition, age, limit }),
        1 => Just(Call::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        // A failing case is printed whole, and belongs into the conformance suite.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_engine_does_what_the_model_does(calls in vec(call(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(calls));
    }
}

async fn compare(calls: Vec<Call>) {
    let limits = Limits {
        max_orders: MAX_ORDERS,
        max_finished: MAX_FINISHED,
    };
    let store = common::Redb.create(limits).await;
    let mut both = Both {
        engine: Some(store.open().await),
        store,
        model: Model::default(),
    };
    for call in calls {
        both.perform(&call).await;
        both.make_room().await;
        both.compare_all(&call).await;
    }
}

struct Both {
    /// `None` only during a restart.
    engine: Option<Handle>,
    store: Box<dyn Store>,
    model: Model,
}

impl Both {
    async fn perform(&mut self, call: &Call) {
        let model = &mut self.model;
        let orders = &self.engine.as_ref().unwrap().orders;
        match *call {
            Call::Submit {
                partition,
                order,
                replay,
                digest,
            } => {
                let submitted = orders.submit(Submission {
                    partition: name(partition),
                    order: id(order),
                    replays: vec![vec![replay].into()],
                    digest: Digest([digest; 32]),
                    body: vec![order; 10],
                    memo: Vec::new(),
                });
                let expected = model.submit(partition, order, replay, digest);
                assert_eq!(submitted.await, Ok(expected), "{call:?}");
            }
            Call::Claim {
                partition,
                limit,
                lease,
            } => self.claim(partition, limit, lease).await,
            Call::Extend { order, ago, lease } => {
                let token = model.token(order, ago);
                let expected = match model.holder(order, token) {
                    Ok(_) => Held::Yes,
                    Err(lost) => Held::Lost(lost),
                };
                let held = orders.extend(&id(order), token, lease.duration()).await;
                assert_eq!(held, Ok(expected), "{call:?}");
            }
            Call::Release {
                order,
                ago,
                delay,
                counts,
            } => {
                let token = model.token(order, ago);
                let expected = match model.holder(order, token) {
                    Ok(entry) => {
                        entry.stage = Stage::Queued { delay };
                        entry.attempts -= u32::from(!counts);
                        Held::Yes
                    }
                    Err(lost) => Held::Lost(lost),
                };
                let held = orders
                    .release(&id(order), token, delay.duration(), counts)
                    .await;
                assert_eq!(held, Ok(expected), "{call:?}");
            }
            Call::Complete { order, ago, result } => {
                let token = model.token(order, ago);
                let completed = orders.complete(Completion {
                    order: id(order),
                    token,
                    result: vec![result],
                    appends: Vec::new(),
                });
                let expected = model.complete(order, token, result);
                assert_eq!(completed.await, Ok(expected), "{call:?}");
            }
            Call::Expire {
                partition,
                age,
                limit,
            } => {
                let expected = age.passed(|| model.expire(partition, limit));
                let ended = orders
                    .expire(&name(partition), age.duration(), &[0], limit)
                    .await;
                assert_eq!(ended, Ok(expected), "{call:?}");
            }
            Call::Evict { age } => {
                let expected = age.passed(|| model.evict());
                assert_eq!(
                    orders.evict(age.duration(), 100).await,
                    Ok(expected),
                    "{call:?}"
                );
            }
            Call::ForgetMarks {
                partition,
                age,
                limit,
            } => {
                let expected = age.passed(|| model.forget_marks(partition, limit));
                let queue = name(partition);
                let forgotten = orders.forget_marks(&queue, age.duration(), limit);
                assert_eq!(forgotten.await, Ok(expected), "{call:?}");
            }
            Call::Restart => {
                self.engine = None;
                self.engine = Some(self.store.open().await);
                self.model.restart();
            }
        }
    }

    /// Which of the orders that finished in the same moment are dropped is up to the engine.
    async fn make_room(&mut self) {
        let excess = self.model.counts().finished.saturating_sub(MAX_FINISHED);
        if excess == 0 {
            return;
        }
        let orders = &self.engine.as_ref().unwrap().orders;
        let mut dropped = Vec::new();
        for order in 0..9 {
            let state = orders.get(&id(order)).await.unwrap();
            if matches!(state, State::Evicted | State::Unknown) {
                dropped.push(order);
            }
        }
        let evicted = self.model.evict_those(|order| dropped.contains(&order));
        assert_eq!(evicted as u64, excess, "no more are dropped than must be");
    }

    /// Which of the claimable orders come is up to the engine.
    async fn claim(&mut self, partition: u8, limit: usize, lease: Span) {
        let queue = name(partition);
        let orders = &self.engine.as_ref().unwrap().orders;
        let claim = orders.claim(&queue, limit, lease.duration(), Duration::ZERO);
        let leases = claim.await.unwrap();
        let claimable = self.model.orders.values();
        let claimable = claimable.filter(|entry| entry.partition == partition && entry.claimable());
        assert_eq!(leases.len(), limit.min(claimable.count()));
        for claimed in leases {
            let order = claimed.order.as_bytes()[0];
            let tokens = self.model.tokens.entry(order).or_default();
            assert!(tokens.last().is_none_or(|&last| last < claimed.token));
            tokens.push(claimed.token);
            let entry = self.model.orders.get_mut(&order).unwrap();
            assert!(entry.partition == partition && entry.claimable());
            entry.attempts += 1;
            entry.token = Some(claimed.token);
            entry.stage = Stage::Leased { lease };
            assert_eq!(claimed.attempt, entry.attempts);
            assert_eq!(claimed.body, [order; 10]);
        }
    }

    async fn compare_all(&self, call: &Call) {
        let orders = &self.engine.as_ref().unwrap().orders;
        let mut counts = orders.counts().await.unwrap();
        assert!(counts.bytes > 0);
        counts.bytes = 0;
        assert_eq!(counts, self.model.counts(), "after {call:?}");
        for order in 0..9 {
            let expected = match self.model.orders.get(&order).map(|entry| &entry.stage) {
                None => State::Unknown,
                Some(Stage::Leased { lease: Span::Long }) => State::Leased,
                Some(Stage::Queued { .. } | Stage::Leased { .. }) => State::Queued,
                Some(Stage::Finished { result, .. }) => State::Finished(vec![*result]),
                Some(Stage::Evicted) => State::Evicted,
            };
            let state = orders.get(&id(order)).await;
            assert_eq!(state, Ok(expected), "order {order} after {call:?}");
        }
    }
}

fn name(partition: u8) -> PartitionId {
    vec![partition].into()
}

fn id(order: u8) -> OrderId {
    vec![order].into()
}
