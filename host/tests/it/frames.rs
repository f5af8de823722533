//! What peers send: the three kinds that there are, and everything else.

use std::io::Write;
use std::net::TcpStream;

use sconce_host::{Handle, start};

use crate::support::{PATIENCE, Peer, QUIET, ask, config, host, kind};

const TAG: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 9];

#[test]
fn req_dealer_and_tagged_dealer_peers_are_answered() {
    let host = host();
    let peers = [
        Peer::req(host.endpoint().unwrap()),
        Peer::dealer(host.endpoint().unwrap()),
        Peer::dealer(host.endpoint().unwrap()).with(&[TAG, b""]),
        Peer::dealer(host.endpoint().unwrap()).with(&[b""]),
        Peer::dealer(host.endpoint().unwrap()).with(&[b"1", b"2", b"3", b"4", b"5", b"6", b"7"]),
    ];
    for peer in &peers {
        assert_eq!(peer.ask("a"), "a");
        assert_eq!(peer.ask("b"), "b");
    }
    for peer in &peers {
        peer.send("c");
    }
    for peer in &peers {
        assert_eq!(peer.text(), "c");
    }
}

#[test]
fn answers_come_in_the_programs_order_to_whom_they_belong() {
    let host = host();
    let [one, two] = [1u64, 2].map(|tag| {
        let peer = Peer::dealer(host.endpoint().unwrap());
        (tag, peer)
    });
    for (tag, peer) in [&one, &two] {
        for count in 0..3u64 {
            let tag = (tag << 32 | count).to_be_bytes();
            peer.send_frames([&tag[..], b"", b"hold"]);
        }
        // The program has them when it answers what came after.
        let probe = [&b"probe"[..], b"", b"probe"];
        peer.send_frames(probe);
        assert_eq!(peer.frames_within(PATIENCE).unwrap(), probe);
    }
    assert_eq!(ask(host.endpoint().unwrap(), "release"), "released");
    for (tag, peer) in [&one, &two] {
        let tags: Vec<u64> = (0..3)
            .map(|_| peer.frames_within(PATIENCE).unwrap())
            .map(|frames| u64::from_be_bytes(frames[0][..].try_into().unwrap()))
            .collect();
        assert_eq!(tags, [tag << 32 | 2, tag << 32 | 1, tag << 32]);
    }
}

#[test]
fn bodies_up_to_the_limit_pass_whole() {
    let host = host();
    let peer = Peer::dealer(host.endpoint().unwrap());
    for length in [0, 1, 65_523, 65_536, 3_000_000, 16 * 1024 * 1024] {
        let body: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        peer.send(&body);
        assert!(peer.receive() == body, "{length} bytes");
    }
}

/// What becomes of a message.
enum Fate {
    /// The program sees it (and here gives it back).
    Passed,
    /// The host answers it with this reason.
    Answered(&'static str),
    /// Nobody hears of it.
    Dropped,
}

const LIMIT: usize = 64 * 1024;

fn small_host() -> Handle {
    let mut config = config("good");
    config.limits.body = LIMIT;
    start(config).unwrap()
}

#[test]
fn messages_of_any_shape_are_survived() {
    use Fate::{Answered, Dropped, Passed};

    let long = vec![b'x'; LIMIT + 1];
    let longer = vec![b'x'; LIMIT + 1024 * 1024];
    let frame = vec![b'e'; 5000];
    let many = vec![&b"f"[..]; 5000];
    let cases: &[(&str, &[&[u8]], Fate)] = &[
        ("one empty frame", &[b""], Passed),
        ("two empty frames", &[b"", b""], Passed),
        ("eight empty frames", &[&b""[..]; 8], Passed),
        ("nine empty frames", &[&b""[..]; 9], Dropped),
        ("thousands of frames", &many, Dropped),
        ("not UTF-8", &[b"\xff\xfe\xfd"], Passed),
        ("not UTF-8 after a delimiter", &[b"", b"\xc3\x28"], Passed),
        ("overlong UTF-8", &[b"\xc0\xaf"], Passed),
        ("a surrogate half", &[b"\xed\xa0\x80"], Passed),
        ("a zero byte", &[b"\0"], Passed),
        ("many zero bytes", &[&[0; 4096]], Passed),
        ("cut JSON", &[b"{\"jsonrpc\":"], Passed),
        ("JSON of another shape", &[b"[[[[]]]]"], Passed),
        (
            "a link frame",
            &[&[0, 0, 0, 9, 2, 0, 0, 0, 0, 0, 0, 0, 1]],
            Passed,
        ),
        ("a greeting", &[b"\xff\0\0\0\0\0\0\0\x01\x7f"], Passed),
        ("a body in the tag's place", &[b"{}", b"", b""], Passed),
        ("one byte over", &[&long], Answered("limit.size")),
        (
            "one byte over, as REQ",
            &[b"", &long],
            Answered("limit.size"),
        ),
        (
            "as long as is read at all",
            &[&longer],
            Answered("limit.size"),
        ),
        ("a long envelope frame", &[&frame, b"", b"{}"], Dropped),
        (
            "long envelope frames",
            &[&frame[..3000], &frame[..3000], b"{}"],
            Dropped,
        ),
        ("a long envelope, a long body", &[&frame, &long], Dropped),
        (
            "many frames, a long body",
            &[b"", b"", b"", b"", b"", b"", b"", b"", &long],
            Dropped,
        ),
    ];
    let host = small_host();
    for (name, frames, fate) in cases {
        let peer = Peer::dealer(host.endpoint().unwrap());
        peer.send_frames(frames.iter().copied());
        let (body, envelope) = frames.split_last().unwrap();
        if !matches!(fate, Dropped) {
            let mut reply = peer
                .frames_within(PATIENCE)
                .unwrap_or_else(|| panic!("{name}"));
            let text = reply.pop().unwrap();
            assert_eq!(reply, envelope, "{name}");
            match fate {
                Answered(reason) => assert_eq!(kind(&String::from_utf8(text).unwrap()), *reason),
                _ => assert!(text == *body, "{name}"),
            }
        }
        // The same peer's next request, and a stranger's. Replies keep their order: had the dropped
        // one been answered, that would come first.
        assert_eq!(peer.ask("next"), "next", "{name}");
        assert_eq!(ask(host.endpoint().unwrap(), "next"), "next", "{name}");
    }
}

#[test]
fn a_message_far_over_the_limit_costs_its_sender_the_connection() {
    let host = small_host();
    let peer = Peer::dealer(host.endpoint().unwrap());
    peer.send(vec![b'x'; LIMIT + 1024 * 1024 + 1]);
    assert!(peer.frames_within(QUIET).is_none());
    assert_eq!(ask(host.endpoint().unwrap(), "next"), "next");
}

#[test]
fn connections_that_speak_no_zeromq_are_survived() {
    let greeting = {
        let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
        greeting.extend_from_slice(b"NULL");
        greeting.resize(64, 0);
        greeting
    };
    let after_greeting = |bytes: &[u8]| [&greeting, bytes].concat();
    let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER";
    let cases: &[(&str, Vec<u8>)] = &[
        ("nothing", vec![]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        ("zeros", vec![0; 10_000]),
        ("ones", vec![0xff; 10_000]),
        ("half a greeting", greeting[..20].to_vec()),
        ("another mechanism", {
            let mut other = greeting.clone();
            other[12..17].copy_from_slice(b"PLAIN");
            other
        }),
        ("no READY", after_greeting(b"\0\x02{}")),
        ("an unknown command", after_greeting(b"\x04\x06\x05HELLO")),
        ("READY without a type", after_greeting(b"\x04\x06\x05READY")),
        (
            "a frame of 2^63 bytes",
            [
                &after_greeting(ready)[..],
                b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff",
            ]
            .concat(),
        ),
        (
            "a frame that never ends",
            [&after_greeting(ready)[..], b"\0\xffabc"].concat(),
        ),
        (
            "a message that never ends",
            [&after_greeting(ready)[..], b"\x01\x01a\x01\x01b"].concat(),
        ),
    ];
    let host = host();
    let address = host.endpoint().unwrap().strip_prefix("tcp://").unwrap();
    let mut open = vec![];
    for (name, bytes) in cases {
        for stays in [true, false] {
            let mut stream = TcpStream::connect(address).unwrap();
            // The host may hang up in the middle; that's its right.
            let _: std::io::Result<()> = stream.write_all(bytes);
            if stays {
                open.push(stream);
            }
            assert_eq!(ask(host.endpoint().unwrap(), "next"), "next", "{name}");
        }
    }
}

#[test]
fn peers_of_the_wrong_type_or_in_a_hurry_are_survived() {
    let host = host();
    for wrong in [zmq::SUB, zmq::PUB, zmq::PULL, zmq::PAIR, zmq::XPUB] {
        let _peer = Peer::new(wrong, host.endpoint().unwrap());
        assert_eq!(ask(host.endpoint().unwrap(), "next"), "next");
    }
    for _ in 0..50 {
        // Gone before it's answered.
        Peer::req(host.endpoint().unwrap()).send("sleep 1");
    }
    assert_eq!(ask(host.endpoint().unwrap(), "next"), "next");
}
