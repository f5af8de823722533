//! What passes over the loopback interface.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketType, recv, socket};

use crate::trace::Trace;

/// Packets of every protocol (Linux, `ETH_P_ALL`), in the order of the network.
const EVERY: u32 = (3_u16.to_be()) as u32;

/// How long a packet is waited for before it's seen whether that is wanted any more.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes that wait to be read.
const BUFFER: usize = 64 * 1024 * 1024;

/// A thread that looks at all packets.
pub(crate) struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<bool>>,
    mark: String,
}

impl Capture {
    /// Looks for these from now on; `None` without the right to.
    pub(crate) fn start(mut traces: Vec<Trace>) -> Option<Self> {
        let every = Protocol::from_raw(NonZeroU32::new(EVERY)?);
        let socket = socket(AddressFamily::PACKET, SocketType::RAW, Some(every)).ok()?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LOOK)).unwrap();
        set_socket_recv_buffer_size(&socket, BUFFER).unwrap();
        let mark = Trace::random();
        let text = mark.text().to_owned();
        traces.push(mark);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || look(&socket, &traces, &stopped));
        Some(Self {
            stop,
            thread,
            mark: text,
        })
    }

    /// Ends, and says of each whether it was seen. That anything was is seen by a text that is sent now.
    pub(crate) fn finish(self) -> Vec<bool> {
        send(&self.mark);
        std::thread::sleep(LOOK);
        self.stop.store(true, Ordering::Relaxed);
        let mut seen = self.thread.join().unwrap();
        let saw = seen.pop().unwrap();
        assert!(saw, "nothing is seen of the loopback interface");
        seen
    }
}

/// Which of them are in a packet.
fn look(socket: &OwnedFd, traces: &[Trace], stop: &AtomicBool) -> Vec<bool> {
    let mut seen = vec![false; traces.len()];
    let mut packet = vec![0; 128 * 1024];
    loop {
        match recv(socket, &mut packet[..], RecvFlags::empty()) {
            // Others may never be quiet: it's enough that the mark, which was sent last, has arrived.
            Ok(_) if stop.load(Ordering::Relaxed) && seen.last() == Some(&true) => return seen,
            Ok((_, length)) => {
                for (seen, trace) in seen.iter_mut().zip(traces) {
                    *seen |= trace.is_in(&packet[..length]);
                }
            }
            // What had arrived has been read.
            Err(_) if stop.load(Ordering::Relaxed) => return seen,
            Err(_) => {}
        }
    }
}

/// As it would look if somebody had nothing to hide.
fn send(text: &str) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();
    sender.write_all(text.as_bytes()).unwrap();
    drop(sender);
    let mut received = String::new();
    receiver.read_to_string(&mut received).unwrap();
    assert_eq!(received, text);
}
