//! Cases: results.

use std::time::{Duration, Instant};

use super::{Factory, LONG, PATIENCE, SHORT, SLACK, completion, finished, order, partition, two};
use crate::{Append, Completed, Lost, State, Token};

const NOW: Duration = Duration::ZERO;

/// The first result under the current token stays, whoever comes after.
pub async fn a_result_is_stored_once(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let first = a.claim_one(LONG, NOW).await;
    let id = first.order.clone();
    a.orders.release(&id, first.token, NOW, true).await.unwrap();
    let released = b.complete(&id, first.token, "released").await;
    assert_eq!(released, Completed::Lost(Lost::Expired));

    let lease = b.claim_one(LONG, NOW).await;
    let never = Token(lease.token.0 + 1000);
    let guessed = a.complete(&id, never, "guessed").await;
    assert_eq!(guessed, Completed::Lost(Lost::Superseded));
    assert_eq!(a.state(&id).await, State::Leased);

    assert_eq!(
        b.complete(&id, lease.token, "result").await,
        Completed::Stored
    );
    assert_eq!(a.state(&id).await, finished("result"));
    let again = a.complete(&id, lease.token, "another").await;
    assert_eq!(again, Completed::AlreadyStored);
    let old = a.complete(&id, first.token, "old").await;
    assert_eq!(old, Completed::Lost(Lost::Superseded));
    assert_eq!(b.state(&id).await, finished("result"));
    assert_eq!(a.claim(10, LONG).await, []);
    let unknown = a.complete(&"unknown".into(), lease.token, "result").await;
    assert_eq!(unknown, Completed::Lost(Lost::Gone));
    assert_eq!(a.state(&"unknown".into()).await, State::Unknown);
}

/// A result whose lease ran out is refused although nobody else has the order yet.
pub async fn a_late_result_is_refused_before_the_next_claim(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let late = a.claim_one(SHORT, NOW).await;
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let lost = Completed::Lost(Lost::Expired);
    assert_eq!(a.complete(&late.order, late.token, "late").await, lost);
    assert_eq!(a.complete(&late.order, late.token, "late").await, lost);
    assert_eq!(b.state(&late.order).await, State::Queued);
    let next = b.claim_one(LONG, NOW).await;
    assert!(next.token > late.token);
    let stored = b.complete(&next.order, next.token, "result").await;
    assert_eq!(stored, Completed::Stored);
}

/// A result whose lease ran out is refused while another works on the order, and after that one
/// finished.
pub async fn a_late_result_is_refused_after_the_next_claim(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let late = a.claim_one(SHORT, NOW).await;
    let next = b.claim_one(LONG, SHORT + SLACK).await;
    let lost = Completed::Lost(Lost::Superseded);
    assert_eq!(a.complete(&late.order, late.token, "late").await, lost);
    assert_eq!(a.state(&late.order).await, State::Leased);
    let stored = b.complete(&next.order, next.token, "result").await;
    assert_eq!(stored, Completed::Stored);
    assert_eq!(a.complete(&late.order, late.token, "late").await, lost);
    assert_eq!(a.state(&late.order).await, finished("result"));
}

/// Appends are records of the order's partition once the result is stored, and never otherwise.
pub async fn appends_come_with_the_result(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let late = a.claim_one(SHORT, NOW).await;
    let with_append = |token, value: &str| {
        let mut completion = completion(&late.order, token, "result");
        for key in ["receipt/order", "leaf/order"] {
            completion.appends.push(Append {
                key: key.into(),
                value: value.into(),
            });
        }
        completion
    };
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let lost = a.orders.complete(with_append(late.token, "late")).await;
    assert_eq!(lost, Ok(Completed::Lost(Lost::Expired)));
    let place = "receipt/order".into();
    assert_eq!(b.table.get(partition(), &place).await, Ok(None));

    let lease = b.claim_one(LONG, NOW).await;
    let stored = b.orders.complete(with_append(lease.token, "receipt")).await;
    assert_eq!(stored, Ok(Completed::Stored));
    let again = b.orders.complete(with_append(lease.token, "again")).await;
    assert_eq!(again, Ok(Completed::AlreadyStored));
    for key in ["receipt/order", "leaf/order"] {
        let row = a.table.get(partition(), &key.into()).await.unwrap();
        assert_eq!(row.unwrap().value, b"receipt");
    }
}

/// A wait ends soon after its order, at once when there is nothing to wait for, and in any case
/// when its time is up.
pub async fn a_wait_ends_with_the_order(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let id = order("order").order;
    assert_eq!(a.orders.wait(&id, PATIENCE).await, Ok(State::Unknown));
    a.accept(&order("order")).await;
    let begin = Instant::now();
    let pause = Duration::from_millis(200);
    assert_eq!(a.orders.wait(&id, pause).await, Ok(State::Queued));
    assert!(begin.elapsed() >= pause && begin.elapsed() < pause + SLACK);

    let waiting = (0..3).map(|_| {
        let (a, id) = (a.clone(), id.clone());
        tokio::spawn(async move { a.orders.wait(&id, PATIENCE).await })
    });
    let waiting = waiting.collect::<Vec<_>>();
    let lease = b.claim_one(LONG, NOW).await;
    tokio::time::sleep(pause).await;
    let begin = Instant::now();
    b.complete(&id, lease.token, "result").await;
    for wait in waiting {
        assert_eq!(wait.await.unwrap(), Ok(finished("result")));
    }
    let most = a.orders.capabilities().poll + SLACK;
    assert!(
        begin.elapsed() < most,
        "a result went unseen for {:?}",
        begin.elapsed()
    );
    assert_eq!(a.orders.wait(&id, PATIENCE).await, Ok(finished("result")));
}
