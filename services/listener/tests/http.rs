//! What is decided before a body is read as JSON: verbs, types, sizes, times, connections.

mod support;

use std::time::{Duration, Instant};

use sconce_listener::{Error, Listener};
use support::http::Client;
use support::{Door, call, config, get_result};

const JSON: &str = "Content-Type: application/json\r\n";

/// A request that is answered with an error about an unknown order.
fn question() -> String {
    get_result("ab").to_string()
}

/// The same with blanks behind it.
fn padded(length: usize) -> String {
    let body = question();
    let blanks = " ".repeat(length - body.len());
    body + &blanks
}

/// The listener answers as ever.
fn still_answers(door: &Door) {
    let reply = door.client().post(&question());
    assert_eq!(reply.error(), (2, "order.unknown".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_type_is_avalons_to_the_letter() {
    let door = Door::open(config()).await;
    for (sent, answered) in [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("Application/Json", "application/json"),
        (
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded",
        ),
    ] {
        let header = format!("Content-Type: {sent}\r\n");
        for body in [question().as_str(), "{"] {
            let reply = door.client().post_with(&header, body.as_bytes());
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("content-type"), Some(answered));
        }
    }
    for header in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/json; charset=latin1\r\n",
        "Content-Type: \r\n",
    ] {
        let reply = door.client().post_with(header, question().as_bytes());
        assert_eq!(reply.status, 415, "{header}");
    }
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_post_is_answered() {
    let door = Door::open(config()).await;
    for verb in [
        "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW",
    ] {
        let mut client = door.client();
        client.send(format!("{verb} / HTTP/1.1\r\nHost: x\r\n{JSON}\r\n"));
        // HEAD's reply has the length of a body that doesn't come.
        let reply = match verb {
            "HEAD" => client.head().unwrap(),
            _ => client.reply().unwrap(),
        };
        assert_eq!(reply.status, 405, "{verb}");
        assert_eq!(reply.header("allow"), Some("POST"));
        // The connection is as good as before.
        assert_eq!(client.post(&question()).status, 200);
    }
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_pipelined() {
    let door = Door::open(config()).await;
    let mut client = door.client();
    for _ in 0..3 {
        assert_eq!(client.post(&question()).status, 200);
    }
    let body = question();
    let request = format!(
        "POST /a HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.send(request.repeat(5));
    for _ in 0..5 {
        assert_eq!(client.reply().unwrap().error().0, 2);
    }
    // As Avalon's SDK asks.
    let closing = format!("{JSON}Connection: close\r\n");
    let reply = client.post_with(&closing, body.as_bytes());
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_come_in_chunks_and_after_a_word() {
    let door = Door::open(config()).await;
    let body = question();
    let (first, second) = body.split_at(7);
    let mut client = door.client();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n7\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        second.len()
    ));
    assert_eq!(client.reply().unwrap().error().0, 2);

    client.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    assert_eq!(client.reply().unwrap().status, 100);
    client.send(&body);
    assert_eq!(client.reply().unwrap().error().0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_text() {
    let door = Door::open(config()).await;
    for body in [
        b"\xff\xfe{}".as_slice(),
        b"{\"a\":\"\xc3\"}",
        b"\xed\xa0\x80",
    ] {
        let reply = door.client().post_with(JSON, body);
        assert_eq!(reply.error(), (2, "request.json".to_owned()));
        assert!(reply.json()["id"].is_null());
    }
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_long_are_refused_with_a_text() {
    let door = Door::open(config()).await;
    let limit = 64 << 10;
    assert_eq!(
        door.client().post(&padded(limit)).error().1,
        "order.unknown"
    );
    for length in [limit + 1, limit + (100 << 10)] {
        let reply = door.client().post(&padded(length));
        assert_eq!(reply.error(), (2, "limit.size".to_owned()));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }

    // Announced and never sent; not announced and sent without end.
    let mut client = door.client();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 99999999999\r\n\r\n"
    ));
    assert_eq!(client.reply().unwrap().error().1, "limit.size");
    assert!(client.is_closed());
    let mut client = door.client();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n"
    ));
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let sent = (0..10_000).take_while(|_| client.send(&chunk)).count();
    assert!(sent < 10_000, "the listener read without end");
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_nest_too_deep() {
    let door = Door::open(config()).await;
    for body in ["[".repeat(60_000), "{\"a\":".repeat(10_000)] {
        let reply = door.client().post(&body);
        assert_eq!(reply.error(), (2, "limit.depth".to_owned()));
    }
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_told_or_cut_off() {
    let door = Door::open(config()).await;
    let begun = Instant::now();
    let mut slow_body = door.client();
    slow_body.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 99\r\n\r\n{{"
    ));
    let mut slow_head = door.client();
    slow_head.send("POST / HTTP/1.1\r\nHost: x\r\nX-");
    let mut idle = door.client();
    let mut kept = door.client();
    kept.post(&question());

    let reply = slow_body.reply().unwrap();
    assert_eq!(reply.error(), (2, "limit.slow".to_owned()));
    for client in [&mut slow_body, &mut slow_head, &mut idle, &mut kept] {
        assert!(client.is_closed());
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_large_or_none() {
    let door = Door::open(config()).await;
    let long = "x".repeat(20_000);
    let many = "X-Y: z\r\n".repeat(100);
    for (head, status) in [
        (format!("POST / HTTP/1.1\r\nX-Y: {long}\r\n\r\n"), 431),
        (format!("POST / HTTP/1.1\r\n{many}\r\n"), 431),
        (format!("POST /{long} HTTP/1.1\r\n\r\n"), 431),
        ("POST / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("\0\0\0\0\r\n\r\n".to_owned(), 400),
        (
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
            400,
        ),
        ("{\"jsonrpc\":\"2.0\"}\r\n\r\n".to_owned(), 400),
    ] {
        let mut client = door.client();
        client.send(&head);
        let reply = client.reply().map(|reply| reply.status);
        assert_eq!(reply, Some(status), "{:.40}", head);
        assert!(client.is_closed());
    }
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_break_off_are_forgotten() {
    let door = Door::open(config()).await;
    for _ in 0..50 {
        let mut client = door.client();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 99\r\n\r\n{{"
        ));
    }
    // Their places are free again.
    tokio::time::sleep(Duration::from_millis(200)).await;
    still_answers(&door);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_are_told_so() {
    let mut config = config();
    config.limits.connections = 2;
    config.limits.header_time = Duration::from_secs(5);
    let door = Door::open(config).await;
    let mut held = [door.client(), door.client()];
    for client in &mut held {
        client.post(&question());
    }
    let mut third = door.client();
    let reply = third.post(&question());
    assert_eq!(reply.error(), (8, "limit.rate".to_owned()));
    assert!(third.is_closed());
    // Who would end a process that is dead learns that this one isn't.
    let mut doctor = door.client();
    doctor.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(doctor.reply().unwrap().status, 200);
    assert!(doctor.is_closed());
    let [first, mut second] = held;
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    still_answers(&door);
    assert_eq!(second.post(&question()).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let door = Door::open(config()).await;
    let mut again = config();
    again.address = door.listener.address();
    let (orders, registry) = (door.store.orders(), door.store.registry.clone());
    let receipts = support::receipts(&door.store);
    let Err(error) = Listener::start(again, orders, registry, receipts).await else {
        panic!("two listeners have one port");
    };
    assert!(matches!(error, Error::InUse(_)));
    let port = door.listener.address().to_string();
    assert!(error.to_string().contains(&port), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_requests_end() {
    let mut config = config();
    config.result_wait = Duration::from_millis(500);
    config.limits.header_time = Duration::from_secs(600);
    config.drain = Duration::from_secs(600);
    let door = Door::open(config).await;
    door.post(&support::submit("ab01"));
    let address = door.listener.address();
    let mut idle = door.client();
    let mut busy = door.client();
    let body = get_result("ab01").to_string();
    busy.send(format!(
        "POST / HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    tokio::time::sleep(Duration::from_millis(100)).await;
    // It waits for the request, and not for the connection that is idle.
    let shutdown = tokio::time::timeout(Duration::from_secs(60), door.listener.shutdown());
    shutdown
        .await
        .expect("it ends before the idle connection does");
    assert_eq!(busy.reply().unwrap().error().0, 5);
    assert!(busy.is_closed() && idle.is_closed());
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(door.store);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_methods_name_no_ids_but_their_own() {
    let door = Door::open(config()).await;
    let mut client: Client = door.client();
    let reply = client.post(&call("EncryptionKeyGet", serde_json::json!({"a": 1})).to_string());
    let json = reply.json();
    assert_eq!(json["id"], 11);
    let text = "Invalid data format for method or method not supported";
    assert_eq!(json["error"]["message"], text);
    assert!(json["error"]["data"].get("workOrderId").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_share_a_budget_of_memory() {
    let mut config = config();
    config.limits.body = 1 << 20;
    config.limits.memory = 512 << 10;
    config.limits.body_time = Duration::from_secs(3);
    let door = Door::open(config).await;

    // More than there is: it holds what it has until its time is over.
    let mut large = door.client();
    let (begun, body) = (Instant::now(), padded(1 << 20));
    let large = std::thread::spawn(move || large.post(&body));
    std::thread::sleep(Duration::from_millis(500));
    // Small bodies need nothing of it.
    assert_eq!(door.post(&get_result("ab")).error().1, "order.unknown");
    assert!(!large.is_finished(), "the large one still waits");
    // This one gets what the large one gives back.
    let reply = door.client().post(&padded(400 << 10));
    assert_eq!(reply.error().1, "order.unknown");
    assert!(begun.elapsed() >= Duration::from_millis(2900));
    let reply = large.join().unwrap();
    assert_eq!(reply.error(), (8, "limit.rate".to_owned()));
    assert_eq!(reply.header("connection"), Some("close"));
    // All of it is there again, and again.
    for _ in 0..3 {
        let reply = door.client().post(&padded(500 << 10));
        assert_eq!(reply.error().1, "order.unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_of_the_connections() {
    let mut config = config();
    config.limits.connections_of_loopback = 2;
    config.limits.header_time = Duration::from_secs(5);
    let door = Door::open(config).await;
    let held = [door.client(), door.client()];
    let mut third = door.client();
    let reply = third.post(&question());
    assert_eq!(reply.error(), (8, "limit.rate".to_owned()));
    assert!(third.is_closed());
    // Another one has places still.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let other = other.connect(door.listener.address()).await.unwrap();
    let mut other = Client::over(other.into_std().unwrap());
    assert_eq!(other.post(&question()).error().1, "order.unknown");
    drop(held);
    tokio::time::sleep(Duration::from_millis(100)).await;
    still_answers(&door);
}

/// Two lengths of one request: it ends where its chunks do, and what stands behind them, which
/// somebody on the way may have taken for a part of it, is never answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_lengths_is_the_last() {
    let door = Door::open(config()).await;
    let body = question();
    let smuggled = format!("POST / HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 2\r\n\r\n{{}}");
    let length = "Content-Length: 5000\r\n";
    let coding = "Transfer-Encoding: chunked\r\n";
    for lengths in [[length, coding], [coding, length]] {
        let mut client = door.client();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: x\r\n{JSON}{}\r\n{:x}\r\n{body}\r\n0\r\n\r\n{smuggled}",
            lengths.concat(),
            body.len(),
        ));
        let reply = client.reply().unwrap();
        assert_eq!(reply.error().1, "order.unknown");
        assert_eq!(reply.header("connection"), Some("close"));
        assert!(client.reply().is_none());
    }
    still_answers(&door);
}
