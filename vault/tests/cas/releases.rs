//! What a program is given whose evidence is good.

use provision::audit::Outcome;

use crate::support::{ALICE, Asker, MEASUREMENT, World, cas};

#[test]
fn the_program_gets_what_the_session_says() {
    let mut world = World::with_till();
    let grant = world.grant(&Asker::app()).unwrap();
    let token = &grant.command[2];
    assert_eq!(grant.command[..2], ["/app", "--token"]);
    assert_eq!(token.len(), 20);
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(grant.pwd.as_deref(), Some("/srv"));
    assert_eq!(grant.variable("TOKEN"), Some(&*format!("<{token}>")));
    assert!(grant.files.is_empty());
    let line = world.log.last().unwrap();
    assert_eq!((&*line.event, line.outcome), ("release", Outcome::Done));
    assert_eq!(line.session.as_deref(), Some("shop/till"));
    assert_eq!(line.service.as_deref(), Some("app"));
    assert_eq!(line.code, None);
    let measurement = format!("sim:mrenclave:{}", hex::encode(MEASUREMENT));
    assert_eq!(line.measurement.unwrap().0.to_string(), measurement);
    assert!(!format!("{:?}", world.log).contains(&**token));
}

#[test]
fn every_release_of_a_version_gives_the_same() {
    let mut world = World::with_till();
    let one = world.grant(&Asker::app()).unwrap();
    let two = world.grant(&Asker::app()).unwrap();
    assert!(one == two);
}

#[test]
fn secrets_outlive_the_program() {
    let mut world = World::with_till();
    let before = world.grant(&Asker::app()).unwrap();
    let snapshot = world.state.snapshot().unwrap();
    world.state = sconce_vault::state::State::restore(&snapshot).unwrap();
    world.cas = cas(&world.key, sconce_vault::cas::Limits::default());
    let after = world.grant(&Asker::app()).unwrap();
    assert!(before == after);
}

#[test]
fn a_debugged_program_gets_secrets_only_where_that_is_tolerated() {
    let mut world = World::new();
    let text = world.till("").replace(
        "    mode: simulated\n",
        "    mode: simulated\n    tolerate: [debug-mode]\n",
    );
    world.put(ALICE, "shop/till", &text).unwrap();
    assert!(world.grant(&Asker::debugged()).is_ok());
    assert!(world.grant(&Asker::app()).is_ok());
}

#[test]
fn greater_versions_fit_a_minimum() {
    let mut world = World::with_till();
    assert!(world.grant(&Asker::but(|secs| secs.isv_svn += 1)).is_ok());
}

#[test]
fn any_of_several_variants_fits() {
    let mut world = World::new();
    let other = "33".repeat(32);
    let text = world.till("").replace(
        "attestation: [{",
        &format!(
            "attestation: [{{mrenclave: [\"{other}\", \"{}\"]}}, {{",
            "44".repeat(32)
        ),
    );
    world.put(ALICE, "shop/till", &text).unwrap();
    for byte in [0x11, 0x33, 0x44] {
        let asker = Asker::but(|secs| secs.mrenclave.0 = [byte; 32]);
        assert!(world.grant(&asker).is_ok(), "{byte}");
    }
    let (error, code) = world.refusal(&Asker::but(|secs| secs.mrenclave.0 = [0x55; 32]));
    assert_eq!(code, "cas.measurement");
    for digits in ["55", "33", "44", "11"] {
        assert!(error.to_string().contains(&digits.repeat(32)), "{error}");
    }
}

#[test]
fn of_many_requests_with_one_nonce_one_is_answered() {
    let world = World::with_till();
    let (_, request) = world.request(&Asker::app());
    let ask = || {
        let sessions = &world.state.cas;
        let decision = world
            .cas
            .release(sessions, &request, world.now, world.elapsed);
        decision.reply.map_err(|error| error.code())
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    assert!(
        bad.iter()
            .all(|answer| matches!(answer, Err("cas.nonce-used")))
    );
}

/// It would be gigabytes.
#[test]
fn a_long_secret_that_is_asked_for_often_is_not_given() {
    let mut world = World::new();
    let mut often = |times: usize| {
        let text = world.till("").replace(
            "{name: token, kind: ascii}",
            "{name: token, kind: ascii, size: 1000}",
        );
        let text = text.replace("<$$SCONE::token$$>", &"$$SCONE::token$$".repeat(times));
        let name = format!("a{times}/till");
        let text = text.replace("shop/till", &name);
        world.put(ALICE, &name, &text).unwrap();
        world
            .grant(&Asker::of(format!("{name}/app").leak()))
            .map(drop)
    };
    assert!(often(500).is_ok());
    assert_eq!(often(8000).unwrap_err().code(), "cas.secret");
}
