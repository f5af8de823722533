//! Cases: taking orders in.

use super::{Factory, LONG, Limits, PATIENCE, completion, finished, order, partition, two};
use crate::{Append, Error, Reason, State, Submission, Submitted};

/// A repeat with the same digest is told apart from the first, by any handle and at every stage,
/// and changes nothing.
pub async fn a_repeated_submission_changes_nothing(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let submission = order("order");
    a.accept(&submission).await;
    assert_eq!(b.submit(&submission).await, Submitted::AlreadyAccepted);

    let mut other_body = submission.clone();
    other_body.body = b"not looked at".to_vec();
    assert_eq!(a.submit(&other_body).await, Submitted::AlreadyAccepted);

    let leases = b.claim(10, LONG).await;
    assert_eq!(leases.len(), 1, "the order is queued once");
    assert_eq!(leases[0].body, submission.body);
    assert_eq!(a.submit(&submission).await, Submitted::AlreadyAccepted);
    assert_eq!(a.state(&submission.order).await, State::Leased);

    a.complete(&submission.order, leases[0].token, "result")
        .await;
    assert_eq!(b.submit(&submission).await, Submitted::AlreadyAccepted);
    assert_eq!(a.state(&submission.order).await, finished("result"));
    assert_eq!(a.claim(10, LONG).await, []);
}

/// Another digest or another partition under a known id is refused and leaves nothing behind.
pub async fn an_id_is_taken_once(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let first = order("order");
    a.accept(&first).await;

    let mut other = order("other");
    other.order = first.order.clone();
    assert_eq!(b.submit(&other).await, Submitted::DuplicateOrder);
    let mut elsewhere = first.clone();
    elsewhere.partition = "worker-2".into();
    assert_eq!(b.submit(&elsewhere).await, Submitted::DuplicateOrder);

    other.order = "another id".into();
    a.accept(&other).await;
    assert_eq!(a.counts().await, (2, 0, 0));
}

/// Each replay key is refused to a second order of its partition, and only there; a refused order
/// leaves none of its own.
pub async fn a_replay_key_is_used_once(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let first = order("first");
    a.accept(&first).await;

    let mut second = order("second");
    second.replays.extend(first.replays.clone());
    assert_eq!(b.submit(&second).await, Submitted::Replayed);
    assert_eq!(b.state(&second.order).await, State::Unknown);
    assert_eq!(b.counts().await, (1, 0, 0));

    let mut third = order("third");
    third.replays = vec![second.replays[0].clone()];
    b.accept(&third).await;
    second.partition = "worker-2".into();
    b.accept(&second).await;
    assert_eq!(a.submit(&first).await, Submitted::AlreadyAccepted);
}

/// A store with as many open orders as it may hold refuses more until one of them ends, leased
/// or not. What it has, it still knows.
pub async fn a_full_store_refuses(factory: &dyn Factory) {
    let limits = Limits {
        max_orders: 3,
        ..Limits::NONE
    };
    let store = factory.create(limits).await;
    let a = store.open().await;
    for name in ["one", "two", "three"] {
        a.accept(&order(name)).await;
    }
    assert_eq!(a.submit(&order("four")).await, Submitted::Full);
    assert_eq!(a.submit(&order("one")).await, Submitted::AlreadyAccepted);
    assert_eq!(a.state(&"four".into()).await, State::Unknown);

    let lease = a.claim_one(LONG, PATIENCE).await;
    assert_eq!(a.submit(&order("four")).await, Submitted::Full);
    a.complete(&lease.order, lease.token, "result").await;
    a.accept(&order("four")).await;
    assert_eq!(a.submit(&order("five")).await, Submitted::Full);
    let zero = std::time::Duration::ZERO;
    let ended = a.orders.expire(partition(), zero, b"too late", 10).await;
    assert_eq!(ended, Ok(3));
    a.accept(&order("five")).await;
}

/// What is beyond the capabilities is refused with a reason and does nothing; what just fits is
/// taken.
pub async fn too_large_is_refused(factory: &dyn Factory) {
    let (a, _) = two(factory).await;
    let limits = a.orders.capabilities();

    let mut submission = order("large body");
    submission.body = vec![b'x'; limits.max_body + 1];
    let refused = a.orders.submit(submission.clone()).await.unwrap_err();
    assert_too_large(&refused);
    submission.body.pop();
    a.accept(&submission).await;
    let lease = a.claim_one(LONG, PATIENCE).await;
    assert!(lease.body == submission.body, "the body is whole");

    let mut large = completion(&lease.order, lease.token, "");
    large.result = vec![b'x'; limits.max_result + 1];
    let refused = a.orders.complete(large.clone()).await.unwrap_err();
    assert_too_large(&refused);
    large.result = Vec::new();
    large.appends = vec![Append {
        key: "key".into(),
        value: vec![b'x'; limits.max_value + 1],
    }];
    let refused = a.orders.complete(large).await.unwrap_err();
    assert_too_large(&refused);
    assert_eq!(a.state(&lease.order).await, State::Leased);

    let mut submission = order("long id");
    submission.order = vec![b'x'; limits.max_key + 1].into();
    assert_key_too_long(&a.orders.submit(submission.clone()).await.unwrap_err());
    submission.order = vec![b'x'; limits.max_key].into();
    a.accept(&submission).await;
    let mut submission = order("large memo");
    submission.memo = vec![b'x'; Submission::MAX_MEMO + 1];
    let refused = a.orders.submit(submission.clone()).await.unwrap_err();
    assert_too_large(&refused);
    submission.memo.pop();
    a.accept(&submission).await;
    let memo = a.orders.memo(&submission.order).await.unwrap();
    assert_eq!(memo, Some(submission.memo));
    let mut submission = order("many replay keys");
    submission.replays = vec!["key".into(); Submission::MAX_REPLAYS + 1];
    let refused = a.orders.submit(submission).await.unwrap_err();
    let expected = matches!(refused, Error::Refused(Reason::BatchTooLarge { .. }));
    assert!(expected, "{refused:?}");
    let mut submission = order("long replay key");
    submission.replays = vec![vec![b'x'; limits.max_key + 1].into()];
    assert_key_too_long(&a.orders.submit(submission).await.unwrap_err());
}

fn assert_too_large(error: &Error) {
    let expected = matches!(error, Error::Refused(Reason::TooLarge { .. }));
    assert!(expected, "{error:?}");
}

fn assert_key_too_long(error: &Error) {
    let expected = matches!(error, Error::Refused(Reason::KeyTooLong { .. }));
    assert!(expected, "{error:?}");
}

/// The counts are right after every step, in one handle and the other.
pub async fn counts_follow_every_step(factory: &dyn Factory) {
    let store = factory.create(Limits::NONE).await;
    let (a, b) = (store.open().await, store.open().await);
    for name in ["one", "two", "three", "four"] {
        a.accept(&order(name)).await;
    }
    a.submit(&order("one")).await;
    assert_eq!(b.counts().await, (4, 0, 0));

    let leases = a.claim(3, LONG).await;
    assert_eq!(b.counts().await, (1, 3, 0));
    let (first, second) = (&leases[0], &leases[1]);
    a.complete(&first.order, first.token, "result").await;
    a.complete(&first.order, first.token, "again").await;
    let zero = std::time::Duration::ZERO;
    let released = a.orders.release(&second.order, second.token, zero, true);
    released.await.unwrap();
    assert_eq!(b.counts().await, (2, 1, 1));

    let ended = a.orders.expire(partition(), zero, b"too late", 10).await;
    assert_eq!(ended, Ok(2));
    assert_eq!(b.counts().await, (0, 1, 3));
    assert_eq!(a.orders.evict(zero, 10).await, Ok(3));
    assert_eq!(b.counts().await, (0, 1, 0));
}
