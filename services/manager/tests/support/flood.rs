//! Whoever reaches the manager's port can say much, and has no token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use protocol::membership::HostMessage;

/// Strangers that talk as fast as they can, until it's dropped.
pub(crate) struct Flood {
    over: Arc<AtomicBool>,
    strangers: Vec<JoinHandle<()>>,
}

impl Flood {
    pub(crate) fn start(endpoint: &str, strangers: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let strangers = (0..strangers)
            .map(|_| {
                let (endpoint, over) = (endpoint.to_owned(), Arc::clone(&over));
                std::thread::spawn(move || shout(&endpoint, &over))
            })
            .collect();
        Self { over, strangers }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for stranger in self.strangers.drain(..) {
            stranger.join().unwrap();
        }
    }
}

fn shout(endpoint: &str, over: &AtomicBool) {
    let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_sndtimeo(100).unwrap();
    socket.connect(endpoint).unwrap();
    let wrong = HostMessage::Alive {
        token: "not the token".to_owned(),
        instance: "x".repeat(10_000),
    };
    let wrong = serde_json::to_vec(&wrong).unwrap();
    while !over.load(Ordering::Relaxed) {
        // What isn't taken in time is lost.
        let _ = socket.send(&wrong, 0);
    }
}
