//! A store that fails, as far as the manager can tell: orders end all the same, once.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use sconce_manager::{Manager, ManagerConfig};
use store::Orders as _;
use support::faulty::{Call, Fault, Faults, Faulty};
use support::host::{Act, Behaviour, Host, Plan, good, lost};
use support::{Store, WORKER, token, until};

struct Fixture {
    store: Store,
    faulty: Arc<Faulty>,
    manager: Manager,
    host: Host,
}

impl Fixture {
    fn new(behaviour: Behaviour) -> Self {
        let store = Store::new();
        let faulty = Faults::between(&store.engine);
        let mut config = ManagerConfig::new(token());
        config.timing.claim = Duration::from_millis(100);
        config.timing.lease = Duration::from_millis(600);
        let registry = store.registry.clone();
        let manager = Manager::start(config, faulty.clone(), registry).unwrap();
        let plan = Plan::new(WORKER).behaving(behaviour);
        let host = plan.start(manager.endpoint());
        Self {
            store,
            faulty,
            manager,
            host,
        }
    }

    /// Plans the faults, has one order done, and says how often the worker had it.
    async fn orders_given(self, call: Call, faults: &[Fault]) -> usize {
        self.faulty.meddler().plan(call, faults);
        self.store.submit(WORKER, "01").await;
        let ending = self.store.ending("01").await;
        assert_eq!(ending["result"]["workOrderId"], "01");
        until(async || self.faulty.meddler().is_spent()).await;
        self.manager.shutdown().await;
        self.host.orders()
    }
}

fn answering_after(pause: u64) -> Behaviour {
    Box::new(move |request, _| Act::AnswerAfter(Duration::from_millis(pause), good(request)))
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_stored_once_whatever_the_store_says() {
    for faults in [
        vec![Fault::AnswerLost],
        vec![Fault::Unavailable; 3],
        vec![Fault::AnswerLost, Fault::Unavailable, Fault::AnswerLost],
    ] {
        let fixture = Fixture::new(answering_after(0));
        assert_eq!(fixture.orders_given(Call::Complete, &faults).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_cannot_be_stored_is_made_again() {
    let fixture = Fixture::new(answering_after(0));
    let faults = [Fault::Refused];
    assert_eq!(fixture.orders_given(Call::Complete, &faults).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_go_on() {
    let fixture = Fixture::new(answering_after(0));
    let faults = [Fault::Unavailable, Fault::AnswerLost];
    assert_eq!(fixture.orders_given(Call::Claim, &faults).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_extension_is_made_up_for() {
    let fixture = Fixture::new(answering_after(1500));
    let faults = [Fault::Unavailable, Fault::AnswerLost];
    assert_eq!(fixture.orders_given(Call::Extend, &faults).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_cannot_be_given_back_runs_out() {
    let fixture = Fixture::new(Box::new(|request, number| {
        Act::Answer(match number {
            0 => lost(None),
            _ => good(request),
        })
    }));
    let faults = [Fault::Refused];
    assert_eq!(fixture.orders_given(Call::Release, &faults).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_while_results_are_stored_and_they_do_not_pile_up() {
    let store = Store::new();
    let faulty = Faults::between(&store.engine);
    let mut config = ManagerConfig::new(token());
    config.timing.claim = Duration::from_millis(100);
    let registry = store.registry.clone();
    let manager = Manager::start(config, faulty.clone(), registry).unwrap();
    let plan = Plan::new(WORKER).with_room_for(1);
    let plan = plan.behaving(answering_after(0));
    let host = plan.start(manager.endpoint());

    // Several results wait for the store, each asking again and again.
    faulty
        .meddler()
        .plan(Call::Complete, &[Fault::Unavailable; 15]);
    for order in ["01", "02", "03", "04", "05", "06"] {
        store.submit(WORKER, order).await;
    }
    let most = Cell::new(0);
    until(async || {
        let given = host.orders();
        let finished = store.engine.counts().await.unwrap().finished;
        let open = given - usize::try_from(finished).unwrap().min(given);
        assert!(open <= 3, "{given} given, {finished} finished");
        most.set(open.max(most.get()));
        finished == 6
    })
    .await;
    assert!(most.get() >= 2, "the worker waited for the store");
    manager.shutdown().await;
    assert_eq!(host.orders(), 6);
}
