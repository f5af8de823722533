//! Receipts with real workers, and over `kill -9`.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use client::{
    Client, Error, Order, ReceiptCriteria, ReceiptStatus, Sealed, Subject, Updater, WorkOrderId,
    Worker, WorkerId,
};
use listener::Mode;
use protocol::crypto::secp256k1::SigningKey;
use protocol::ids::HexText;
use protocol::{Reason, SystemEntropy};
use sconce_tests::command::{Up, sconce};
use sconce_tests::keys;
use sconce_tests::platform::{Platform, Setup};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(60);

fn key() -> SigningKey {
    SigningKey::generate(&SystemEntropy::new()).unwrap()
}

/// An order that has been sent.
async fn sent(client: &Client, worker: &Worker, input: &str) -> Sealed {
    let order = Order::new(worker, "python-hello").input(input);
    let sealed = order.seal().unwrap();
    client.post(&sealed).await.unwrap();
    sealed
}

async fn update(
    client: &Client,
    order: &WorkOrderId,
    status: ReceiptStatus,
    data: &str,
    key: &SigningKey,
) -> Result<(), Option<Reason>> {
    let updater = HexText::new("aa").unwrap();
    let update = client.update_receipt(order, &updater, status, data, key);
    update.await.map(|_| ()).map_err(|error| reason(&error))
}

fn reason(error: &Error) -> Option<Reason> {
    match error {
        Error::Rpc(error) => error.reason,
        other => panic!("{other}"),
    }
}

/// The whole life of a receipt, beginning before the order has a result: there the reference's
/// manager dies.
fn life(mode: Mode) {
    let worker_key = keys::worker_signing();
    let platform = Platform::start(Setup {
        workers: vec![keys::WORKER.to_owned()],
        keys: vec![(keys::WORKER.to_owned(), keys::worker_unattested())],
        mode,
        ..Setup::default()
    });
    let client = Client::connect(&platform.uri()).unwrap();
    platform.block_on(async {
        let worker = client
            .unverified_worker(&WorkerId::from_name(keys::WORKER))
            .await
            .unwrap();
        let (creator, stranger) = (key(), key());
        let order = Order::new(&worker, "python-hello").input("Mujtaba");
        let sealed = order.seal().unwrap();
        let (subject, id) = (Subject::of(&sealed), sealed.pending.id());
        let create = || client.create_receipt(&subject, ReceiptStatus::Pending, &creator);
        let early = create().await.unwrap_err();
        assert_eq!(
            reason(&early),
            Some(Reason::OrderUnknown),
            "before the order"
        );

        // Both at once, so that the receipt may come before, while or after the order runs.
        let (posted, created) = tokio::join!(client.post(&sealed), async {
            loop {
                match create().await {
                    Err(error) if reason(&error) == Some(Reason::OrderUnknown) => {}
                    created => return created,
                }
            }
        });
        posted.unwrap();
        created.unwrap();
        let answer = client.wait(&sealed.pending, LONG).await.unwrap();
        assert_eq!(answer.text(), "Hello Mujtaba");

        let hash = client.response_hash(&sealed.pending).await.unwrap();
        let wrong = hash.replace(|c: char| c.is_ascii_digit(), "A");
        let say = async |status, data: &str, key| update(&client, id, status, data, key).await;
        let processed = ReceiptStatus::Processed;
        assert_eq!(
            say(ReceiptStatus::Failed, "too soon", &creator).await,
            Ok(())
        );
        let mismatch = Err(Some(Reason::ReceiptMismatch));
        assert_eq!(say(processed, &wrong, &worker_key).await, mismatch);
        let foreign = Err(Some(Reason::ReceiptForeign));
        assert_eq!(say(processed, &hash, &stranger).await, foreign);
        assert_eq!(say(processed, &hash, &worker_key).await, Ok(()));
        let backwards = Err(Some(Reason::ReceiptStatus));
        assert_eq!(say(ReceiptStatus::Failed, "no", &creator).await, backwards);
        assert_eq!(say(ReceiptStatus::Completed, &hash, &creator).await, Ok(()));
        assert_eq!(say(processed, &hash, &creator).await, backwards);

        let read = client.receipt(id, None).await.unwrap();
        assert_eq!(read.differs_from(&subject), None);
        assert_eq!(read.status(), ReceiptStatus::Completed);
        let said: Vec<_> = read
            .updates()
            .map(|(by, u)| (by, u.update_type.code()))
            .collect();
        use Updater::{Creator, Worker};
        assert_eq!(said, [(Creator, 3), (Worker, 2), (Creator, 1)]);
    });
}

#[test]
fn the_life_of_a_receipt_asynchronously() {
    life(Mode::Async);
}

#[test]
fn the_life_of_a_receipt_synchronously() {
    life(Mode::SYNC);
}

#[test]
fn receipts_before_results_do_no_harm() {
    let platform = Platform::start(Setup::default());
    let helper = Platform::start(Setup {
        workers: vec![keys::WORKER.to_owned()],
        keys: vec![(keys::WORKER.to_owned(), keys::worker_unattested())],
        ..Setup::default()
    });
    let id = WorkerId::from_name(keys::WORKER);
    platform
        .register(&id, &helper.record(&id).unwrap())
        .unwrap();
    let client = Client::connect(&platform.uri()).unwrap();
    let orders = platform.block_on(async {
        let worker = client.unverified_worker(&id).await.unwrap();
        let mut orders = Vec::new();
        for number in 0..10 {
            let sealed = sent(&client, &worker, &number.to_string()).await;
            let subject = Subject::of(&sealed);
            let key = key();
            let created = client.create_receipt(&subject, ReceiptStatus::Pending, &key);
            created.await.unwrap();
            orders.push(sealed);
        }
        orders
    });
    // Only now is there somebody who works.
    platform.start_host(keys::WORKER, keys::worker_unattested());
    platform.block_on(async {
        for (number, order) in orders.iter().enumerate() {
            let answer = client.wait(&order.pending, LONG).await.unwrap();
            assert_eq!(answer.text(), format!("Hello {number}"));
        }
        let criteria = ReceiptCriteria {
            worker_id: Some(id),
            receipt_status: Some(ReceiptStatus::Pending),
            ..ReceiptCriteria::default()
        };
        assert_eq!(client.receipts(&criteria).await.unwrap().len(), 10);
    });
}

/// What was acknowledged of one order.
#[derive(Default)]
struct Acknowledged {
    created: bool,
    updates: Vec<String>,
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), "async", 1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let key = key();
    let uri = up.listener().unwrap();
    let client = Client::connect(&uri).unwrap();
    let subjects = runtime.block_on(async {
        let worker = WorkerId::from_name("scone-worker-1");
        let worker = client.unverified_worker(&worker).await.unwrap();
        let mut subjects = Vec::new();
        for number in 0..64 {
            let sealed = sent(&client, &worker, &number.to_string()).await;
            subjects.push(Subject::of(&sealed));
        }
        subjects
    });
    let noted: Vec<_> = subjects
        .iter()
        .map(|_| Mutex::<Acknowledged>::default())
        .collect();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (uri, key, subjects, noted) = (&uri, &key, &subjects, &noted);
            scope.spawn(move || {
                let mine = (worker..64).step_by(8);
                write_until_killed(uri, key, mine.map(|n| (&subjects[n], &noted[n])));
            });
        }
        let acknowledged = || -> usize {
            let noted = noted.iter().map(|one| one.lock().unwrap().updates.len());
            noted.sum()
        };
        // In the middle of it: there are 1280 updates to be made.
        while acknowledged() < 100 {
            std::thread::sleep(Duration::from_millis(1));
        }
        up.kill();
    });

    let up = Up::start(folder.path(), "async", 1);
    let client = Client::connect(&up.listener().unwrap()).unwrap();
    let (mut receipts, mut updates) = (0, 0);
    runtime.block_on(async {
        for (subject, noted) in subjects.iter().zip(noted) {
            let noted = noted.into_inner().unwrap();
            if !noted.created {
                continue;
            }
            receipts += 1;
            let read = client.receipt(&subject.work_order_id, None).await.unwrap();
            assert_eq!(read.differs_from(subject), None);
            let said: Vec<_> = read
                .updates()
                .map(|(_, update)| &update.update_data)
                .collect();
            assert!(
                said.len() <= noted.updates.len() + 1
                    && said.iter().zip(&noted.updates).all(|(a, b)| *a == b),
                "{said:?}, acknowledged: {:?}",
                noted.updates
            );
            assert!(
                said.len() >= noted.updates.len(),
                "lost: {said:?} of {:?}",
                noted.updates
            );
            updates += noted.updates.len();
            let again = client.create_receipt(subject, ReceiptStatus::Pending, &key);
            assert_eq!(
                reason(&again.await.unwrap_err()),
                Some(Reason::ReceiptTaken)
            );
        }
    });
    assert!(updates >= 100);
    println!("{receipts} receipts and {updates} updates were acknowledged before the kill");
}

/// Creates receipts and adds to them, noting what is acknowledged, until nobody answers.
fn write_until_killed<'a>(
    uri: &str,
    key: &SigningKey,
    orders: impl Iterator<Item = (&'a Subject, &'a Mutex<Acknowledged>)>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let client = Client::connect(uri).unwrap();
    runtime.unwrap().block_on(async {
        for (subject, noted) in orders {
            let created = client.create_receipt(subject, ReceiptStatus::Pending, key);
            if created.await.is_err() {
                return;
            }
            noted.lock().unwrap().created = true;
            for number in 0..20 {
                let data = number.to_string();
                let updater = HexText::new("aa").unwrap();
                let id = &subject.work_order_id;
                let update = client.update_receipt(id, &updater, ReceiptStatus::Failed, &data, key);
                if update.await.is_err() {
                    return;
                }
                noted.lock().unwrap().updates.push(data);
            }
        }
    });
}

fn json(home: &Path, arguments: &[&str]) -> Value {
    let output = sconce(home, arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_command_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let up = Up::start(home, "sync", 1);
    let uri = up.listener().unwrap();
    let key = home.join("requester.key");
    std::fs::write(&key, "02".repeat(32)).unwrap();
    let key = key.to_str().unwrap();
    let submitted = json(
        home,
        &[
            "submit",
            "--uri",
            &uri,
            "-w",
            "scone-worker-1",
            "--data-dir",
            home.to_str().unwrap(),
            "-l",
            "python-hello",
            "-i",
            "Mujtaba",
            "--json",
            "-q",
            "-rs",
            "--key-file",
            key,
            "-r",
        ],
    );
    let id = submitted["workOrderId"].as_str().unwrap();
    up.kill();

    let up = Up::start(home, "sync", 1);
    let uri = up.listener().unwrap();
    let uri = ["--uri", &uri, "--json"];
    let run = |more: &[&str]| json(home, &[more, &uri[..]].concat());
    let shown = run(&["receipt", "show", id]);
    assert_eq!(shown["createdByYou"], true);
    assert_eq!(shown["fitsYourOrder"], true);
    assert_eq!(shown["status"], "pending");
    run(&["receipt", "update", id, "--status", "completed"]);
    let shown = run(&["receipt", "show", id]);
    assert_eq!(shown["status"], "completed");
    assert_eq!(shown["updates"][0]["signedBy"], "creator");
    let listed = run(&[
        "receipt",
        "list",
        "-w",
        "scone-worker-1",
        "--status",
        "completed",
    ]);
    assert_eq!(listed, serde_json::json!([id]));
}
