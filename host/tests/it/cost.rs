//! What the relay costs: processor time of a host process an order.

use std::time::Instant;

use crate::shutdown::Process;
use crate::support::{Peer, ask};

/// About the size of an encrypted order as a manager sends it, in bytes.
const BODY: usize = 3000;

/// Prints what an order costs with one and with many in flight:
/// `cargo test --release -p sconce-host --test it -- --ignored --nocapture cost`.
#[test]
#[ignore = "a measurement, to be run alone with --release"]
fn cost_of_an_order() {
    let body = vec![b'x'; BODY];
    for (in_flight, orders) in [(1, 20_000), (16, 100_000), (64, 100_000)] {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = free_endpoint();
        let host = Process::start_at(folder, endpoint);
        ask(&host.endpoint, "ready?");
        let peer = Peer::dealer(&host.endpoint).with(&[b"\0\0\0\0\0\0\0\x01", b""]);

        let before = processor_time(host.pid());
        let begin = Instant::now();
        for _ in 0..in_flight {
            peer.send(&body);
        }
        for order in 0..orders {
            peer.receive();
            if order + in_flight < orders {
                peer.send(&body);
            }
        }
        let count = f64::from(orders);
        println!(
            "{in_flight:3} in flight: {:5.1} us of processor time, {:5.1} us of time an order",
            (processor_time(host.pid()) - before) * 1e6 / count,
            begin.elapsed().as_secs_f64() * 1e6 / count,
        );
    }
}

/// A TCP endpoint that nobody listens on. Somebody may take it before it's used; this is no test.
fn free_endpoint() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp://{}", listener.local_addr().unwrap())
}

/// Seconds of processor time that a process has used, in user and in kernel mode, all threads.
fn processor_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u32 = fields[11..13]
        .iter()
        .map(|field| field.parse::<u32>().unwrap())
        .sum();
    f64::from(ticks) / 100.0
}
