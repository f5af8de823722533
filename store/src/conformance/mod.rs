//! What every engine has to do, as tests that any engine can run.
//!
//! An engine shows how to make stores ([`Factory`]) and puts one line into a test file:
//!
//! ```text
//! sconce_store::conformance!(MyFactory::new());
//! ```
//!
//! which becomes one test for each case below. The cases speak to two handles at once, restart
//! the engine, and use real leases of one second, so they take some seconds each.
//!
//! [`Chaotic`] makes an engine's connection bad in all the ways that the interfaces allow: run the
//! suite through it as well, and [`every_order_ends_once`] through [`Chaotic::forgetful`]. It is made
//! of [`Between`], with which other tests can let single calls fail.
//!
//! # Panics
//!
//! Every case panics, with a message, when the engine does not do what it has to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a conformance case reports by panicking, like any test"
)]

mod between;
mod chaotic;
mod finish;
mod history;
mod lease;
mod races;
mod retention;
mod submit;
mod table;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;

pub use self::between::{Between, Call, Fate, Meddler};
pub use self::chaotic::Chaotic;
pub use self::finish::*;
pub use self::history::*;
pub use self::lease::*;
pub use self::races::*;
pub use self::retention::*;
pub use self::submit::*;
pub use self::table::*;
use crate::{
    Completed, Completion, Counts, Digest, Lease, OrderId, Orders, PartitionId, State, Submission,
    Submitted, Table, Token,
};

/// Makes stores to test.
#[async_trait]
pub trait Factory: Send + Sync {
    /// An empty store with these limits.
    async fn create(&self, limits: Limits) -> Box<dyn Store>;
}

/// How much a store that is made for a case may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most orders queued and leased together.
    pub max_orders: u64,
    /// Most finished orders.
    pub max_finished: u64,
}

impl Limits {
    /// No limits to speak of.
    pub const NONE: Self = Self {
        max_orders: 1_000_000,
        max_finished: 1_000_000,
    };
}

/// One set of data that handles are opened on.
#[async_trait]
pub trait Store: Send + Sync {
    /// Another handle on the same data. Cases have two at the same time; an engine that serves
    /// several processes should give each a connection of its own. When all are dropped, the next
    /// one is a restart.
    async fn open(&self) -> Handle;
}

/// One caller's view of a store.
#[derive(Clone)]
pub struct Handle {
    /// Its orders.
    pub orders: Arc<dyn Orders>,
    /// Its records.
    pub table: Arc<dyn Table>,
}

/// Writes one test for each case of the suite, on stores of the given [`Factory`].
///
/// Needs `tokio` with `macros` and `rt-multi-thread` where it is used.
#[macro_export]
macro_rules! conformance {
    ($factory:expr) => {
        $crate::conformance!($factory;
            // Taking orders in.
            a_repeated_submission_changes_nothing,
            an_id_is_taken_once,
            a_replay_key_is_used_once,
            a_full_store_refuses,
            too_large_is_refused,
            counts_follow_every_step,
            // Leases.
            an_order_has_one_live_lease,
            a_lapsed_lease_is_claimed_again,
            extending_keeps_a_lease,
            releasing_gives_a_lease_back,
            a_release_need_not_count,
            a_claim_waits_for_an_order,
            claims_come_roughly_in_order,
            claims_keep_to_their_partition,
            // Results.
            a_result_is_stored_once,
            a_late_result_is_refused_before_the_next_claim,
            a_late_result_is_refused_after_the_next_claim,
            appends_come_with_the_result,
            a_wait_ends_with_the_order,
            a_memo_lasts_until_eviction,
            // Retention.
            expiry_ends_queued_orders_only,
            an_evicted_order_still_refuses_its_id_and_key,
            the_oldest_results_make_room,
            forgotten_marks_free_id_and_key,
            marks_may_be_forgotten_before_the_order,
            a_restart_loses_nothing,
            // Races.
            racing_submissions_of_one_id_have_one_winner,
            racing_submissions_of_one_key_have_one_winner,
            racing_claims_share_no_order,
            racing_results_have_one_winner,
            every_order_ends_once,
            // Records.
            a_record_comes_back_as_it_was,
            a_write_needs_the_expected_version,
            time_never_runs_backwards,
            a_version_is_never_used_again,
            a_batch_is_performed_whole_or_not_at_all,
            a_scan_gives_each_record_once,
            a_scan_keeps_its_place_among_changes,
            records_keep_to_their_partition,
            a_bad_batch_is_refused,
            racing_writes_lose_no_update,
            records_survive_a_restart,
        );
    };
    ($factory:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case(&$factory).await;
            }
        )+
    };
}

/// Long enough that no machine is slow enough to outlive it.
const LONG: Duration = Duration::from_secs(600);
/// How long to wait for what must come; short enough that a case fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// The lease that cases let run out.
const SHORT: Duration = Duration::from_secs(1);
/// What a busy machine may add to any waiting time.
const SLACK: Duration = Duration::from_secs(3);

/// The partition that most cases use.
fn partition() -> &'static PartitionId {
    static PARTITION: LazyLock<PartitionId> = LazyLock::new(|| "worker-1".into());
    &PARTITION
}

/// An order whose replay key, digest and body follow from its name.
fn order(name: &str) -> Submission {
    let mut digest = [0; 32];
    for (place, byte) in digest.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    Submission {
        partition: partition().clone(),
        order: name.into(),
        replays: vec![format!("nonce of {name}").into()],
        digest: Digest(digest),
        body: format!("body of {name}").into_bytes(),
        memo: format!("memo of {name}").into_bytes(),
    }
}

fn completion(order: &OrderId, token: Token, result: &str) -> Completion {
    Completion {
        order: order.clone(),
        token,
        result: result.into(),
        appends: Vec::new(),
    }
}

fn finished(result: &str) -> State {
    State::Finished(result.into())
}

/// Short forms of what cases do most, with the answers that they expect most.
impl Handle {
    async fn accept(&self, submission: &Submission) {
        let submitted = self.orders.submit(submission.clone()).await.unwrap();
        assert_eq!(submitted, Submitted::Accepted, "{submission:?}");
    }

    async fn submit(&self, submission: &Submission) -> Submitted {
        self.orders.submit(submission.clone()).await.unwrap()
    }

    /// What is there to claim now.
    async fn claim(&self, limit: usize, lease: Duration) -> Vec<Lease> {
        let wait = Duration::ZERO;
        let claim = self.orders.claim(partition(), limit, lease, wait);
        claim.await.unwrap()
    }

    /// The next order, which is expected within the time.
    async fn claim_one(&self, lease: Duration, wait: Duration) -> Lease {
        let claim = self.orders.claim(partition(), 1, lease, wait);
        claim.await.unwrap().pop().expect_lease()
    }

    async fn complete(&self, order: &OrderId, token: Token, result: &str) -> Completed {
        let completion = completion(order, token, result);
        self.orders.complete(completion).await.unwrap()
    }

    async fn state(&self, order: &OrderId) -> State {
        self.orders.get(order).await.unwrap()
    }

    async fn counts(&self) -> (u64, u64, u64) {
        let Counts {
            queued,
            leased,
            finished,
            bytes: _,
        } = self.orders.counts().await.unwrap();
        (queued, leased, finished)
    }
}

trait ExpectLease {
    fn expect_lease(self) -> Lease;
}

impl ExpectLease for Option<Lease> {
    fn expect_lease(self) -> Lease {
        match self {
            Some(lease) => lease,
            None => panic!("there was an order to claim, but the claim gave none"),
        }
    }
}

/// Two handles on a new store.
async fn two(factory: &dyn Factory) -> (Handle, Handle) {
    let store = factory.create(Limits::NONE).await;
    (store.open().await, store.open().await)
}
