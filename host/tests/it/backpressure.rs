//! More than the program can take.

use sconce_host::start;

use crate::support::{Peer, config};

#[test]
fn no_more_requests_are_in_flight_than_allowed() {
    let mut config = config("batches");
    config.limits.in_flight = 4;
    let host = start(config).unwrap();
    let peer = Peer::dealer(host.endpoint().unwrap());
    for _ in 0..20 {
        peer.send("count me");
    }
    let counts: Vec<_> = (0..20).map(|_| peer.text()).collect();
    assert_eq!(counts, ["4"; 20], "batches of four, not more, not fewer");
}

#[test]
fn a_flood_reaches_a_slow_program_in_pieces_and_whole() {
    let mut config = config("good");
    config.limits.outgoing = 256 * 1024;
    config.limits.in_flight = 64;
    let host = start(config).unwrap();
    let peer = Peer::dealer(host.endpoint().unwrap());
    peer.send("sleep 300");
    let bodies: Vec<Vec<u8>> = (0..200u8)
        .map(|index| vec![index.max(b'A'); 100_000])
        .collect();
    for body in &bodies {
        peer.send(body);
    }
    assert_eq!(peer.text(), "slept");
    for body in &bodies {
        assert!(peer.receive() == *body);
    }
}

#[test]
fn many_peers_with_many_requests_each_get_their_own() {
    let host = start(config("good")).unwrap();
    std::thread::scope(|scope| {
        for peer in 0..8 {
            let endpoint = host.endpoint().unwrap();
            scope.spawn(move || {
                let socket = Peer::dealer(endpoint);
                for request in 0..500 {
                    socket.send(format!("{peer}:{request}"));
                }
                for request in 0..500 {
                    assert_eq!(socket.text(), format!("{peer}:{request}"));
                }
            });
        }
    });
}
