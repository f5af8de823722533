//! Orders over real HTTP to a listener in this process, honest and otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::crypto::secp256k1::{SigningKey, VerifyingKey};
use protocol::{Reason, SystemEntropy};
use sconce_client::{Client, Criteria, Error, NotProved, Options, Order, Protection, WorkerId};
use serde_json::{Value, json};
use support::{Fake, Listener, WORKER};

async fn hello(listener: &Listener) -> Result<String, Error> {
    let client = Client::connect(&listener.uri)?;
    let worker = client
        .unverified_worker(&WorkerId::from_name(WORKER))
        .await?;
    let order = Order::new(&worker, "python-hello").input("Mujtaba");
    Ok(client.run(&order).await?.text().into_owned())
}

async fn refusal(fake: Fake) -> Error {
    hello(&fake.start()).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_is_verified_and_opened_in_both_modes() {
    for sync in [false, true] {
        let fake = Fake {
            sync,
            pending: 3,
            ..Fake::default()
        };
        let listener = fake.start();
        assert_eq!(hello(&listener).await.unwrap(), "Hello Mujtaba");
        let polls = listener.calls_of("WorkOrderGetResult").len();
        assert_eq!(polls, if sync { 0 } else { 4 });
        for head in listener.heads() {
            let head = head.to_ascii_lowercase();
            assert!(
                head.contains("content-type: application/json\r\n"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn the_plaintext_and_a_shared_iv_are_not_sent_unless_asked_for() {
    let listener = Fake::default().start();
    let client = Client::connect(&listener.uri).unwrap();
    let worker = client
        .unverified_worker(&WorkerId::from_name(WORKER))
        .await
        .unwrap();
    let order = || Order::new(&worker, "python-hello");
    for order in [
        order().input("Mujtaba"),
        order().input("Mujtaba").avalon_iv(true),
        order().input_as("Mujtaba", Protection::Plain),
    ] {
        let answer = client.run(&order).await.unwrap();
        assert_eq!(answer.bytes(), b"Hello Mujtaba");
        assert!(!format!("{answer:?}").contains("Hello"));
    }
    let sent = listener.calls_of("WorkOrderSubmit");
    let ivs: Vec<_> = sent
        .iter()
        .map(|order| order["sessionKeyIv"].is_string())
        .collect();
    assert_eq!(ivs, [false, true, false]);
    let data: Vec<_> = sent
        .iter()
        .map(|order| order["inData"][0]["data"] == "TXVqdGFiYQ==")
        .collect();
    assert_eq!(data, [false, false, true]);
}

#[tokio::test]
async fn a_signature_covers_the_request_hash() {
    let listener = Fake::default().start();
    let client = Client::connect(&listener.uri).unwrap();
    let worker = client
        .unverified_worker(&WorkerId::from_name(WORKER))
        .await
        .unwrap();
    let key = Arc::new(SigningKey::generate(&SystemEntropy::new()).unwrap());
    let order = Order::new(&worker, "python-hello").input("x").signed(key);
    let submitted = client.submit(&order).await.unwrap();
    let sent = &listener.calls_of("WorkOrderSubmit")[0];
    let key = VerifyingKey::from_pem(sent["verifyingKey"].as_str().unwrap()).unwrap();
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::STANDARD
        .decode(sent["requesterSignature"].as_str().unwrap())
        .unwrap();
    assert!(key.verifies(&submitted.request_hash, &signature));
}

#[tokio::test]
async fn many_orders_come_back_in_their_order() {
    let fake = Fake {
        pending: 1,
        ..Fake::default()
    };
    let client = Client::connect(&fake.start().uri).unwrap();
    let worker = client
        .unverified_worker(&WorkerId::from_name(WORKER))
        .await
        .unwrap();
    let orders = (0..20).map(|n| Order::new(&worker, "python-hello").input(n.to_string()));
    let answers = client.run_many(orders, 4).await;
    let texts: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().unwrap().text())
        .collect();
    let wanted: Vec<_> = (0..20).map(|n| format!("Hello {n}")).collect();
    assert_eq!(texts, wanted);
    assert!(client.run_many([], 0).await.is_empty());
}

#[tokio::test]
async fn workers_are_found_and_say_what_they_do_not_prove() {
    let client = Client::connect(&Fake::default().start().uri).unwrap();
    let ids = client.lookup(&Criteria::default()).await.unwrap();
    assert_eq!(ids, [WorkerId::from_name(WORKER)]);
    let worker = client.unverified_worker(&ids[0]).await.unwrap();
    assert_eq!(worker.not_proved(), [NotProved::NoEvidence]);
}

#[tokio::test]
async fn a_look_up_ends_whatever_the_listener_says() {
    type Pages = fn(usize) -> Vec<WorkerId>;
    let cases: [(Pages, usize, usize); 4] = [
        // Pages without end; one large one; the same again and again; nothing.
        (|page| vec![numbered(page), numbered(page + 1)], 101, 100),
        (
            |page| (0..60_000).map(|n| numbered(page * 60_000 + n)).collect(),
            100_000,
            2,
        ),
        (|_| vec![numbered(1), numbered(2), numbered(1)], 2, 2),
        (|_| Vec::new(), 0, 1),
    ];
    for (pages, found, calls) in cases {
        let fake = Fake {
            pages: Some(pages),
            ..Fake::default()
        };
        let listener = fake.start();
        let client = Client::connect(&listener.uri).unwrap();
        let ids = client.lookup(&Criteria::default()).await.unwrap();
        assert_eq!((ids.len(), listener.calls().len()), (found, calls));
    }
}

fn numbered(number: usize) -> WorkerId {
    WorkerId::new(format!("{number:064x}")).unwrap()
}

/// Spoils a record or a reply.
type Edit = fn(&mut Value);

#[tokio::test]
async fn records_that_bind_no_keys_are_refused() {
    let cases: [(Edit, &str); 6] = [
        (
            |record| record["status"] = 4.into(),
            "is compromised, not active",
        ),
        (
            |record| record["details"]["workerTypeData"]["encryptionKeySignature"] = Value::Null,
            "its encryption key is not signed",
        ),
        (
            |record| record["details"]["workerTypeData"]["encryptionKeySignature"] = "00".into(),
            "encryptionKeySignature does not verify",
        ),
        (
            |record| record["details"]["workerTypeData"]["verificationKey"] = "x".into(),
            "verificationKey is not a PEM",
        ),
        (
            |record| record["details"] = json!({}),
            "verificationKey is missing",
        ),
        (
            |record| record["status"] = "on".into(),
            "not what this method answers",
        ),
    ];
    for (edit, text) in cases {
        let fake = Fake {
            edit_record: Box::new(edit),
            ..Fake::default()
        };
        let listener = fake.start();
        let error = hello(&listener).await.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
        assert!(listener.calls_of("WorkOrderSubmit").is_empty(), "{text}");
    }
}

#[tokio::test]
async fn answers_that_are_not_the_workers_are_refused() {
    let cases: [(Edit, bool); 6] = [
        (|reply| reply["result"]["workerNonce"] = "AAAA".into(), true),
        (|reply| reply["result"]["workerSignature"] = "".into(), true),
        (|reply| reply["result"]["workOrderId"] = "ab".into(), true),
        (|reply| reply["result"]["requesterId"] = "ab".into(), true),
        (|reply| reply["result"]["outData"] = json!([]), false),
        (
            |reply| {
                reply["result"]["extVerificationKey"] = reply["result"]["workerSignature"].clone();
            },
            true,
        ),
    ];
    for sync in [false, true] {
        for (edit, forged) in cases {
            let error = refusal(Fake {
                edit_reply: Box::new(edit),
                sync,
                ..Fake::default()
            })
            .await;
            assert!(matches!(error, Error::NotVerified { .. }), "{error}");
            assert_eq!(error.is_forgery(), forged, "{error}");
        }
    }
}

#[tokio::test]
async fn a_signed_answer_that_does_not_open_is_refused() {
    let error = refusal(Fake {
        edit_before_signing: Box::new(|result| {
            result["outData"][0]["data"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
        }),
        ..Fake::default()
    })
    .await;
    assert!(
        error
            .to_string()
            .ends_with("does not open under the order's session key"),
        "{error}"
    );
}

#[tokio::test]
async fn other_peoples_replies_are_tolerated() {
    let early: [Edit; 2] = [
        |reply| {
            let members = reply.as_object_mut().unwrap();
            members.remove("id");
            members.remove("jsonrpc");
        },
        |reply| reply["id"] = 9999.into(),
    ];
    for edit in early {
        let fake = Fake {
            edit_reply: Box::new(edit),
            content_type: "application/json; charset=utf-8",
            ..Fake::default()
        };
        assert_eq!(hello(&fake.start()).await.unwrap(), "Hello Mujtaba");
    }
}

#[tokio::test]
async fn a_failure_comes_with_the_workloads_own_message() {
    for sync in [false, true] {
        let error = refusal(Fake {
            failure: Some((Reason::WorkloadInput, "expected a number")),
            sync,
            ..Fake::default()
        })
        .await;
        let Error::Rpc(error) = error else {
            panic!("{error}")
        };
        assert_eq!((error.code, error.reason), (1, Some(Reason::WorkloadInput)));
        assert_eq!(error.detail.as_deref(), Some("expected a number"));
        assert_eq!(
            error.to_string(),
            "Error processing work load (code 1, workload.input): expected a number"
        );
    }
}

#[tokio::test]
async fn a_detail_of_somebody_elses_is_left_out() {
    let error = refusal(Fake {
        failure: Some((Reason::WorkloadInput, "x")),
        edit_reply: Box::new(|reply| reply["error"]["data"]["detail"] = "c3B5".into()),
        ..Fake::default()
    })
    .await;
    assert_eq!(
        error.to_string(),
        "Error processing work load (code 1, workload.input)"
    );
}

#[tokio::test]
async fn what_is_no_listener_is_told_apart() {
    let status = refusal(Fake {
        status: "404 Not Found",
        ..Fake::default()
    });
    assert!(matches!(status.await, Error::Status(404)));
    for raw in [&b"<html>"[..], b"{}", b"[]", b"\xff", b"{\"result\":null}"] {
        let fake = Fake {
            raw: Some(raw.to_vec()),
            ..Fake::default()
        };
        let error = refusal(fake).await;
        assert!(matches!(error, Error::Reply { .. }), "{error}");
    }
    // Nobody listens on port 1 of this machine.
    let client = Client::connect("http://127.0.0.1:1").unwrap();
    let error = client.lookup(&Criteria::default()).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }));
    assert!(error.to_string().contains("onnection refused"), "{error}");
}

#[tokio::test]
async fn replies_are_bounded_in_size_and_time() {
    let mut options = Options::default();
    options.max_reply = 100;
    options.call = Duration::from_millis(200);
    let fake = Fake {
        raw: Some(vec![b'x'; 101]),
        ..Fake::default()
    };
    let client = Client::connect_with(&fake.start().uri, options.clone()).unwrap();
    let error = client.lookup(&Criteria::default()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 100 }), "{error}");

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", silent.local_addr().unwrap());
    let client = Client::connect_with(&uri, options).unwrap();
    let start = Instant::now();
    let error = client.lookup(&Criteria::default()).await.unwrap_err();
    assert!(matches!(error, Error::CallTimedOut { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn waiting_ends_and_rides_out_a_lost_connection() {
    let fake = Fake {
        pending: usize::MAX,
        ..Fake::default()
    };
    let client = Client::connect(&fake.start().uri).unwrap();
    let worker = client
        .unverified_worker(&WorkerId::from_name(WORKER))
        .await
        .unwrap();
    let order = Order::new(&worker, "python-hello").input("x");
    let pending = client.submit(&order).await.unwrap().pending;
    assert_eq!(client.poll(&pending).await.unwrap(), None);
    let error = client
        .wait(&pending, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");

    // The order is unknown to this one, which says so only after it has dropped two connections.
    let fake = Fake {
        refuse: 2,
        ..Fake::default()
    };
    let client = Client::connect(&fake.start().uri).unwrap();
    let error = client
        .wait(&pending, Duration::from_secs(20))
        .await
        .unwrap_err();
    let Error::Rpc(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.reason, Some(Reason::OrderUnknown));
}

#[tokio::test]
async fn what_answers_in_tls_is_said_to_be_no_http() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", server.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 1024];
        assert!(std::io::Read::read(&mut stream, &mut request).unwrap() > 0);
        // An alert: this is no record of TLS.
        let alert = [0x15, 3, 3, 0, 2, 2, 10];
        std::io::Write::write_all(&mut stream, &alert).unwrap();
    });
    let client = Client::connect(&uri).unwrap();
    let error = client.lookup(&Criteria::default()).await.unwrap_err();
    assert!(error.to_string().contains("write https://"), "{error}");
    answering.join().unwrap();
}
