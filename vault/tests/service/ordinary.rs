//! What a vault does over its life: owners, workers, sessions, releases, the audit log, and starting again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use provision::api::NewGeneration;
use provision::audit::{AuditLine, Outcome};
use provision::{ENCRYPTION_KEY, GENERATION, SIGNING_KEY, SessionName};
use vault_client::{Identity, Vault};

use crate::support::{World, code};

const ROTATE: NewGeneration = NewGeneration {
    program: None,
    overlap_seconds: 600,
};

#[test]
fn keys_are_made_given_to_their_program_and_survive() {
    let mut world = World::new();
    let realm = world.owner().realm().unwrap().clone();
    let worker = world.owner().ensure_worker("w", &world.program(9)).unwrap();
    assert_eq!(worker.service_name().unwrap().to_string(), "avalon/w/g1");
    let first = world
        .release(&mut world.client(None), 9, "avalon/w/g1")
        .unwrap();
    assert!(first.environment[SIGNING_KEY].contains("PRIVATE KEY"));
    assert!(first.environment[ENCRYPTION_KEY].contains("PRIVATE KEY"));
    assert_eq!(first.environment[GENERATION], "1");

    for _ in 0..2 {
        world.restart();
        assert_eq!(world.owner().realm(), Some(&realm));
        let again = world.owner().ensure_worker("w", &world.program(9)).unwrap();
        assert_eq!(again, worker);
        let again = world
            .release(&mut world.client(None), 9, "avalon/w/g1")
            .unwrap();
        assert!(again == first, "other keys after a start");
    }
    let lines = audit(&mut world.owner());
    let starts = lines
        .iter()
        .filter(|line| line.entry.event == "vault.start");
    assert_eq!(starts.count(), 3);
    let released = lines.iter().filter(|line| line.entry.event == "release");
    assert_eq!(released.count(), 3);
}

/// The whole log, whose lines follow each other.
fn audit(vault: &mut Vault) -> Vec<AuditLine> {
    let (mut lines, mut last) = (Vec::new(), (0, AuditLine::BEGIN));
    loop {
        let more = vault.audit(last.0 + 1, 7).unwrap();
        if more.is_empty() {
            return lines;
        }
        for line in more {
            assert!(line.follows(last.0, &last.1), "{line:?}");
            last = (line.sequence, line.hash);
            lines.push(line);
        }
    }
}

#[test]
fn the_first_client_owns_the_vault_and_no_other_is_let_near_keys() {
    let world = World::unclaimed();
    let (stranger, _) = Identity::generate().unwrap();
    let program = world.program(9);
    assert_eq!(
        code(world.owner().ensure_worker("w", &program)),
        "vault.owner"
    );
    assert_eq!(code(world.client(None).claim()), "vault.owner");
    assert_eq!(world.owner().claim().unwrap().owner, world.owner.who());
    assert_eq!(world.owner().claim().unwrap().owner, world.owner.who());
    world.owner().ensure_worker("w", &program).unwrap();
    for identity in [Some(&stranger), None] {
        let mut client = world.client(identity);
        assert_eq!(code(client.claim()), "vault.owner");
        assert_eq!(code(client.ensure_worker("w", &program)), "vault.owner");
        assert_eq!(code(client.ensure_worker("v", &program)), "vault.owner");
        assert_eq!(code(client.new_generation("w", &ROTATE)), "vault.owner");
        assert_eq!(code(client.retire("w", 1)), "vault.owner");
        assert_eq!(code(client.workers()), "vault.owner");
        assert_eq!(code(client.audit(1, 9)), "vault.owner");
        let session = "avalon/w".parse().unwrap();
        assert_eq!(
            code(client.put_session(&session, "name: avalon/w\n")),
            "cas.access"
        );
    }
    let mine = "avalon/mine".parse().unwrap();
    let text = "name: avalon/mine\nversion: \"0.3.10\"\n";
    assert_eq!(code(world.owner().put_session(&mine, text)), "cas.access");
    let refused = audit(&mut world.owner())
        .into_iter()
        .filter(|line| line.entry.outcome == Outcome::Refused);
    assert!(refused.count() >= 12);
}

#[test]
fn a_generation_that_was_retired_is_given_to_nobody_while_all_ask() {
    let world = World::new();
    let mut owner = world.owner();
    owner.ensure_worker("w", &world.program(9)).unwrap();
    let wish = NewGeneration {
        program: Some(world.program(10)),
        ..ROTATE
    };
    assert_eq!(owner.new_generation("w", &wish).unwrap().generation, 2);
    let retired = AtomicBool::new(false);
    thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut vault = world.client(None);
                    let (mut given, mut late) = (0, 0);
                    while late < 10 {
                        let after = retired.load(Ordering::SeqCst);
                        match world.release(&mut vault, 9, "avalon/w/g1") {
                            Ok(_) if after => panic!("given after it was retired"),
                            Ok(_) => given += 1,
                            Err(code) => {
                                assert_eq!(code, "cas.service");
                                late += 1;
                            }
                        }
                        let other = world.release(&mut vault, 9, "avalon/w/g2");
                        assert_eq!(other.err().unwrap(), "cas.measurement");
                        world.release(&mut vault, 10, "avalon/w/g2").unwrap();
                    }
                    given
                })
            })
            .collect();
        thread::sleep(std::time::Duration::from_millis(300));
        owner.retire("w", 1).unwrap();
        retired.store(true, Ordering::SeqCst);
        let given: u32 = askers.into_iter().map(|asker| asker.join().unwrap()).sum();
        assert!(given > 0);
    });
    // In the log, too, nothing is given after it.
    let lines = audit(&mut world.owner());
    let is_of_first = |line: &&AuditLine| line.entry.service.as_deref() == Some("g1");
    let of_first: Vec<_> = lines.iter().filter(is_of_first).collect();
    let end = of_first
        .iter()
        .position(|line| line.entry.event == "worker.retire")
        .unwrap();
    let after = &of_first[end + 1..];
    assert!(
        after
            .iter()
            .all(|line| line.entry.outcome == Outcome::Refused)
    );
    let living = world.owner().workers().unwrap();
    assert_eq!(living[0].generations.len(), 1);
}

#[test]
fn sessions_are_written_read_and_listed_over_the_wire() {
    let world = World::new();
    let (alice, _) = Identity::generate().unwrap();
    let mut vault = world.client(Some(&alice));
    let name: SessionName = "shop/till".parse().unwrap();
    let root = world.platform.fingerprint();
    let measurement = hex::encode([9; 32]);
    let text = format!(
        "name: shop/till
version: \"0.3.10\"
security: {{attestation: {{mode: simulated, simulated_roots: [\"{root}\"]}}}}
services: [{{name: app, mrenclaves: [\"{measurement}\"], environment: {{TOKEN: \"$$SCONE::token$$\"}}}}]
secrets: [{{name: token, kind: ascii, value: \"the secret itself\"}}]
"
    );
    let first = vault.put_session(&name, &text).unwrap();
    let grant = world.release(&mut vault, 9, "shop/till/app").unwrap();
    assert_eq!(grant.environment["TOKEN"], "the secret itself");
    let shown = vault.session(&name).unwrap();
    assert!(shown.contains("token") && !shown.contains("the secret itself"));
    assert_eq!(vault.sessions().unwrap().len(), 1);

    assert_eq!(code(vault.put_session(&name, &text)), "cas.predecessor");
    let next = format!("{text}predecessor: {}\n", first.hash);
    assert_ne!(vault.put_session(&name, &next).unwrap().hash, first.hash);

    let mut others = world.client(None);
    assert_eq!(code(others.session(&name)), "cas.access");
    assert_eq!(others.sessions().unwrap(), []);
    let other = "shop/none".parse().unwrap();
    assert_eq!(code(vault.session(&other)), "cas.session");
}

#[test]
fn a_client_finds_the_vault_again_after_a_start() {
    let mut world = World::new();
    let mut client = world.owner();
    let address = world.address().to_owned();
    client.challenge().unwrap();
    world.restart();
    // It listens elsewhere now: the old address is nobody's.
    assert_ne!(world.address(), address);
    let error = client.challenge().unwrap_err();
    assert!(error.is_passing());
    assert_eq!(error.code(), "vault.unreachable");
}
