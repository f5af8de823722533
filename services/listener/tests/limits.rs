//! What is too much, too often or too slow is told so, and the next request is answered.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use sconce_listener::{Allowance, ListenerConfig, Rate};
use serde_json::{Value, json};
use store::{Completed, Completion, Orders as _};
use support::http::Client;
use support::{Door, config, get_result, submit, worker_id};
use tokio::net::TcpSocket;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/// Two at once, and then two an hour.
fn twice() -> Allowance {
    let two = NonZeroU32::new(2).unwrap();
    let hour = Duration::from_secs(3600);
    Allowance {
        rate: Some(Rate {
            times: two,
            per: hour,
        }),
        burst: two,
    }
}

fn submit_of(order: &str, requester: &str) -> Value {
    let mut body = submit(order);
    body["params"]["requesterId"] = requester.into();
    body
}

/// Another address of this machine than clients usually have.
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

async fn client_of(door: &Door, source: Ipv4Addr) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    let stream = socket.connect(door.listener.address()).await.unwrap();
    Client::over(stream.into_std().unwrap())
}

/// Refused, and to come again within the half-hour that one takes.
fn is_put_off(reply: &support::http::Reply) {
    assert_eq!(reply.error(), (8, "limit.rate".to_owned()));
    let wait = &reply.json()["error"]["data"]["retryAfterMs"];
    let wait = wait.as_u64().unwrap();
    assert!((1..=1_800_000).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_may_come_so_often() {
    let mut config = config();
    config.limits.requester_rate = twice();
    let door = Door::open(config).await;
    for order in ["a1", "a2"] {
        let reply = door.post(&submit_of(order, "0d"));
        assert_eq!(reply.error(), (5, "order.pending".to_owned()));
    }
    let refused = door.post(&submit_of("a3", "0d"));
    is_put_off(&refused);
    assert_eq!(refused.json()["error"]["data"]["workOrderId"], "a3");
    // It was not stored, others have their own share, and questions are free.
    assert_eq!(door.post(&get_result("a3")).error().1, "order.unknown");
    assert_eq!(door.post(&submit_of("a3", "0e")).error().0, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_come_so_often() {
    let mut config = config();
    config.limits.loopback_rate = twice();
    let door = Door::open(config).await;
    let mut client = door.client();
    for _ in 0..2 {
        let reply = client.post(&get_result("ab").to_string());
        assert_eq!(reply.error().1, "order.unknown");
    }
    // On the same connection, and on others; a body that is not read is no reason to close it.
    for _ in 0..3 {
        is_put_off(&client.post(&get_result("ab").to_string()));
    }
    is_put_off(&door.post(&get_result("ab")));
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.reply().unwrap().status, 429);
    let mut other = client_of(&door, NEIGHBOUR).await;
    let reply = other.post(&get_result("ab").to_string());
    assert_eq!(reply.error().1, "order.unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_told_so() {
    let door = Door::open(config()).await;
    let mut silent = door.client();
    let mut dripping = TcpStream::connect(door.listener.address()).unwrap();
    dripping.write_all(HEAD.as_bytes()).unwrap();
    let drip = dripping.try_clone().unwrap();
    let begun = Instant::now();
    // Each byte comes in time, the head does not.
    let dripped = std::thread::spawn(move || {
        let mut drip = drip;
        while drip.write_all(b"X").is_ok() && begun.elapsed() < Duration::from_secs(8) {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut reply = String::new();
    // Bytes that crossed the reply may make the end a reset.
    let _end: std::io::Result<usize> = dripping.read_to_string(&mut reply);
    assert!(begun.elapsed() >= Duration::from_millis(500));
    assert!(begun.elapsed() < Duration::from_secs(8));
    let (head, body) = reply.split_once("\r\n\r\n").expect("a reply");
    assert!(
        head.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{head}"
    );
    assert!(head.contains("content-type: application/json"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["error"]["data"]["reason"], "limit.slow");
    assert_eq!(body["error"]["code"], 2);
    // One that never began is closed without a word.
    assert!(silent.head().is_none());
    dripped.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_told_so() {
    let door = Door::open(config()).await;
    let mut client = door.client();
    client.send(format!("{HEAD}Content-Length: 100000\r\n\r\n"));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(800) && client.send("{") {
        std::thread::sleep(Duration::from_millis(50));
    }
    let reply = client.reply().unwrap();
    assert_eq!(reply.error(), (2, "limit.slow".to_owned()));
    assert!(client.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_have_a_time_of_their_own() {
    let mut config = config();
    config.limits.header_time = Duration::from_secs(60);
    config.limits.idle_time = Duration::from_millis(400);
    let door = Door::open(config).await;
    let mut client = door.client();
    // Busy for longer than it may be idle.
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(client.post(&get_result("ab").to_string()).status, 200);
    }
    let begun = Instant::now();
    assert!(client.is_closed());
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_waited_for_a_head_have_it_too() {
    let mut config = config();
    config.limits.idle_time = Duration::from_millis(300);
    let door = Door::open(config).await;
    // Their first request is there as soon as they are, so nothing was waited for before it.
    let mut clients: Vec<_> = (0..20).map(|_| door.client()).collect();
    for client in &mut clients {
        assert!(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    for client in &mut clients {
        assert_eq!(client.reply().unwrap().status, 405);
        assert!(client.is_closed());
    }
}

/// Order `ab`, finished with a result of about so many bytes.
async fn finish(door: &Door, bytes: usize) {
    door.post(&submit("ab"));
    let partition = worker_id().as_str().into();
    let engine = &door.store.engine;
    let second = Duration::from_secs(1);
    let mut leases = engine
        .claim(&partition, 1, 60 * second, second)
        .await
        .unwrap();
    let lease = leases.pop().unwrap();
    let result = json!({"result": {"workOrderId": "ab", "outData": "x".repeat(bytes)}});
    let completion = Completion {
        order: lease.order,
        token: lease.token,
        result: result.to_string().into_bytes(),
        appends: Vec::new(),
    };
    let completed = engine.complete(completion).await.unwrap();
    assert_eq!(completed, Completed::Stored);
}

/// More than the buffers of both sides hold.
const LARGE: usize = 15 << 20;

/// A client that receives little at a time.
async fn narrow(door: &Door) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(door.listener.address()).await.unwrap();
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

fn ask(stream: &mut TcpStream) {
    let body = get_result("ab").to_string();
    let head = format!("{HEAD}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_must_be_read() {
    let mut config = config();
    config.limits.write_time = Duration::from_millis(700);
    let door = Door::open(config).await;
    finish(&door, LARGE).await;
    let mut sleeping = narrow(&door).await;
    let mut sipping = narrow(&door).await;
    ask(&mut sleeping);
    ask(&mut sipping);
    // Something is read all the time, and never enough.
    let begun = Instant::now();
    let (mut sip, mut sipped) = ([0; 512], 0);
    while begun.elapsed() < Duration::from_secs(3) {
        match sipping.read(&mut sip) {
            Ok(0) | Err(_) => break,
            Ok(some) => sipped += some,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for mut stream in [sleeping, sipping] {
        let mut rest = Vec::new();
        let _end: std::io::Result<usize> = stream.read_to_end(&mut rest);
        let read = sipped + rest.len();
        assert!(
            read < LARGE,
            "{read} bytes were sent to one who reads too slowly"
        );
    }
    // Who reads gets all of it.
    let reply = door.post(&get_result("ab"));
    assert!(reply.body.len() > LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_share_the_memory_of_bodies() {
    let mut config = config();
    config.limits.memory = 8 << 20;
    let door = Door::open(config).await;
    finish(&door, 2 << 20).await;
    // It's given back each time, soon after the last byte has been read.
    for _ in 0..12 {
        assert!(door.post(&get_result("ab")).body.len() > 2 << 20);
    }

    let mut config = self::config();
    config.limits.memory = 1 << 20;
    let door = Door::open(config).await;
    finish(&door, 2 << 20).await;
    let reply = door.post(&get_result("ab"));
    assert_eq!(reply.error(), (8, "limit.rate".to_owned()));
    assert_eq!(reply.json()["error"]["data"]["workOrderId"], "ab");
    assert_eq!(door.post(&get_result("cd")).error().1, "order.unknown");
}

/// An order of about 100 KiB.
fn bulky(order: &str) -> Value {
    let mut body = submit(order);
    body["params"]["inData"][0]["data"] = "AAAA".repeat(25 << 10).into();
    body
}

/// A door with order `ab` finished and 4 MiB, of which each address may have so much, and where the neighbour has begun more
/// bodies than fit and drips on.
async fn dripped_at(percent: u8) -> (Door, Vec<Client>) {
    let mut config = config();
    config.limits.body = 1 << 20;
    config.limits.body_time = Duration::from_secs(60);
    config.limits.connections = 64;
    config.limits.memory = 4 << 20;
    config.limits.memory_share_of_loopback = percent;
    let door = Door::open(config).await;
    finish(&door, 768 << 10).await;
    let mut dripping = Vec::new();
    for _ in 0..24 {
        let mut client = client_of(&door, NEIGHBOUR).await;
        client.send(format!("{HEAD}Content-Length: 1000000\r\n\r\n"));
        assert!(client.send(" ".repeat(200 << 10)));
        dripping.push(client);
    }
    // Until none of his bodies gets through any more.
    loop {
        let mut client = client_of(&door, NEIGHBOUR).await;
        let body = bulky(&format!("{:02x}", dripping.len())).to_string();
        client.send(format!(
            "{HEAD}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let waits = !client.has_reply_within(Duration::from_millis(300));
        dripping.push(client);
        if waits {
            return (door, dripping);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_drips_uses_up_his_own_share_of_the_memory() {
    let (door, mut dripping) = dripped_at(50).await;
    assert_eq!(door.post(&bulky("aa01")).error().1, "order.pending");
    assert!(door.post(&get_result("ab")).body.len() > 768 << 10);
    // What was answered was not answered because the others had their time.
    let last = dripping.last_mut().unwrap();
    assert!(!last.has_reply_within(Duration::from_millis(1)));
    // What he leaves is his again.
    dripping.clear();
    let mut neighbour = client_of(&door, NEIGHBOUR).await;
    let reply = neighbour.post(&bulky("aa02").to_string());
    assert_eq!(reply.error().1, "order.pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_leave_memory_for_answers() {
    let (door, mut dripping) = dripped_at(100).await;
    let mut neighbour = client_of(&door, NEIGHBOUR).await;
    let reply = neighbour.post(&get_result("ab").to_string());
    assert!(reply.body.len() > 768 << 10);
    let last = dripping.last_mut().unwrap();
    assert!(!last.has_reply_within(Duration::from_millis(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn items_and_their_keys_are_counted() {
    let config = ListenerConfig {
        limits: sconce_listener::Limits {
            items: 3,
            own_keys: 1,
            ..config().limits
        },
        ..config()
    };
    let door = Door::open(config).await;
    let items = |count: usize, keys: usize| -> Value {
        let item = |n| {
            let key = if n < keys { "ab" } else { "" };
            json!({"index": n, "data": "AAAA", "encryptedDataEncryptionKey": key})
        };
        (0..count).map(item).collect()
    };
    for (order, member, value, expected) in [
        ("01", "inData", items(3, 1), "order.pending"),
        ("02", "inData", items(4, 0), "limit.size"),
        ("03", "outData", items(4, 0), "limit.size"),
        ("04", "inData", items(2, 2), "limit.size"),
        ("05", "outData", items(3, 1), "order.pending"),
    ] {
        let mut body = submit(order);
        body["params"][member] = value;
        assert_eq!(door.post(&body).error().1, expected, "{order}");
    }
}
