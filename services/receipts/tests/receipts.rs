//! Receipts over the embedded engine.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use protocol::receipt::{ReceiptStatus as Status, UpdateIndex};
use sconce_receipts::{Error, MAX_UPDATES, PAGE};
use support::{Fixture, criteria, hex, id, order};

#[tokio::test]
async fn a_receipt_is_created_once() {
    let f = Fixture::new();
    assert!(f.receipts.get(&id("0a")).await.unwrap().is_none());
    let receipt = f.receipt("0a");
    f.receipts.create(&receipt).await.unwrap();
    for again in [receipt.clone(), f.receipt("0a")] {
        let refused = f.receipts.create(&again).await;
        assert!(matches!(refused, Err(Error::Taken)));
    }
    let stored = f.receipts.get(&id("0a")).await.unwrap().unwrap();
    assert_eq!(&stored.receipt, receipt.receipt());
    assert_eq!((stored.status, stored.updates), (Status::Pending, 0));
    // Another case is another order.
    f.receipts.create(&f.receipt("0A")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creations_one_wins() {
    let f = Fixture::new();
    let receipts: Vec<_> = (0..16).map(|_| f.receipt("0a")).collect();
    let tasks: Vec<_> = receipts
        .into_iter()
        .map(|receipt| {
            let store = f.receipts.clone();
            tokio::spawn(async move { store.create(&receipt).await.map(|()| receipt) })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(receipt) => winners.push(receipt),
            Err(error) => assert!(matches!(error, Error::Taken), "{error}"),
        }
    }
    let [winner] = &winners[..] else {
        panic!("{} winners", winners.len());
    };
    let stored = f.receipts.get(&id("0a")).await.unwrap().unwrap();
    assert_eq!(&stored.receipt, winner.receipt());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_updates_are_all_kept() {
    let f = Fixture::new();
    f.receipts.create(&f.receipt("0a")).await.unwrap();
    let tasks: Vec<_> = (0..MAX_UPDATES + 8)
        .map(|number| {
            let store = f.receipts.clone();
            let update = f.update("0a", Status::Failed, &number.to_string());
            tokio::spawn(async move { store.update(&update).await })
        })
        .collect();
    let (mut kept, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => kept += 1,
            Err(Error::Full) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((kept, refused), (MAX_UPDATES, 8));
    let mut seen = std::collections::BTreeSet::new();
    for number in 1..=MAX_UPDATES {
        let index = UpdateIndex::At(number);
        let found = f.receipts.get_update(&id("0a"), None, index).await.unwrap();
        assert_eq!(found.1, MAX_UPDATES as usize);
        seen.insert(found.0.unwrap().update_data);
    }
    assert_eq!(seen.len(), MAX_UPDATES as usize);
}

#[tokio::test]
async fn statuses_follow_their_rules() {
    let f = Fixture::new();
    let none = f.receipts.update(&f.update("0a", Status::Failed, "")).await;
    assert!(matches!(none, Err(Error::Unknown)));
    f.receipts.create(&f.receipt("0a")).await.unwrap();
    for status in [
        Status::Rejected,
        Status::Failed,
        Status::Pending,
        Status::Processed,
    ] {
        f.receipts
            .update(&f.update("0a", status, "x"))
            .await
            .unwrap();
        let stored = f.receipts.get(&id("0a")).await.unwrap().unwrap();
        assert_eq!(stored.status, status);
    }
    for status in [Status::Pending, Status::Failed, Status::Rejected] {
        let refused = f.receipts.update(&f.update("0a", status, "y")).await;
        assert!(matches!(refused, Err(Error::Status { .. })));
    }
    let update = |status, data| f.receipts_update("0a", status, data);
    update(Status::Processed, "again").await.unwrap();
    update(Status::Completed, "x").await.unwrap();
    for status in Status::ALL {
        let refused = update(status, "z").await;
        assert!(matches!(refused, Err(Error::Status { .. })), "{status:?}");
    }
}

#[tokio::test]
async fn an_old_update_cannot_be_sent_again() {
    let f = Fixture::new();
    f.receipts.create(&f.receipt("0a")).await.unwrap();
    let old = f.update("0a", Status::Pending, "one");
    f.receipts.update(&old).await.unwrap();
    f.receipts
        .update(&f.update("0a", Status::Failed, "two"))
        .await
        .unwrap();
    let again = f.receipts.update(&old).await;
    assert!(matches!(again, Err(Error::Repeated)));
    // Another updater's name on it makes no other update of it.
    let renamed = f.update_by("0a", Status::Pending, "one", &f.key, "ff");
    let again = f.receipts.update(&renamed).await;
    assert!(matches!(again, Err(Error::Repeated)));
    // Somebody else may say the same.
    let other = f.update_by("0a", Status::Pending, "one", &f.worker, "ff");
    f.receipts.update(&other).await.unwrap();
}

#[tokio::test]
async fn updates_are_found_by_place_and_updater() {
    let f = Fixture::new();
    let get = async |updater: Option<&str>, index| {
        let updater = updater.map(hex);
        let found = f
            .receipts
            .get_update(&id("0a"), updater.as_ref(), index)
            .await?;
        Ok::<_, Error>((found.0.map(|update| update.update_data), found.1))
    };
    let unknown = get(None, UpdateIndex::Last).await;
    assert!(matches!(unknown, Err(Error::Unknown)));
    f.receipts.create(&f.receipt("0a")).await.unwrap();
    assert_eq!(get(None, UpdateIndex::Last).await.unwrap(), (None, 0));
    for (data, updater) in [("one", "aa"), ("two", "bb"), ("three", "aa")] {
        let update = f.update_by("0a", Status::Failed, data, &f.key, updater);
        f.receipts.update(&update).await.unwrap();
    }
    let said = |text: &str, count| (Some(text.to_owned()), count);
    assert_eq!(get(None, UpdateIndex::At(2)).await.unwrap(), said("two", 3));
    assert_eq!(
        get(None, UpdateIndex::Last).await.unwrap(),
        said("three", 3)
    );
    assert_eq!(get(None, UpdateIndex::At(4)).await.unwrap(), (None, 3));
    assert_eq!(
        get(None, UpdateIndex::At(u32::MAX)).await.unwrap(),
        (None, 3)
    );
    assert_eq!(
        get(Some("aa"), UpdateIndex::At(2)).await.unwrap(),
        said("three", 2)
    );
    assert_eq!(
        get(Some("bb"), UpdateIndex::Last).await.unwrap(),
        said("two", 1)
    );
    assert_eq!(get(Some("BB"), UpdateIndex::Last).await.unwrap(), (None, 0));
    // An order whose id begins with this one's has updates of its own.
    f.receipts.create(&f.receipt("0a0")).await.unwrap();
    assert_eq!(get(None, UpdateIndex::Last).await.unwrap().1, 3);
}

#[tokio::test]
async fn look_up_by_every_combination() {
    let f = Fixture::new();
    let (services, workers, requesters) = (["a1", "a2"], ["b1", "b2"], ["c1", "c2"]);
    let mut all = Vec::new();
    for n in 0..32_usize {
        let parties = [services[n & 1], workers[n >> 1 & 1], requesters[n >> 2 & 1]];
        let status = if n >> 3 & 1 == 0 {
            Status::Pending
        } else {
            Status::Failed
        };
        let name = format!("{:02x}", 255 - n);
        f.receipts
            .create(&f.receipt_of(&name, parties))
            .await
            .unwrap();
        if status == Status::Failed {
            f.receipts
                .update(&f.update(&name, status, ""))
                .await
                .unwrap();
        }
        all.push((name, parties, status));
    }
    all.sort();
    for mask in 1..16_u8 {
        let given = |bit: u8| mask >> bit & 1 == 1;
        for n in 0..16_usize {
            let parties = [services[n & 1], workers[n >> 1 & 1], requesters[n >> 2 & 1]];
            let status = if n >> 3 == 0 {
                Status::Pending
            } else {
                Status::Failed
            };
            let wanted: Vec<_> = all
                .iter()
                .filter(|(_, of, at)| {
                    (0..3).all(|i| !given(i as u8) || of[i] == parties[i])
                        && (!given(3) || *at == status)
                })
                .map(|(name, ..)| name.clone())
                .collect();
            let criteria = criteria(
                [0, 1, 2].map(|i| given(i as u8).then_some(parties[i])),
                given(3).then_some(status),
            );
            let found = f.receipts.look_up(&criteria).await.unwrap();
            let names: Vec<_> = found.orders.iter().map(ToString::to_string).collect();
            assert_eq!((names, found.next), (wanted, None), "{criteria:?}");
        }
    }
    let mut after = criteria([None; 3], None);
    after.after = Some(id("f0"));
    let found = f.receipts.look_up(&after).await.unwrap();
    assert_eq!(found.orders.len(), 15);
    after.after = Some(id("ff"));
    assert!(f.receipts.look_up(&after).await.unwrap().orders.is_empty());
}

#[tokio::test]
async fn pages_are_bounded_and_lead_on() {
    let f = Fixture::new();
    let few = (0..1200).step_by(400);
    for n in 0..1200_usize {
        let requester = if few.clone().any(|one| one == n) {
            "c1"
        } else {
            "c2"
        };
        let receipt = f.receipt_of(
            &order(n),
            ["a1", if n < 1100 { "b1" } else { "b2" }, requester],
        );
        f.receipts.create(&receipt).await.unwrap();
    }
    let pages = async |mut criteria: protocol::methods::receipt::LookUp| {
        let mut sizes = Vec::new();
        loop {
            let found = f.receipts.look_up(&criteria).await.unwrap();
            sizes.push(found.orders.len());
            criteria.after = found.next;
            if criteria.after.is_none() {
                return sizes;
            }
        }
    };
    let by_service = pages(criteria([Some("a1"), None, None], None)).await;
    assert_eq!(by_service, [PAGE, PAGE, PAGE, PAGE, 1200 - 4 * PAGE]);
    let exactly_pages = pages(criteria([None, None, Some("c1")], None)).await;
    assert_eq!(exactly_pages, [3]);
    // 1024 are looked at in vain, and the tag leads on behind them.
    let rare = pages(criteria([Some("a1"), Some("b2"), None], None)).await;
    assert_eq!(rare, [0, 100]);
}

#[tokio::test]
async fn old_receipts_go_with_all_that_leads_to_them() {
    let f = Fixture::new();
    for n in 0..40 {
        f.receipts.create(&f.receipt(&order(n))).await.unwrap();
        for data in ["one", "two"] {
            f.receipts
                .update(&f.update(&order(n), Status::Failed, data))
                .await
                .unwrap();
        }
    }
    assert_eq!(
        f.receipts.evict(Duration::from_secs(3600)).await.unwrap(),
        0
    );
    assert!(f.rows().await > 0);
    let mut dropped = 0;
    loop {
        match f.receipts.evict(Duration::ZERO).await.unwrap() {
            0 => break,
            count => dropped += count,
        }
    }
    assert_eq!(dropped, 40);
    assert_eq!(f.rows().await, 0);
}

#[tokio::test]
async fn receipts_age_by_the_clock_of_the_store() {
    let f = Fixture::new();
    let day = Duration::from_secs(24 * 3600);
    f.faulty.pass(40 * day);
    f.receipts.create(&f.receipt("0a")).await.unwrap();
    assert_eq!(f.receipts.evict(30 * day).await.unwrap(), 0);
    f.faulty.pass(29 * day);
    assert_eq!(f.receipts.evict(30 * day).await.unwrap(), 0);
    f.faulty.pass(day);
    assert_eq!(f.receipts.evict(30 * day).await.unwrap(), 1);
}

#[tokio::test]
async fn receipts_outlive_the_process() {
    let mut f = Fixture::new();
    f.receipts.create(&f.receipt("0a")).await.unwrap();
    f.receipts
        .update(&f.update("0a", Status::Failed, "x"))
        .await
        .unwrap();
    let before = f.receipts.get(&id("0a")).await.unwrap();
    f.reopen();
    assert_eq!(f.receipts.get(&id("0a")).await.unwrap(), before);
    let found = f
        .receipts
        .look_up(&criteria([None; 3], Some(Status::Failed)))
        .await;
    assert_eq!(found.unwrap().orders, [id("0a")]);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_doubt_is_repeated_and_done_once() {
    let f = Fixture::new();
    for performed in [true, false] {
        let name = if performed { "0a" } else { "0b" };
        let (receipt, update) = (f.receipt(name), f.update(name, Status::Failed, "x"));
        f.faulty.leave_open(1, performed);
        f.receipts.create(&receipt).await.unwrap();
        f.faulty.leave_open(2, performed);
        f.receipts.update(&update).await.unwrap();
        let (_, count) = f
            .receipts
            .get_update(&id(name), None, UpdateIndex::Last)
            .await
            .unwrap();
        assert_eq!(count, 1);
    }
    // Another's receipt is no proof of one's own.
    f.receipts.create(&f.receipt("0c")).await.unwrap();
    let taken = f.receipts.create(&f.receipt("0c")).await;
    assert!(matches!(taken, Err(Error::Taken)));
    f.faulty.leave_open(9, false);
    let open = f.receipts.create(&f.receipt("0d")).await;
    assert!(matches!(open, Err(Error::Store(store::Error::Unknown(_)))));
}
