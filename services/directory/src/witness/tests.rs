use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use transparency::log::{self, Frontier, Node, leaf_hash, prove_consistency};
use transparency::note::Signature;

use super::*;
use crate::config;

const ORIGIN: &str = "sconce.localhost/heads";
const NOW: u64 = 1_700_000_000;

/// A log whose leaf n is a text with n and whatever tells it from another log.
struct Log {
    key: SignerKey,
    variant: &'static str,
}

impl Log {
    fn new(variant: &'static str) -> Self {
        let key = SignerKey::from_seed(ORIGIN, Kind::Ed25519, &[1; 32]).unwrap();
        Self { key, variant }
    }

    fn leaf(&self, number: u64) -> Hash {
        leaf_hash(format!("{number} {}", self.variant).as_bytes())
    }

    fn frontier(&self, size: u64) -> Frontier {
        let mut frontier = Frontier::new();
        for number in 0..size {
            frontier.push(self.leaf(number)).unwrap();
        }
        frontier
    }

    fn checkpoint(&self, size: u64) -> String {
        let checkpoint = Checkpoint {
            origin: self.key.verifier().name().to_owned(),
            size,
            root: self.frontier(size).root(),
        };
        let mut note = Note::new(checkpoint.to_string()).unwrap();
        note.sign(&self.key).unwrap();
        note.to_string()
    }

    fn prove(&self, old: u64, new: u64) -> Vec<Hash> {
        let node = |node: Node| {
            let (from, count) = (node.index << node.level, 1_u64 << node.level);
            let mut subtree = Frontier::new();
            for number in from..from + count {
                subtree.push(self.leaf(number)).ok()?;
            }
            Some(subtree.root())
        };
        let mut nodes = |wanted| node(wanted).ok_or(log::Error::Sizes { old, new });
        prove_consistency(old, new, &mut nodes).unwrap()
    }

    fn request(&self, old: u64, new: u64) -> Vec<u8> {
        let proof = match old == 0 || old >= new {
            true => Vec::new(),
            false => self.prove(old, new),
        };
        let note = &self.checkpoint(new);
        AddCheckpoint { old, proof, note }.to_text().into_bytes()
    }
}

fn open(folder: &Path, name: &str) -> Witness {
    Witness::open(folder, name, vec![Log::new("").key.verifier().clone()]).unwrap()
}

fn refused(witness: &Witness, body: &[u8]) -> u16 {
    witness.add_checkpoint(body, NOW).unwrap_err().status()
}

#[test]
fn a_log_that_grows_is_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let (witness, log) = (open(folder.path(), "w"), Log::new(""));
    for (old, new) in [(0, 1), (1, 2), (2, 7), (7, 7), (7, 8), (8, 40)] {
        let line = witness
            .add_checkpoint(&log.request(old, new), NOW + new)
            .unwrap();
        let mut note = Note::parse(&log.checkpoint(new)).unwrap();
        note.signatures.push(Signature::parse(&line).unwrap());
        assert_eq!(note.verify(witness.verifier()).unwrap(), NOW + new);
        assert_eq!(witness.seen(ORIGIN).unwrap().size, new);
    }
}

#[test]
fn each_refusal_has_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let (witness, log, other) = (open(folder.path(), "w"), Log::new(""), Log::new("x"));
    assert_eq!(refused(&witness, b"old 0\n\nnothing\n"), 400);
    let stranger = Log {
        key: SignerKey::from_seed("elsewhere", Kind::Ed25519, &[1; 32]).unwrap(),
        variant: "",
    };
    assert_eq!(refused(&witness, &stranger.request(0, 1)), 404);
    let forger = Log {
        key: SignerKey::from_seed(ORIGIN, Kind::Ed25519, &[2; 32]).unwrap(),
        variant: "",
    };
    assert_eq!(refused(&witness, &forger.request(0, 1)), 403);
    assert_eq!(refused(&witness, &log.request(3, 2)), 400);
    assert_eq!(refused(&witness, &log.request(1, 2)), 409);
    assert!(witness.seen(ORIGIN).is_none());

    witness.add_checkpoint(&log.request(0, 5), NOW).unwrap();
    // Somebody who does not know, somebody who is slow, and a log that was set back.
    for old in [0, 4] {
        assert_eq!(refused(&witness, &log.request(old, 6)), 409);
    }
    assert_eq!(refused(&witness, &log.request(4, 4)), 409);
    assert_eq!(refused(&witness, &log.request(5, 4)), 400);
    // Two roots for one size, and another log that goes on.
    assert_eq!(refused(&witness, &other.request(5, 5)), 409);
    assert_eq!(refused(&witness, &other.request(5, 6)), 422);
    let note = &log.checkpoint(6);
    let mut proof = log.prove(5, 6);
    proof.pop();
    let short = AddCheckpoint {
        old: 5,
        proof,
        note,
    };
    assert_eq!(refused(&witness, short.to_text().as_bytes()), 422);
    assert_eq!(witness.seen(ORIGIN).unwrap().size, 5);
    witness.add_checkpoint(&log.request(5, 6), NOW).unwrap();
}

#[test]
fn what_was_seen_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new("");
    let first = open(folder.path(), "w");
    first.add_checkpoint(&log.request(0, 9), NOW).unwrap();
    let key = first.verifier().clone();
    drop(first);
    let again = open(folder.path(), "w");
    assert_eq!(*again.verifier(), key);
    assert_eq!(refused(&again, &Log::new("x").request(0, 9)), 409);
    again.add_checkpoint(&log.request(9, 10), NOW).unwrap();
    drop(again);

    let logs = vec![log.key.verifier().clone()];
    let renamed = Witness::open(folder.path(), "v", logs.clone()).unwrap_err();
    assert!(renamed.to_string().contains("called w"), "{renamed}");
    // A witness that has forgotten what it saw would sign anything.
    std::fs::remove_file(folder.path().join(SEEN_FILE)).unwrap();
    let error = Witness::open(folder.path(), "w", logs).unwrap_err();
    assert_eq!(error.code(), "kt.witness-state");
}

#[test]
fn what_cannot_be_remembered_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    let (witness, log) = (open(&inner, "w"), Log::new(""));
    std::fs::remove_dir_all(&inner).unwrap();
    assert_eq!(refused(&witness, &log.request(0, 1)), 500);
    assert!(witness.seen(ORIGIN).is_none());
}

async fn serve(folder: &Path, name: &str) -> (WitnessServer, config::Witness) {
    let witness = Arc::new(open(folder, name));
    let key = witness.verifier().to_string();
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let server = WitnessServer::start(address, witness).await.unwrap();
    let url = format!("http://{}", server.address());
    (server, config::Witness { key, url })
}

fn panel(list: Vec<config::Witness>, wait: Duration) -> Panel {
    Panel::new(&config::Witnesses {
        threshold: 0,
        list,
        wait,
    })
    .unwrap()
}

/// Long enough for a machine that does other things.
const WAIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_panel_finds_out_where_each_witness_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_one, first) = serve(&folder.path().join("1"), "one").await;
    let (_two, second) = serve(&folder.path().join("2"), "two").await;
    let all = panel(vec![first.clone(), second.clone()], WAIT);
    let alone = panel(vec![first.clone()], WAIT);
    let keys = [first, second].map(|one| VerifierKey::parse(&one.key).unwrap());
    let ask = async |panel: &Panel, size: u64| {
        let log = Log::new("");
        let checkpoint = log.checkpoint(size);
        let prove = move |old| Some(log.prove(old, size));
        panel.cosign(&checkpoint, prove).await.unwrap()
    };
    assert_eq!(ask(&all, 3).await.count, 2);
    // The second falls behind, and each panel behind the other.
    assert_eq!(ask(&alone, 5).await.count, 1);
    let cosigned = ask(&all, 8).await;
    assert_eq!(cosigned.count, 2, "{:?}", cosigned.failures);
    let note = Note::parse(&cosigned.note).unwrap();
    assert_eq!(note.signatures.len(), 3);
    for key in &keys {
        assert!(note.verify(key).unwrap() > NOW);
    }
    // A log that was set back gets no signature, and is told why.
    let set_back = ask(&all, 4).await;
    assert_eq!(set_back.count, 0);
    for (_, failure) in &set_back.failures {
        assert!(matches!(failure, Failure::Ahead { seen: 8, size: 4 }));
    }
}

#[test]
fn a_panel_has_each_witness_once() {
    let witness = |name| config::Witness {
        key: SignerKey::from_seed(name, Kind::Cosignature, &[7; 32])
            .unwrap()
            .verifier()
            .to_string(),
        url: "http://127.0.0.1:1".to_owned(),
    };
    for other in ["one", "another"] {
        let twice = Panel::new(&config::Witnesses {
            threshold: 2,
            list: vec![witness("one"), witness(other)],
            wait: WAIT,
        });
        assert_eq!(twice.unwrap_err().code(), "directory.settings");
    }
}

#[tokio::test]
async fn a_panel_does_not_believe_for_ever_that_a_witness_is_ahead() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let folder = tempfile::tempdir().unwrap();
    let (server, mut entry) = serve(folder.path(), "one").await;
    let liar = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (to, from) = (server.address(), liar.local_addr().unwrap());
    entry.url = format!("http://{from}");
    // On the way stands somebody who answers once, and then lets everything through.
    let between = tokio::spawn(async move {
        let (mut first, _) = liar.accept().await.unwrap();
        let _some = first.read(&mut [0; 1024]).await.unwrap();
        let lie = "HTTP/1.1 409 Conflict\r\nconnection: close\r\ncontent-length: 20\r\n\r\n";
        let lie = format!("{lie}9223372036854775807\n");
        first.write_all(lie.as_bytes()).await.unwrap();
        drop(first);
        loop {
            let (mut one, _) = liar.accept().await.unwrap();
            let mut other = tokio::net::TcpStream::connect(to).await.unwrap();
            tokio::spawn(async move {
                let _ends = tokio::io::copy_bidirectional(&mut one, &mut other).await;
            });
        }
    });
    let panel = panel(vec![entry], WAIT);
    let ask = async |size: u64| {
        let log = Log::new("");
        let checkpoint = log.checkpoint(size);
        let prove = move |old| Some(log.prove(old, size));
        panel.cosign(&checkpoint, prove).await.unwrap()
    };
    assert_eq!(ask(3).await.count, 0);
    let asked = ask(4).await;
    assert_eq!(asked.count, 1, "{:?}", asked.failures);
    between.abort();
}

#[tokio::test]
async fn a_panel_does_without_those_who_fail() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, good) = serve(folder.path(), "good").await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = |name: &str, url: String| {
        let seed = [name.as_bytes()[0]; 32];
        let key = SignerKey::from_seed(name, Kind::Cosignature, &seed).unwrap();
        config::Witness {
            key: key.verifier().to_string(),
            url,
        }
    };
    let list = vec![
        name("silent", format!("http://{}", silent.local_addr().unwrap())),
        name("impostor", good.url.clone()),
        good,
        name("lost", "http://127.0.0.1:1/".to_owned()),
    ];
    let log = Log::new("");
    let panel = panel(list, Duration::from_secs(2));
    let cosigned = panel
        .cosign(&log.checkpoint(3), move |old| Some(log.prove(old, 3)))
        .await
        .unwrap();
    assert_eq!(cosigned.count, 1);
    let who: Vec<_> = cosigned.failures.iter().map(|(name, _)| &**name).collect();
    assert_eq!(who, ["silent", "impostor", "lost"]);
    assert!(matches!(cosigned.failures[1].1, Failure::Signature));
}
