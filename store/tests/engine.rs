//! What only the embedded engine promises: its file, its locks, its restarts.

use std::time::Duration;

use sconce_store::redb::{Engine, Options};
use sconce_store::{
    Completed, Completion, Digest, OrderId, Orders, PartitionId, State, Submission, Submitted,
};

fn submission(id: &str) -> Submission {
    Submission {
        partition: "worker".into(),
        order: id.into(),
        replay: id.into(),
        digest: Digest([7; 32]),
        body: b"body".to_vec(),
    }
}

#[tokio::test]
async fn an_order_survives_a_restart_at_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let order = OrderId::from("order");
    let partition = PartitionId::from("worker");
    let open = || Engine::open(&file, Options::default()).unwrap();

    let submitted = open().submit(submission("order")).await.unwrap();
    assert_eq!(submitted, Submitted::Accepted);
    assert_eq!(Orders::get(&open(), &order).await.unwrap(), State::Queued);
    let minute = Duration::from_secs(60);
    let leases = open()
        .claim(&partition, 5, minute, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0].body, b"body");
    assert_eq!(Orders::get(&open(), &order).await.unwrap(), State::Leased);
    let completed = open()
        .complete(Completion {
            order: order.clone(),
            token: leases[0].token,
            result: b"result".to_vec(),
            appends: Vec::new(),
        })
        .await
        .unwrap();
    assert_eq!(completed, Completed::Stored);
    let state = Orders::get(&open(), &order).await.unwrap();
    assert_eq!(state, State::Finished(b"result".to_vec()));
}
