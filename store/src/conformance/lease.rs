//! Cases: handing orders out.

use std::time::{Duration, Instant};

use super::{Factory, LONG, PATIENCE, SHORT, SLACK, order, partition, two};
use crate::{Held, Lost, State, Token};

const NOW: Duration = Duration::ZERO;

/// While one holds an order, nobody else gets it.
pub async fn an_order_has_one_live_lease(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let begin = Instant::now();
    a.accept(&order("order")).await;
    let submitted = Instant::now();
    tokio::time::sleep(SHORT).await;
    let lease = a.claim_one(LONG, NOW).await;
    assert_eq!(lease.order, "order".into());
    // The engine may count in milliseconds.
    assert!(lease.age + Duration::from_millis(2) >= SHORT.min(submitted.elapsed()));
    assert!(lease.age <= begin.elapsed() + Duration::from_millis(2));
    assert_eq!(lease.attempt, 1);
    assert_eq!(lease.body, order("order").body);
    assert!(lease.deadline_in <= LONG && lease.deadline_in + SLACK > LONG);
    assert_eq!(b.state(&lease.order).await, State::Leased);
    assert_eq!(b.claim(10, LONG).await, []);
    assert_eq!(a.claim(10, LONG).await, []);
}

/// When a lease has run out, and not before, the next claim gets the order with a larger token.
pub async fn a_lapsed_lease_is_claimed_again(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let begin = Instant::now();
    let first = a.claim_one(SHORT, NOW).await;
    let second = b.claim_one(SHORT, SHORT + SLACK).await;
    // The engine may count in milliseconds.
    assert!(
        begin.elapsed() + Duration::from_millis(2) >= SHORT,
        "claimed while leased"
    );
    assert!(begin.elapsed() < SHORT + SLACK, "claimed late");
    assert_eq!(second.order, first.order);
    assert!(second.token > first.token);
    assert_eq!(second.attempt, 2);
    assert_eq!(second.body, first.body);

    tokio::time::sleep(SHORT + Duration::from_millis(50)).await;
    assert_eq!(a.state(&first.order).await, State::Queued);
    let third = a.claim_one(LONG, NOW).await;
    assert!(third.token > second.token);
    assert_eq!(third.attempt, 3);
}

/// An extended lease outlives its first deadline; it is never shortened; only its holder extends.
pub async fn extending_keeps_a_lease(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let first = a.claim_one(SHORT, NOW).await;
    let (id, stale) = (first.order.clone(), first.token);
    assert_eq!(b.orders.extend(&id, stale, LONG).await, Ok(Held::Yes));
    assert_eq!(a.orders.extend(&id, stale, NOW).await, Ok(Held::Yes));
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    assert_eq!(b.state(&id).await, State::Leased);
    assert_eq!(b.claim(1, LONG).await, []);

    a.orders.release(&id, stale, NOW, true).await.unwrap();
    let second = b.claim_one(SHORT, NOW).await;
    let lost = |why| Ok(Held::Lost(why));
    assert_eq!(
        a.orders.extend(&id, stale, LONG).await,
        lost(Lost::Superseded)
    );
    let never = Token(second.token.0 + 1000);
    assert_eq!(
        a.orders.extend(&id, never, LONG).await,
        lost(Lost::Superseded)
    );
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let lapsed = b.orders.extend(&id, second.token, LONG).await;
    assert_eq!(lapsed, lost(Lost::Expired));
    let unknown = b.orders.extend(&"unknown".into(), stale, LONG).await;
    assert_eq!(unknown, lost(Lost::Gone));
}

/// A released order can be claimed after its delay, not earlier, and only its holder releases.
pub async fn releasing_gives_a_lease_back(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let first = a.claim_one(LONG, NOW).await;
    let (id, stale) = (first.order.clone(), first.token);
    assert_eq!(b.orders.release(&id, stale, NOW, true).await, Ok(Held::Yes));
    assert_eq!(a.state(&id).await, State::Queued);
    let again = b.orders.release(&id, stale, NOW, true).await;
    assert_eq!(again, Ok(Held::Lost(Lost::Expired)));

    let second = b.claim_one(LONG, NOW).await;
    assert!(second.token > stale);
    assert_eq!(second.attempt, 2);
    let late = a.orders.release(&id, stale, NOW, true).await;
    assert_eq!(late, Ok(Held::Lost(Lost::Superseded)));
    assert_eq!(a.state(&id).await, State::Leased);

    let begin = Instant::now();
    let released = b.orders.release(&id, second.token, SHORT, true).await;
    assert_eq!(released, Ok(Held::Yes));
    assert_eq!(a.state(&id).await, State::Queued);
    let third = a.claim_one(LONG, SHORT + SLACK).await;
    assert!(
        begin.elapsed() + Duration::from_millis(2) >= SHORT,
        "claimed during the delay"
    );
    assert_eq!(third.attempt, 3);
}

/// A lease that is released because the work never began does not count as an attempt.
pub async fn a_release_need_not_count(factory: &dyn Factory) {
    let (a, _) = two(factory).await;
    a.accept(&order("order")).await;
    for (counts, attempt) in [
        (false, 1),
        (false, 1),
        (true, 1),
        (false, 2),
        (true, 2),
        (true, 3),
    ] {
        let lease = a.claim_one(LONG, NOW).await;
        assert_eq!(lease.attempt, attempt);
        let released = a.orders.release(&lease.order, lease.token, NOW, counts);
        assert_eq!(released.await, Ok(Held::Yes));
    }
}

/// A waiting claim is woken by a new order and by a release, and comes back empty in time if
/// there is none.
pub async fn a_claim_waits_for_an_order(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let begin = Instant::now();
    let pause = Duration::from_millis(200);
    let none = a.orders.claim(partition(), 1, LONG, pause).await.unwrap();
    assert_eq!(none, []);
    assert!(begin.elapsed() >= pause && begin.elapsed() < pause + SLACK);

    let waiting = claim_in_background(&a);
    tokio::time::sleep(pause).await;
    let begin = Instant::now();
    b.accept(&order("order")).await;
    let lease = waiting.await.unwrap();
    let most = a.orders.capabilities().poll + SLACK;
    assert!(
        begin.elapsed() < most,
        "a new order went unseen for {:?}",
        begin.elapsed()
    );

    let waiting = claim_in_background(&b);
    tokio::time::sleep(pause).await;
    let begin = Instant::now();
    let released = a.orders.release(&lease.order, lease.token, NOW, true);
    assert_eq!(released.await, Ok(Held::Yes));
    waiting.await.unwrap();
    assert!(
        begin.elapsed() < most,
        "a release went unseen for {:?}",
        begin.elapsed()
    );
}

fn claim_in_background(handle: &super::Handle) -> tokio::task::JoinHandle<crate::Lease> {
    let handle = handle.clone();
    tokio::spawn(async move { handle.claim_one(LONG, PATIENCE).await })
}

/// Old orders come before much younger ones, in one claim and over several.
pub async fn claims_come_roughly_in_order(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    for number in 0..40 {
        a.accept(&order(&number.to_string())).await;
    }
    let mut place = 0_usize;
    while place < 40 {
        let leases = b.claim(if place < 20 { 1 } else { 7 }, LONG).await;
        assert!(!leases.is_empty(), "{place} of 40 orders came");
        for lease in leases {
            let name = String::from_utf8(lease.order.into_bytes()).unwrap();
            let number = name.parse::<usize>().unwrap();
            assert!(
                number.abs_diff(place) <= 10,
                "order {number} came as number {place}"
            );
            place += 1;
        }
    }
}

/// A claim sees its own partition only, and its limit holds.
pub async fn claims_keep_to_their_partition(factory: &dyn Factory) {
    let (a, _) = two(factory).await;
    for name in ["one", "two", "three"] {
        a.accept(&order(name)).await;
    }
    let mut elsewhere = order("elsewhere");
    elsewhere.partition = "worker-2".into();
    a.accept(&elsewhere).await;

    assert_eq!(a.claim(0, LONG).await, []);
    assert_eq!(a.claim(2, LONG).await.len(), 2);
    assert_eq!(a.claim(usize::MAX, LONG).await.len(), 1);
    let other = a.orders.claim(&elsewhere.partition, 10, LONG, NOW).await;
    let other = other.unwrap();
    assert_eq!(other.len(), 1);
    assert_eq!(other[0].order, elsewhere.order);
    let nowhere = a.orders.claim(&"nobody".into(), 10, LONG, NOW).await;
    assert_eq!(nowhere, Ok(Vec::new()));
}
