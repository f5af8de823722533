//! Cases: many callers at once.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Factory, LONG, State, order, partition, two};
use crate::{Completed, Digest, Submitted};

const CALLERS: u8 = 16;
const ORDERS: usize = 20;

/// Of all who submit different orders under one id at the same time, one wins, and it is the
/// winner's order that is stored.
pub async fn racing_submissions_of_one_id_have_one_winner(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let submission = |id: usize, caller: u8| {
        let mut submission = order(&format!("order {id}"));
        submission.replays = vec![format!("nonce {id} of {caller}").into()];
        submission.digest = Digest([caller; 32]);
        submission
    };
    let mut race = JoinSet::new();
    for caller in 0..CALLERS {
        let handle = if caller % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        race.spawn(async move {
            let mut won = Vec::new();
            for id in 0..ORDERS {
                match handle.submit(&submission(id, caller)).await {
                    Submitted::Accepted => won.push((id, caller)),
                    Submitted::DuplicateOrder => {}
                    other => panic!("{other:?}"),
                }
            }
            won
        });
    }
    let won = race.join_all().await.concat();
    let winners = won.iter().copied().collect::<HashMap<_, _>>();
    assert_eq!((won.len(), winners.len()), (ORDERS, ORDERS));
    for (id, caller) in won {
        let again = a.submit(&submission(id, caller)).await;
        assert_eq!(again, Submitted::AlreadyAccepted);
    }
    assert_eq!(a.claim(2 * ORDERS, LONG).await.len(), ORDERS);
}

/// Of all who submit different orders with one replay key at the same time, one wins.
pub async fn racing_submissions_of_one_key_have_one_winner(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let mut race = JoinSet::new();
    for caller in 0..CALLERS {
        let handle = if caller % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        race.spawn(async move {
            let mut won = 0;
            for id in 0..ORDERS {
                let mut submission = order(&format!("order {id} of {caller}"));
                submission.replays = vec![format!("nonce {id}").into()];
                match handle.submit(&submission).await {
                    Submitted::Accepted => won += 1,
                    Submitted::Replayed => {
                        assert_eq!(handle.state(&submission.order).await, State::Unknown);
                    }
                    other => panic!("{other:?}"),
                }
            }
            won
        });
    }
    assert_eq!(race.join_all().await.iter().sum::<usize>(), ORDERS);
    assert_eq!(a.claim(2 * ORDERS, LONG).await.len(), ORDERS);
}

/// Callers that claim at the same time get every order, and none twice.
pub async fn racing_claims_share_no_order(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    let total = 100;
    for number in 0..total {
        a.accept(&order(&number.to_string())).await;
    }
    let mut race = JoinSet::new();
    for caller in 0..8 {
        let handle = if caller % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        race.spawn(async move {
            let mut mine = Vec::new();
            let pause = Duration::from_millis(300);
            loop {
                let claim = handle.orders.claim(partition(), 7, LONG, pause);
                let leases = claim.await.unwrap();
                if leases.is_empty() {
                    return mine;
                }
                assert!(leases.len() <= 7);
                mine.extend(leases.into_iter().map(|lease| lease.order));
            }
        });
    }
    let mut claimed = race.join_all().await.concat();
    assert_eq!(claimed.len(), total);
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), total, "an order was leased twice");
}

/// Of all who complete one lease at the same time, one stores its result and the others learn
/// that it is stored.
pub async fn racing_results_have_one_winner(factory: &dyn Factory) {
    let (a, b) = two(factory).await;
    a.accept(&order("order")).await;
    let lease = a.claim_one(LONG, Duration::ZERO).await;
    let mut race = JoinSet::new();
    for caller in 0..CALLERS {
        let handle = if caller % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        let (id, token) = (lease.order.clone(), lease.token);
        race.spawn(async move {
            let result = caller.to_string();
            (handle.complete(&id, token, &result).await, result)
        });
    }
    let answers = race.join_all().await;
    let stored = answers
        .iter()
        .filter(|(answer, _)| *answer == Completed::Stored);
    let stored = stored.map(|(_, result)| result).collect::<Vec<_>>();
    assert_eq!(stored.len(), 1, "{answers:?}");
    let rest = answers
        .iter()
        .filter(|(answer, _)| *answer == Completed::AlreadyStored);
    assert_eq!(rest.count(), usize::from(CALLERS) - 1);
    assert_eq!(a.state(&lease.order).await, super::finished(stored[0]));
}
