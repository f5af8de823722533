//! What clients may rely on, and what they can't do to each other.

use std::net::Shutdown;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};

use vault_client::{Identity, Method};

use crate::support::{answer, connect, hear, limits, say, serve, serve_with};

const GET: &[u8] = b"GET /plain?x=1 HTTP/1.1\r\nHost: v\r\n\r\n";

#[test]
fn a_client_is_known_by_its_key_and_one_without_by_none() {
    let served = serve();
    let (identity, _) = Identity::generate().unwrap();
    let mut known = served.client(Some(&identity));
    let mut unknown = served.client(None);
    for _ in 0..3 {
        let said = known.call(Method::Put, "/a", "x/y", b"four").unwrap();
        let wanted = format!("attested Put /a None 4 {}", identity.who());
        assert_eq!(said.body, wanted.into_bytes().into());
        let said = unknown.call(Method::Get, "/a?b", "x/y", b"").unwrap();
        assert_eq!(said.body, b"attested Get /a Some(\"b\") 0 ".to_vec().into());
    }
    assert_eq!(served.asked(), 6);
}

#[test]
fn the_plain_door_serves_without_tls() {
    let served = serve();
    let mut socket = served.raw();
    for _ in 0..3 {
        say(&mut socket, GET);
        let said = answer(&mut socket);
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
        assert!(
            said.ends_with("plain Get /plain Some(\"x=1\") 0 "),
            "{said}"
        );
    }
}

#[test]
fn requests_that_are_sent_ahead_are_answered_one_after_the_other() {
    let served = serve();
    let mut socket = served.raw();
    let post = b"POST /wait HTTP/1.1\r\nHost: v\r\nContent-Length: 3\r\n\r\nabc";
    say(&mut socket, &[post, GET, post].concat());
    for part in ["Post /wait None 3", "Get /plain", "Post /wait"] {
        assert!(answer(&mut socket).contains(part), "{part}");
    }
}

#[test]
fn a_client_that_closes_after_asking_is_answered() {
    let served = serve();
    let mut socket = served.raw();
    say(&mut socket, GET);
    socket.shutdown(Shutdown::Write).unwrap();
    let heard = String::from_utf8(hear(&mut socket)).unwrap();
    assert!(heard.contains("plain Get"), "{heard}");
}

#[test]
fn whoever_waits_for_a_word_before_the_body_gets_it() {
    let served = serve();
    let mut socket = served.raw();
    say(
        &mut socket,
        b"PUT / HTTP/1.1\r\nHost: v\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    let mut word = [0; 25];
    std::io::Read::read_exact(&mut socket, &mut word).unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    say(&mut socket, b"ab");
    assert!(answer(&mut socket).contains("plain Put / None 2"));
}

#[test]
fn a_failure_is_answered_and_takes_nothing_with_it() {
    let served = serve();
    let mut client = served.client(None);
    for _ in 0..2 * limits().threads.get() {
        assert_eq!(
            client.call(Method::Get, "/panic", "", b"").unwrap().status,
            500
        );
    }
    assert_eq!(client.call(Method::Get, "/a", "", b"").unwrap().status, 200);
}

#[test]
fn long_bodies_and_answers_go_through_tls() {
    let served = serve();
    let mut client = served.client(None);
    for _ in 0..2 {
        let body = vec![b'b'; limits().body];
        let said = client.call(Method::Put, "/a", "x/y", &body).unwrap();
        assert!(said.body.starts_with(b"attested Put /a None 65536"));
        let long = client.call(Method::Get, "/much", "", b"").unwrap();
        assert_eq!(long.body.len(), 1 << 20);
    }
}

#[test]
fn slow_clients_keep_nobody_waiting_and_are_given_up() {
    let served = serve();
    // In the handshake, in a head, in a body, at reading an answer; and one that asks for nothing.
    let mut slow: Vec<_> = (0..2)
        .flat_map(|_| {
            let mut handshake = connect(served.tls);
            say(&mut handshake, &[0x16, 3, 1, 2, 0, 1]);
            let mut head = served.raw();
            say(&mut head, b"GET / HT");
            let mut body = served.raw();
            say(
                &mut body,
                b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 9\r\n\r\nab",
            );
            [handshake, head, body, served.raw()]
        })
        .collect();
    let mut deaf = served.raw();
    say(&mut deaf, b"GET /long HTTP/1.1\r\nHost: v\r\n\r\n");

    for _ in 0..20 {
        let mut client = served.client(None);
        assert_eq!(client.call(Method::Get, "/a", "", b"").unwrap().status, 200);
    }
    // They are closed by the server, some with a word.
    let heard: Vec<String> = slow
        .iter_mut()
        .map(|socket| String::from_utf8_lossy(&hear(socket)).into_owned())
        .collect();
    let told = heard
        .iter()
        .filter(|heard| heard.contains("408 Request Timeout"));
    assert_eq!(told.count(), 4, "{heard:?}");
    // The long answer ends before it is whole.
    thread::sleep(limits().writing);
    assert!(hear(&mut deaf).len() < 8 << 20);
}

#[test]
fn when_there_are_too_many_those_that_only_wait_make_room() {
    let served = serve();
    let idle: Vec<_> = (0..4 * limits().connections)
        .map(|_| served.raw())
        .collect();
    let mut client = served.client(None);
    assert_eq!(client.call(Method::Get, "/a", "", b"").unwrap().status, 200);
    drop(idle);
}

#[test]
fn bodies_that_are_too_much_together_are_refused_until_there_is_room() {
    let served = serve();
    let head = b"PUT / HTTP/1.1\r\nHost: v\r\nContent-Length: 65536\r\n\r\n";
    let mut first: Vec<_> = (0..2)
        .map(|_| {
            let mut socket = served.raw();
            say(&mut socket, head);
            say(&mut socket, b"some");
            socket
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    let mut third = served.raw();
    say(&mut third, head);
    assert!(answer(&mut third).starts_with("HTTP/1.1 503 "));
    for socket in &mut first {
        say(socket, &[b'x'; 65_532]);
        assert!(answer(socket).starts_with("HTTP/1.1 200 "));
    }
    let mut fourth = served.raw();
    say(&mut fourth, head);
    say(&mut fourth, &[b'x'; 65_536]);
    assert!(answer(&mut fourth).starts_with("HTTP/1.1 200 "));
}

#[test]
fn bodies_that_are_being_answered_take_room() {
    let served = serve();
    let head = b"PUT /wait HTTP/1.1\r\nHost: v\r\nContent-Length: 65536\r\n\r\n";
    let mut first: Vec<_> = (0..2)
        .map(|_| {
            let mut socket = served.raw();
            say(&mut socket, head);
            say(&mut socket, &[b'x'; 65_536]);
            socket
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    let mut third = served.raw();
    say(&mut third, head);
    assert!(answer(&mut third).starts_with("HTTP/1.1 503 "));
    for socket in &mut first {
        assert!(answer(socket).starts_with("HTTP/1.1 200 "));
    }
    let mut fourth = served.raw();
    say(&mut fourth, head);
    say(&mut fourth, &[b'x'; 65_536]);
    assert!(answer(&mut fourth).starts_with("HTTP/1.1 200 "));
}

#[test]
fn answers_that_take_long_do_not_hold_up_the_others() {
    let mut limits = limits();
    limits.threads = NonZeroUsize::new(2).unwrap();
    let served = serve_with(limits);
    let mut waits = served.raw();
    say(&mut waits, b"GET /wait HTTP/1.1\r\nHost: v\r\n\r\n");
    let mut client = served.client(None);
    let mut before = 0;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(200) {
        client.call(Method::Get, "/a", "", b"").unwrap();
        before += 1;
    }
    assert!(before > 2, "{before}");
    assert!(answer(&mut waits).contains("Get /wait"));
}

#[test]
fn a_server_that_is_dropped_is_gone() {
    let served = serve();
    let address = served.plain;
    let mut socket = served.raw();
    say(&mut socket, GET);
    answer(&mut socket);
    drop(served);
    assert_eq!(hear(&mut socket), b"");
    assert!(std::net::TcpStream::connect(address).is_err());
}
