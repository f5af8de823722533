//! Witnesses and auditors of a directory, all of them servers and clients.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, like tests"
)]

mod support;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attestation::Time;
use sconce_directory::Witness as Listed;
use sconce_directory::apps::{AVALON_WORKER, AppError, Apps, Validator};
use sconce_directory::audit::{Auditor, Error, Follower, Round};
use sconce_directory::feed::Page;
use sconce_directory::witness::{Witness, WitnessServer};
use serde_json::json;
use support::{Site, key};
use tokio::runtime::Runtime;
use transparency::messages::{Entry, Profile};
use transparency::note::{Note, VerifierKey};
use transparency::object_hash;
use transparency::signature::SigningKey;
use transparency::trust::Trust;
use transparency::update::Draft;

/// Long enough for a machine that does other things.
const WAIT: Duration = Duration::from_secs(20);

/// A witness that can be stopped and started again at its address.
struct Stand {
    witness: Arc<Witness>,
    server: Option<WitnessServer>,
    listed: Listed,
}

impl Stand {
    fn set(folder: &Path, name: &str, trust: &Trust, runtime: &Runtime) -> Self {
        let log = VerifierKey::parse(trust.checkpoint_key.as_ref().unwrap()).unwrap();
        let witness = Witness::open(&folder.join(name), name, vec![log]);
        let witness = Arc::new(witness.unwrap());
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let start = WitnessServer::start(address, Arc::clone(&witness));
        let server = runtime.block_on(start).unwrap();
        let listed = Listed {
            key: witness.verifier().to_string(),
            url: format!("http://{}", server.address()),
        };
        Self {
            witness,
            server: Some(server),
            listed,
        }
    }

    fn seen(&self, trust: &Trust) -> u64 {
        let origin = format!("{}/heads", trust.realm);
        self.witness.seen(&origin).map_or(0, |seen| seen.size)
    }
}

/// An auditor of a directory, with a file of its own.
struct Office {
    auditor: Auditor,
    follower: Follower,
    runtime: Runtime,
}

impl Office {
    fn open(site: &Site, trust: &Trust, apps: Apps) -> Self {
        let file = tempfile::NamedTempFile::new_in(site.folder.path()).unwrap();
        let (_, path) = file.keep().unwrap();
        std::fs::remove_file(&path).unwrap();
        let url = format!("http://{}", site.server().address());
        Self {
            auditor: Auditor::open(&path, trust, apps, |_| {}).unwrap(),
            follower: Follower::new(&url).unwrap(),
            runtime: Runtime::new().unwrap(),
        }
    }

    fn round(&mut self, key: Option<&SigningKey>) -> Result<Round, Error> {
        let round = self.follower.round(&mut self.auditor, key, |_, _| {});
        self.runtime.block_on(round)
    }
}

#[test]
fn heads_are_published_once_enough_witnesses_have_seen_them() {
    let runtime = Runtime::new().unwrap();
    let mut site = Site::start();
    let trust = site.trust();
    let folder = site.folder.path().to_owned();
    let stand = |name: &str| Stand::set(&folder, name, &trust, &runtime);
    let mut stands = [stand("one"), stand("two"), stand("three")];
    let list: Vec<_> = stands.iter().map(|stand| stand.listed.clone()).collect();
    site.restart_with(|config| {
        config.witnesses.list = list;
        config.witnesses.threshold = 2;
        config.witnesses.wait = WAIT;
    });
    site.put("alice", &site.update("alice", &key(1), "one"));
    let epoch = site.advance();
    let checkpoint = site.client().get("/v1/log/checkpoint").body;
    let note = Note::parse(str::from_utf8(&checkpoint).unwrap()).unwrap();
    for stand in &stands {
        note.verify(stand.witness.verifier()).unwrap();
        assert_eq!(stand.seen(&trust), epoch + 1);
    }
    // The same stands in answers, and a client may ask for it.
    let asked = site.trust();
    assert_eq!(
        (asked.witnesses.threshold, asked.witnesses.keys.len()),
        (2, 3)
    );
    let verifier = site.verifier();
    let mut memory = transparency::memory::Memory::default();
    verifier
        .verify("alice", &site.get("alice"), None, &mut memory)
        .unwrap();

    // One may be away; of two, one is too many. What is taken meanwhile is not lost.
    stands[0].server = None;
    assert_eq!(site.advance(), epoch + 1);
    stands[1].server = None;
    site.put("bob", &site.update("bob", &key(2), "two"));
    let pages = site.client().get("/v1/log/checkpoint").body;
    site.stop();
    site.restart_with(|config| config.witnesses.wait = Duration::from_millis(300));
    assert_eq!(site.client().get("/v1/log/checkpoint").body, pages);
    let address = stands[1].listed.url.trim_start_matches("http://").parse();
    let witness = Arc::clone(&stands[1].witness);
    let start = WitnessServer::start(address.unwrap(), witness);
    stands[1].server = Some(runtime.block_on(start).unwrap());
    assert_eq!(site.advance(), epoch + 2);
    assert!(!site.get("bob").leaf_proof.unwrap().leaf_data.is_empty());
    assert_eq!(stands[1].seen(&trust), epoch + 3);
}

#[test]
fn an_auditor_follows_and_signs() {
    let mut site = Site::start();
    let auditor = key(40);
    let pem = auditor.verifying_key().to_pem();
    site.restart_with(|config| {
        config.auditors.keys = vec![pem];
        config.auditors.threshold = 1;
    });
    let trust = site.trust();
    let mut office = Office::open(&site, &trust, Apps::default());
    assert_eq!(
        office.round(None).unwrap().epochs,
        site.server().directory().epoch() + 1
    );
    // More users than stand on a page.
    for number in 0..70 {
        let user = format!("user{number}");
        let update = site.update(&user, &key(1), "one");
        assert_eq!(site.put(&user, &update).status, 200);
    }
    let epoch = site.advance();
    let page = |start| {
        let path = format!("/v1/mutations?epoch={epoch}&start={start}");
        let reply = site.client().get(&path);
        serde_json::from_slice::<Page>(&reply.body).unwrap()
    };
    assert_eq!((page(0).mutations.len(), page(0).next_start), (64, 64));
    assert_eq!((page(64).mutations.len(), page(64).next_start), (6, 0));
    assert_eq!(page(0).count, 70);
    // Nobody's business: what is not a worker's.
    assert!(
        page(0)
            .mutations
            .iter()
            .all(|one| one.committed.is_none() && one.user_id.is_empty())
    );
    let answer = site.get("user1");
    assert!(answer.smh.unwrap().auditor_signatures.is_empty());

    let round = office.round(Some(&auditor)).unwrap();
    assert_eq!((round.updates, round.signed), (70, round.epochs));
    assert_eq!(office.auditor.entries(), 70);
    let smh = site.get("user1").smh.unwrap();
    let preimage = object_hash::map_head(smh.map_head.as_ref().unwrap());
    let signatures = &smh.auditor_signatures;
    auditor
        .verifying_key()
        .verify_among(&preimage, signatures)
        .unwrap();
    // Whoever asks for it gets it, and nobody can give another's.
    let mut memory = transparency::memory::Memory::default();
    site.verifier()
        .verify("user1", &site.get("user1"), None, &mut memory)
        .unwrap();
    assert_eq!(office.round(Some(&key(41))).unwrap().signed, 0);
    site.advance();
    let stranger = office.round(Some(&key(41))).unwrap();
    assert_eq!((stranger.epochs, stranger.signed), (1, 0));
}

#[test]
fn an_auditor_is_shown_what_workers_show() {
    struct Never;
    impl Validator for Never {
        fn validate(&self, _: &str, _: &[u8], _: &Entry, _: Time) -> Result<(), AppError> {
            Err(AppError {
                app: AVALON_WORKER.to_owned(),
                fault: "its quote is not genuine".to_owned(),
            })
        }
    }
    let site = Site::start();
    let user = "worker";
    let vrf = transparency::vrf::Output::from_slice(&site.get(user).vrf);
    let index = vrf.unwrap().index();
    let profile = |more: &[&str]| {
        let data = json!({ "name": "w" }).to_string().into_bytes();
        let apps = [&[AVALON_WORKER], more].concat();
        Profile(
            apps.iter()
                .map(|app| ((*app).to_owned(), data.clone()))
                .collect(),
        )
    };
    let update = |profile: &Profile, previous: Option<&[u8]>| {
        let draft = Draft {
            user,
            index: index.as_bytes(),
            previous,
            profile,
            authorized_keys: &[key(1).verifying_key().clone()],
            nonce: &[7; 16],
        };
        draft.sign(&[&key(1)]).unwrap()
    };
    let first = update(&profile(&[]), None);
    site.put(user, &first);
    let epoch = site.advance();
    let trust = site.trust();
    let mut office = Office::open(&site, &trust, Apps::default());
    let round = office.round(None).unwrap();
    assert_eq!((round.updates, round.opened), (1, 1));
    let refuse = Apps::default().with(AVALON_WORKER, Never);
    let error = Office::open(&site, &trust, refuse).round(None).unwrap_err();
    assert_eq!(error.code(), "kt.audit-evidence");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("update 0 of epoch {epoch}, of worker: ")),
        "{text}"
    );
    // Beside something else it's not shown.
    let leaf = first.update.key_value.value;
    site.put(user, &update(&profile(&["secret"]), Some(&leaf)));
    site.advance();
    let round = office.round(None).unwrap();
    assert_eq!((round.updates, round.opened), (1, 0));
}

#[test]
fn a_directory_that_was_set_back_or_is_another_is_found_out() {
    let site = Site::start();
    site.put("alice", &site.update("alice", &key(1), "one"));
    site.advance();
    let trust = site.trust();
    let mut office = Office::open(&site, &trust, Apps::default());
    office.round(None).unwrap();
    // One with the same keys that begins anew, and is ahead or behind.
    let mut other = Site::with(|config| {
        let keys = site.folder.path().join("directory.keys");
        config.keys = keys;
    });
    let code = |office: &mut Office| office.round(None).unwrap_err().code();
    let turn = |office: &mut Office, other: &Site| {
        let url = format!("http://{}", other.server().address());
        office.follower = Follower::new(&url).unwrap();
    };
    turn(&mut office, &other);
    assert_eq!(code(&mut office), "kt.audit-log");
    while other.advance() < 5 {}
    assert_eq!(code(&mut office), "kt.audit-head");
    other.stop();
    assert_eq!(code(&mut office), "kt.audit-unreachable");
}
