//! Witnesses, and what they have seen.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use directory::Witness as Listed;
use directory::witness::{Witness, WitnessServer};
use tokio::runtime::{Handle, Runtime};
use transparency::log::Hash;
use transparency::note::VerifierKey;
use transparency::trust::Trust;

/// Three witnesses, of which at most one is away.
pub(crate) struct Witnesses {
    stands: Vec<Stand>,
    runtime: Handle,
    seen: Arc<Seen>,
    looking: Option<JoinHandle<()>>,
}

struct Stand {
    folder: PathBuf,
    name: String,
    log: VerifierKey,
    address: SocketAddr,
    key: String,
    server: Option<WitnessServer>,
}

/// What was seen, size and root, and who is looked at for it.
#[derive(Default)]
struct Seen {
    checkpoints: Mutex<BTreeSet<(u64, Hash)>>,
    present: Mutex<Vec<Option<Arc<Witness>>>>,
    enough: AtomicBool,
}

impl Witnesses {
    pub(crate) fn start(folder: &Path, trust: &Trust, runtime: &Runtime) -> Self {
        let log = VerifierKey::parse(trust.checkpoint_key.as_ref().unwrap()).unwrap();
        let mut witnesses = Self {
            stands: Vec::new(),
            runtime: runtime.handle().clone(),
            seen: Arc::default(),
            looking: None,
        };
        for name in ["one", "two", "three"] {
            witnesses.stands.push(Stand {
                folder: folder.join(name),
                name: name.to_owned(),
                log: log.clone(),
                address: ([127, 0, 0, 1], 0).into(),
                key: String::new(),
                server: None,
            });
            witnesses.seen.present.lock().unwrap().push(None);
        }
        witnesses.bring_back();
        let seen = Arc::clone(&witnesses.seen);
        let origin = log.name().to_owned();
        witnesses.looking = Some(std::thread::spawn(move || seen.look(&origin)));
        witnesses
    }

    pub(crate) fn listed(&self) -> Vec<Listed> {
        let listed = |stand: &Stand| Listed {
            key: stand.key.clone(),
            url: format!("http://{}", stand.address),
        };
        self.stands.iter().map(listed).collect()
    }

    /// Takes one away, if `really`, and has the others there, from their files.
    pub(crate) fn send_away(&mut self, which: u64, really: bool) {
        self.bring_back();
        let which = usize::try_from(which).unwrap();
        if really {
            self.seen.present.lock().unwrap()[which] = None;
            self.stands[which].server = None;
        }
    }

    /// Has all of them there.
    pub(crate) fn bring_back(&mut self) {
        for (number, stand) in self.stands.iter_mut().enumerate() {
            if stand.server.is_some() {
                continue;
            }
            // Requests that it was at hold its file for a moment yet.
            let witness = loop {
                let logs = vec![stand.log.clone()];
                match Witness::open(&stand.folder, &stand.name, logs) {
                    Ok(witness) => break Arc::new(witness),
                    Err(error) if error.to_string().contains("another witness") => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err(error) => panic!("{error}"),
                }
            };
            stand.key = witness.verifier().to_string();
            let start = WitnessServer::start(stand.address, Arc::clone(&witness));
            let server = self.runtime.block_on(start).unwrap();
            stand.address = server.address();
            stand.server = Some(server);
            self.seen.present.lock().unwrap()[number] = Some(witness);
        }
    }

    /// Every checkpoint that was looked at.
    pub(crate) fn seen(&mut self) -> BTreeSet<(u64, Hash)> {
        self.seen.enough.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.join().unwrap();
        }
        self.seen.checkpoints.lock().unwrap().clone()
    }
}

impl Drop for Witnesses {
    fn drop(&mut self) {
        self.seen.enough.store(true, Ordering::Relaxed);
    }
}

impl Seen {
    fn look(&self, origin: &str) {
        while !self.enough.load(Ordering::Relaxed) {
            let present = self.present.lock().unwrap().clone();
            for witness in present.into_iter().flatten() {
                let Some(latest) = witness.seen(origin) else {
                    continue;
                };
                let mut root = [0; 32];
                hex::decode_to_slice(&latest.root, &mut root).unwrap();
                self.checkpoints.lock().unwrap().insert((latest.size, root));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
