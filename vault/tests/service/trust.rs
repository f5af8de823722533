//! What a client sends to whom: to a vault that is not the right one, nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use attestation::Fingerprint;
use provision::VaultKey;
use sconce_vault::server::{Certified, Content, Doors, Handler, Limits, Reply, Request, Server};
use sgx::{Digest, Kind, Mrenclave};
use vault_client::{Identity, Trust, Vault};

use crate::support::{World, code};

/// Somebody with a key of his own, who answers what the vault has said.
struct Between {
    evidence: Vec<u8>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Handler for Between {
    fn handle(&self, request: Request) -> Reply {
        self.asked.lock().unwrap().push(request.path);
        Reply {
            status: 200,
            content: Content::Json,
            body: self.evidence.clone().into(),
        }
    }
}

#[test]
fn somebody_between_with_the_vaults_evidence_is_told_nothing() {
    let world = World::new();
    let evidence = world.owner().evidence().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let between = Between {
        evidence: serde_json::to_vec(&evidence).unwrap(),
        asked: Arc::clone(&asked),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let key = VaultKey::generate().unwrap();
    let doors = Doors {
        attested: (
            listener,
            Arc::new(Certified::new(key.expose_pkcs8()).unwrap()),
        ),
        plain: None,
    };
    let _server = Server::start(doors, Arc::new(between), Limits::default()).unwrap();
    let error = Vault::connect(&address, &world.trust(), Some(&world.owner))
        .err()
        .unwrap();
    assert!(matches!(error, vault_client::Error::Key { .. }), "{error}");
    assert_eq!(*asked.lock().unwrap(), ["/v1/evidence"]);
}

#[test]
fn vaults_that_the_policy_does_not_take_are_refused() {
    let world = World::new();
    let connect = |trust: &Trust| code(Vault::connect(world.address(), trust, None));
    let attested = |change: fn(&mut attestation::Policy)| {
        let mut policy = world.policy();
        change(&mut policy);
        Trust::Attested {
            policy: Box::new(policy),
            anchor: Box::new(world.anchor()),
            realm: None,
        }
    };
    let refusals = [
        attested(|policy| policy.allow_sim = false),
        attested(|policy| policy.simulated_roots = vec![Fingerprint::of(b"another")]),
        attested(|policy| {
            let measurements = vec![Digest::Mrenclave(Kind::Sim, Mrenclave([2; 32]))];
            policy.program = attestation::policy::Program::Sgx(attestation::policy::SgxProgram {
                measurements,
                ..Default::default()
            });
        }),
        Trust::Attested {
            policy: Box::new(world.policy()),
            anchor: Box::new(attestation::TrustAnchor::intel()),
            realm: None,
        },
        Trust::Attested {
            policy: Box::new(world.policy()),
            anchor: Box::new(world.anchor()),
            realm: Some("00".repeat(16).parse().unwrap()),
        },
    ];
    for trust in &refusals {
        assert_eq!(connect(trust), "provision.vault-evidence", "{trust:?}");
    }
    let named = Trust::Attested {
        policy: Box::new(world.policy()),
        anchor: Box::new(world.anchor()),
        realm: world.owner().realm().cloned(),
    };
    assert_eq!(connect(&named), "nothing is refused");
}

#[test]
fn whoever_is_no_vault_is_called_so() {
    let speaks = |bytes: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(bytes);
        });
        address
    };
    let (identity, _) = Identity::generate().unwrap();
    let connect =
        |address: &str| code(Vault::connect(address, &Trust::Unverified, Some(&identity)));
    assert_eq!(
        connect(&speaks(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        "vault.tls"
    );
    assert_eq!(connect(&speaks(b"")), "vault.unreachable");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap().to_string();
    drop(gone);
    assert_eq!(connect(&address), "vault.unreachable");
    assert_eq!(connect("no address"), "vault.unreachable");
}

#[test]
fn keys_that_a_debugger_may_see_are_given_to_no_program_that_others_believe() {
    let world = World::new();
    let mut program = world.program(9);
    program.debug = true;
    world.owner().ensure_worker("w", &program).unwrap();
    let mut vault = world.client(None);
    let mut release = |debug| world.release_as(&mut vault, 9, "avalon/w/g1", debug);
    assert!(release(true).is_ok());
    assert_eq!(release(false).err().unwrap(), "cas.debug");
}

#[test]
fn many_who_have_keys_made_leave_threads_to_others() {
    let world = World::new();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|number| {
                let world = &world;
                scope.spawn(move || {
                    let client = Identity::generate().unwrap().0;
                    let name = format!("n{number}/s");
                    let mut text = format!("name: {name}\nversion: \"0.3\"\nsecrets:\n");
                    for key in 0..4 {
                        text += &format!(
                            "  - name: k{key}\n    kind: private-key\n    key_type: RSA-3072\n"
                        );
                    }
                    let mut vault = world.client(Some(&client));
                    vault.put_session(&name.parse().unwrap(), &text).map(drop)
                })
            })
            .collect();
        let threads = threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).collect()
    });
    assert!(outcomes.iter().any(Result::is_ok));
    let refused = outcomes.into_iter().find(Result::is_err).unwrap();
    assert_eq!(code(refused), "vault.request");
}

#[test]
fn however_many_strangers_are_refused_releases_go_on() {
    let world = World::new();
    world.owner().ensure_worker("w", &world.program(9)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                let mut stranger = world.client(Some(&Identity::generate().unwrap().0));
                while !done.load(Ordering::Relaxed) {
                    let refused = stranger.retire("w", 1);
                    assert_eq!(code(refused), "vault.owner");
                }
            });
        }
        let mut vault = world.client(None);
        let given = (0..20).all(|_| world.release(&mut vault, 9, "avalon/w/g1").is_ok());
        done.store(true, Ordering::Relaxed);
        assert!(given);
    });
}
