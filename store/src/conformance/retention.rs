//! Cases: expiry, eviction, replay marks, restarts.

use std::time::Duration;

use super::{
    Factory, Handle, LONG, Limits, PATIENCE, SHORT, SLACK, finished, order, partition, two,
};
use crate::{Completed, Held, Lost, State, Submitted};

const NOW: Duration = Duration::ZERO;

/// Expiry ends what is queued and old enough, oldest first, and leaves leased orders alone.
pub async fn expiry_ends_queued_orders_only(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    for name in ["leased", "lapsed", "one", "two"] {
        a.accept(&order(name)).await;
    }
    let leased = a.claim_one(LONG, NOW).await;
    let lapsed = a.claim_one(SHORT, NOW).await;
    assert_eq!(leased.order, "leased".into());
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    a.accept(&order("young")).await;
    let mut elsewhere = order("elsewhere");
    elsewhere.partition = "worker-2".into();
    a.accept(&elsewhere).await;

    let expire = |age, limit| b.orders.expire(partition(), age, b"too late", limit);
    assert_eq!(expire(LONG, 10).await, Ok(0), "nothing is that old");
    assert_eq!(expire(SHORT, 2).await, Ok(2));
    assert_eq!(
        a.state(&"two".into()).await,
        State::Queued,
        "the limit holds"
    );
    assert_eq!(expire(SHORT, 10).await, Ok(1));
    for name in ["lapsed", "one", "two"] {
        assert_eq!(a.state(&name.into()).await, finished("too late"));
    }
    for name in ["young", "elsewhere"] {
        assert_eq!(a.state(&name.into()).await, State::Queued);
    }
    let late = a.complete(&lapsed.order, lapsed.token, "late").await;
    assert_eq!(late, Completed::Lost(Lost::Gone));
    let stored = a.complete(&leased.order, leased.token, "result").await;
    assert_eq!(stored, Completed::Stored);

    let waiting = {
        let a = a.clone();
        tokio::spawn(async move { a.orders.wait(&"young".into(), PATIENCE).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(expire(NOW, 10).await, Ok(1));
    let state = tokio::time::timeout(SLACK, waiting).await;
    assert_eq!(state.unwrap().unwrap(), Ok(finished("too late")));
    assert_eq!(a.claim(10, LONG).await, []);
}

/// After eviction the result is gone, and id and replay key are still refused.
pub async fn an_evicted_order_still_refuses_its_id_and_key(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let (first, second) = (finish(&a, "first").await, finish(&a, "second").await);
    a.accept(&order("queued")).await;

    assert_eq!(b.orders.evict(LONG, 10).await, Ok(0), "nothing is that old");
    assert_eq!(b.orders.evict(NOW, 1).await, Ok(1));
    assert_eq!(b.state(&"first".into()).await, State::Evicted);
    assert_eq!(b.state(&"second".into()).await, finished("result"));
    assert_eq!(b.orders.evict(NOW, 10).await, Ok(1));
    assert_eq!(b.orders.evict(NOW, 10).await, Ok(0));
    assert_eq!(b.state(&"queued".into()).await, State::Queued);

    assert_eq!(a.submit(&order("first")).await, Submitted::DuplicateOrder);
    let mut replayed = order("replayed");
    replayed.replays = order("second").replays;
    assert_eq!(a.submit(&replayed).await, Submitted::Replayed);
    let gone = Completed::Lost(Lost::Gone);
    assert_eq!(a.complete(&"first".into(), first, "again").await, gone);
    let held = a.orders.extend(&"second".into(), second, LONG).await;
    assert_eq!(held, Ok(Held::Lost(Lost::Gone)));
    let waited = a.orders.wait(&"first".into(), PATIENCE).await;
    assert_eq!(waited, Ok(State::Evicted));
}

/// A store with as many finished orders as it may keep takes new ones all the same and drops the
/// oldest; id and replay key of those are still refused.
pub async fn the_oldest_results_make_room(factory: &dyn Factory) {
    let limits = Limits {
        max_finished: 2,
        ..Limits::NONE
    };
    let store = factory.create(limits).await;
    let a = store.open().await;
    for name in ["one", "two", "three"] {
        finish(&a, name).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(a.counts().await, (0, 0, 2));
    assert_eq!(a.state(&"one".into()).await, State::Evicted);
    for name in ["four", "five", "six"] {
        a.accept(&order(name)).await;
    }
    let ended = a.orders.expire(partition(), NOW, b"too late", 10).await;
    assert_eq!(ended, Ok(3));
    assert_eq!(a.counts().await, (0, 0, 2));
    for name in ["two", "three"] {
        assert_eq!(a.state(&name.into()).await, State::Evicted);
    }

    for name in ["one", "two", "three"] {
        assert_eq!(a.submit(&order(name)).await, Submitted::DuplicateOrder);
        let mut replayed = order("replayed");
        replayed.replays = order(name).replays;
        assert_eq!(a.submit(&replayed).await, Submitted::Replayed);
    }
}

/// Forgetting the marks of evicted orders frees ids and replay keys; tokens still grow.
pub async fn forgotten_marks_free_id_and_key(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let token = finish(&a, "order").await;
    finish(&a, "other").await;
    assert_eq!(a.orders.evict(NOW, 10).await, Ok(2));

    let forget = |age, limit| b.orders.forget_marks(partition(), age, limit);
    assert_eq!(forget(LONG, 10).await, Ok(0), "nothing is that old");
    let elsewhere = b.orders.forget_marks(&"worker-2".into(), NOW, 10).await;
    assert_eq!(elsewhere, Ok(0));
    assert_eq!(a.submit(&order("order")).await, Submitted::DuplicateOrder);
    assert_eq!(forget(NOW, 1).await, Ok(1));
    assert_eq!(a.state(&"order".into()).await, State::Unknown);
    assert_eq!(a.state(&"other".into()).await, State::Evicted);
    assert_eq!(forget(NOW, 10).await, Ok(1));
    assert_eq!(forget(NOW, 10).await, Ok(0));

    a.accept(&order("order")).await;
    let lease = b.claim_one(LONG, NOW).await;
    assert!(
        lease.token > token,
        "a token of the forgotten order would be current again"
    );
    let stale = a.complete(&"order".into(), token, "stale").await;
    assert_eq!(stale, Completed::Lost(Lost::Superseded));
}

/// An order whose mark is forgotten first lives on, and its id is free when it is evicted.
pub async fn marks_may_be_forgotten_before_the_order(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("queued")).await;
    let lease = a.claim_one(LONG, NOW).await;
    finish(&a, "finished").await;
    let forgotten = b.orders.forget_marks(partition(), NOW, 10).await;
    assert_eq!(forgotten, Ok(2));

    assert_eq!(a.state(&"finished".into()).await, finished("result"));
    let known = Submitted::AlreadyAccepted;
    assert_eq!(a.submit(&order("finished")).await, known);
    assert_eq!(a.submit(&order("queued")).await, known);
    let mut reused = order("reused");
    reused.replays = order("queued").replays;
    a.accept(&reused).await;

    let stored = a.complete(&lease.order, lease.token, "result").await;
    assert_eq!(stored, Completed::Stored);
    assert_eq!(b.orders.evict(NOW, 10).await, Ok(2));
    assert_eq!(a.state(&"finished".into()).await, State::Unknown);
    assert_eq!(a.state(&"queued".into()).await, State::Unknown);
    let replayed = a.submit(&order("queued")).await;
    assert_eq!(replayed, Submitted::Replayed, "the key has a new owner");
    a.accept(&order("finished")).await;
}

/// Orders, results, marks and counts are there after a restart, and tokens go on. A lease is
/// either still live, or its order can be claimed again and the old token is lost.
pub async fn a_restart_loses_nothing(factory: &dyn Factory) {
    let store = factory.create(Limits::NONE).await;
    let before = store.open().await;
    finish(&before, "evicted").await;
    before.orders.evict(NOW, 10).await.unwrap();
    finish(&before, "finished").await;
    before.accept(&order("leased")).await;
    let leased = before.claim_one(LONG, NOW).await;
    before.accept(&order("queued")).await;
    let (queued, leased_before, finished_before) = before.counts().await;
    drop(before);

    let after = store.open().await;
    let (now_queued, now_leased, now_finished) = after.counts().await;
    assert_eq!(now_queued + now_leased, queued + leased_before);
    assert_eq!(now_finished, finished_before);
    assert_eq!(after.state(&"evicted".into()).await, State::Evicted);
    assert_eq!(after.state(&"finished".into()).await, finished("result"));
    let live = after.state(&"leased".into()).await == State::Leased;
    assert_eq!(after.state(&"queued".into()).await, State::Queued);
    for name in ["finished", "leased", "queued"] {
        let known = after.submit(&order(name)).await;
        assert_eq!(known, Submitted::AlreadyAccepted);
    }
    let mut replayed = order("replayed");
    replayed.replays = order("evicted").replays;
    assert_eq!(after.submit(&replayed).await, Submitted::Replayed);

    let next = after.claim(10, LONG).await;
    let expected: &[&str] = if live {
        &["queued"]
    } else {
        &["leased", "queued"]
    };
    let claimed = next.iter().map(|lease| lease.order.as_bytes());
    assert!(claimed.eq(expected.iter().map(|name| name.as_bytes())));
    assert!(next.iter().all(|lease| lease.token > leased.token));
    let completed = after.complete(&leased.order, leased.token, "old").await;
    if live {
        assert_eq!(completed, Completed::Stored);
        return;
    }
    assert_eq!(completed, Completed::Lost(Lost::Superseded));
    assert_eq!(next[0].body, order("leased").body);
    let stored = after.complete(&leased.order, next[0].token, "new").await;
    assert_eq!(stored, Completed::Stored);
    assert_eq!(after.state(&leased.order).await, finished("new"));
}

/// What an order was submitted with is there at every stage and after a restart, until it is
/// evicted.
pub async fn a_memo_lasts_until_eviction(factory: &dyn Factory) {
    let store = factory.create(Limits::NONE).await;
    let a = store.open().await;
    let mut silent = order("silent");
    silent.memo = Vec::new();
    let memo = Some(order("order").memo);
    assert_eq!(a.orders.memo(&"order".into()).await, Ok(None));
    a.accept(&order("order")).await;
    assert_eq!(a.orders.memo(&"order".into()).await, Ok(memo.clone()));
    let lease = a.claim_one(LONG, NOW).await;
    assert_eq!(a.orders.memo(&"order".into()).await, Ok(memo.clone()));
    a.complete(&lease.order, lease.token, "result").await;
    a.accept(&silent).await;
    drop(a);

    let b = store.open().await;
    assert_eq!(b.orders.memo(&"order".into()).await, Ok(memo));
    assert_eq!(b.orders.memo(&silent.order).await, Ok(Some(Vec::new())));
    assert_eq!(b.orders.evict(NOW, 10).await, Ok(1));
    assert_eq!(b.orders.memo(&"order".into()).await, Ok(None));
}

/// Takes an order through to its result "result"; returns its token.
async fn finish(handle: &Handle, name: &str) -> crate::Token {
    handle.accept(&order(name)).await;
    let lease = handle.claim_one(LONG, NOW).await;
    assert_eq!(lease.order, name.into());
    let stored = handle.complete(&lease.order, lease.token, "result").await;
    assert_eq!(stored, Completed::Stored);
    lease.token
}
