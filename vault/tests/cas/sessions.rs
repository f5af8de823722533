//! Creating, updating and reading sessions, and who may.

use provision::audit::Outcome;
use sconce_vault::cas::{Limits, Principal};
use session::Session;

use crate::support::{ALICE, Asker, BOB, CAROL, World, cas};

#[test]
fn a_new_session_and_its_next_version() {
    let mut world = World::new();
    let text = world.till("");
    let first = world.put(ALICE, "shop/till", &text).unwrap();
    assert_eq!(first, Session::parse(&text).unwrap().hash());
    let text = format!("{text}predecessor: {first}\n");
    let second = world.put(ALICE, "shop/till", &text).unwrap();
    assert_ne!(first, second);
    assert_eq!(world.hash("shop/till"), second);
    let lines: Vec<_> = world
        .log
        .iter()
        .map(|line| (&*line.event, line.outcome, line.detail.clone().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            ("session.create", Outcome::Done, format!("hash {first}")),
            ("session.update", Outcome::Done, format!("hash {second}")),
        ]
    );
    assert_eq!(world.log[0].who.unwrap().0, [0xa1; 32]);
}

#[test]
fn an_update_is_of_the_present_version() {
    let mut world = World::with_till();
    let first = world.hash("shop/till");
    let text = world.till("");
    let wrong = format!("{text}predecessor: {}\n", "00".repeat(32));
    let next = format!("{text}predecessor: {first}\n");
    for refused in [&text, &wrong] {
        let error = world.put(ALICE, "shop/till", refused).unwrap_err();
        assert_eq!(error.code(), "cas.predecessor");
        assert!(error.to_string().contains(&first.to_string()), "{error}");
    }
    world.put(ALICE, "shop/till", &next).unwrap();
    let error = world.put(ALICE, "shop/till", &next).unwrap_err();
    assert_eq!(error.code(), "cas.predecessor");
    // A new session follows nothing.
    let other = next.replace("shop/till", "shop/safe");
    let error = world.put(ALICE, "shop/safe", &other).unwrap_err();
    assert_eq!(error.code(), "cas.predecessor");
    let refusals = world.log.iter().filter(|line| line.code.is_some()).count();
    assert_eq!(refusals, 4);
}

#[test]
fn of_two_updates_at_once_one_is_refused() {
    let mut world = World::with_till();
    let text = format!(
        "{}predecessor: {}\n",
        world.till(""),
        world.hash("shop/till")
    );
    let name = "shop/till".parse().unwrap();
    let drafts: Vec<_> = (0..2)
        .map(|_| {
            let sessions = &world.state.cas;
            let plan = world.cas.plan(sessions, ALICE, &name, &text, world.now);
            world
                .cas
                .make(plan.reply.unwrap(), world.now)
                .reply
                .unwrap()
        })
        .collect();
    let written: Vec<_> = drafts
        .into_iter()
        .map(|draft| {
            let decision = world.cas.write(&world.state.cas, draft, world.now);
            world.commit(decision).map_err(|error| error.code())
        })
        .collect();
    assert!(written[0].is_ok());
    assert_eq!(written[1], Err("cas.predecessor"));
}

#[test]
fn only_those_whom_the_session_names_may_update_and_read_it() {
    let mut world = World::with_till();
    let name = "shop/till".parse().unwrap();
    let next = format!(
        "{}predecessor: {}\n",
        world.till(""),
        world.hash("shop/till")
    );
    for who in [BOB, Principal::Anonymous, Principal::Kme] {
        let error = world.put(who, "shop/till", &next).unwrap_err();
        assert_eq!(error.code(), "cas.access");
        let error = world.cas.read(&world.state.cas, who, &name).unwrap_err();
        assert_eq!(error.code(), "cas.access");
        assert!(world.cas.list(&world.state.cas, who).is_empty());
    }
    assert!(world.cas.read(&world.state.cas, ALICE, &name).is_ok());
    assert_eq!(world.cas.list(&world.state.cas, ALICE).len(), 1);
}

#[test]
fn access_can_be_given_by_hash_and_to_all() {
    let mut world = World::new();
    let bob = "b0".repeat(32);
    let policy = format!("access_policy: {{read: [ANY], update: [CREATOR, {bob}]}}\n");
    let text = world.till(&policy);
    let first = world.put(ALICE, "shop/till", &text).unwrap();
    let name = "shop/till".parse().unwrap();
    let read = |world: &World, who| world.cas.read(&world.state.cas, who, &name).is_ok();
    assert!(read(&world, Principal::Anonymous) && read(&world, BOB));
    let text = format!("{text}predecessor: {first}\n").replace("read: [ANY]", "read: [NONE]");
    world.put(BOB, "shop/till", &text).unwrap();
    assert!(!read(&world, ALICE) && !read(&world, BOB));
    // Who made it stays its creator.
    let text = format!(
        "{}predecessor: {}\n",
        world.till(&policy),
        world.hash("shop/till")
    );
    world.put(ALICE, "shop/till", &text).unwrap();
}

#[test]
fn access_can_be_given_by_certificate_and_by_secret() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap();
    let hash = protocol::crypto::sha256(&[&rcgen::PublicKeyData::subject_public_key_info(&key)]);
    let carol = Principal::client(Some(hash));
    let mut world = World::new();
    let pem = certificate.pem().replace("\r\n", "\n").replace('\n', "\\n");
    for (index, (reader, secret)) in [
        (format!("\"{pem}\""), "{name: who, kind: ascii}"),
        (
            "$$SCONE::who$$".to_owned(),
            &*format!("{{name: who, kind: ascii, value: {}}}", hex::encode(hash)),
        ),
        (
            "$$SCONE::who:crt$$".to_owned(),
            &*format!("{{name: who, kind: x509, value: \"{pem}\"}}"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let session = format!("shop/s{index}");
        let text = world
            .till(&format!(
                "  - {secret}\naccess_policy: {{read: [{reader}]}}\n"
            ))
            .replace("shop/till", &session);
        world.put(ALICE, &session, &text).unwrap();
        let name = session.parse().unwrap();
        assert!(
            world.cas.read(&world.state.cas, carol, &name).is_ok(),
            "{reader}"
        );
        assert!(
            world.cas.read(&world.state.cas, BOB, &name).is_err(),
            "{reader}"
        );
    }
}

#[test]
fn a_namespace_is_its_first_creators() {
    let mut world = World::with_till();
    let text = world.till("").replace("shop/till", "shop/safe");
    assert_eq!(
        world.put(BOB, "shop/safe", &text).unwrap_err().code(),
        "cas.access"
    );
    world.put(ALICE, "shop/safe", &text).unwrap();
    let text = text.replace("shop/safe", "bank/safe");
    world.put(BOB, "bank/safe", &text).unwrap();
}

#[test]
fn nobody_else_writes_in_the_namespace_of_key_management() {
    let mut world = World::new();
    let text = world.till("").replace("shop/till", "avalon/till");
    for who in [ALICE, Principal::Anonymous] {
        let error = world.put(who, "avalon/till", &text).unwrap_err();
        assert_eq!(error.code(), "cas.access");
    }
    // Not even with an access policy that says so.
    let open = format!("{text}access_policy: {{read: [ANY], update: [ANY]}}\n");
    let session = Session::parse(&open).unwrap();
    let written = world.cas.write_own(&world.state.cas, session, world.now);
    world.commit(written).unwrap();
    let next = format!("{open}predecessor: {}\n", world.hash("avalon/till"));
    let error = world.put(ALICE, "avalon/till", &next).unwrap_err();
    assert_eq!(error.code(), "cas.access");
    // And key management writes nowhere else.
    let session = Session::parse(&world.till("")).unwrap();
    let written = world.cas.write_own(&world.state.cas, session, world.now);
    assert_eq!(world.commit(written).unwrap_err().code(), "cas.access");
}

#[test]
fn what_is_read_holds_no_value_and_can_be_written_back() {
    let mut world = World::new();
    let text = world.till("  - {name: given, kind: ascii, value: hunter2}\n");
    world.put(ALICE, "shop/till", &text).unwrap();
    let name = "shop/till".parse().unwrap();
    let read = world.cas.read(&world.state.cas, ALICE, &name).unwrap();
    assert!(!read.contains("hunter2"), "{read}");
    let hash = world.hash("shop/till");
    assert!(read.starts_with(&format!("# hash: {hash}\n")), "{read}");
    assert_eq!(Session::parse(&read).unwrap().hash(), hash);
    // Its value stays, though nobody has said it again.
    let next =
        format!("{read}predecessor: {hash}\n").replace("<$$SCONE::token$$>", "$$SCONE::given$$");
    world.put(ALICE, "shop/till", &next).unwrap();
    let grant = world.grant(&Asker::app()).unwrap();
    assert_eq!(grant.variable("TOKEN"), Some("hunter2"));
}

#[test]
fn a_new_version_is_in_force_at_once() {
    let mut world = World::with_till();
    assert!(world.grant(&Asker::app()).is_ok());
    let next = world.till("").replace(&"11".repeat(32), &"33".repeat(32));
    let next = format!("{next}predecessor: {}\n", world.hash("shop/till"));
    world.put(ALICE, "shop/till", &next).unwrap();
    assert_eq!(world.refusal(&Asker::app()).1, "cas.measurement");
    let other = Asker::but(|secs| secs.mrenclave.0 = [0x33; 32]);
    assert!(world.grant(&other).is_ok());
}

#[test]
fn there_are_so_many_sessions_and_no_more() {
    let mut world = World::new();
    let limits = Limits {
        of_creator: 2,
        sessions: 3,
        ..Limits::default()
    };
    world.cas = cas(&world.key, limits);
    let mut put = |who, name: &str| {
        let text = world.till("").replace("shop/till", name);
        world.put(who, name, &text).map_err(|error| error.code())
    };
    assert!(put(ALICE, "a/one").is_ok());
    assert!(put(ALICE, "a/two").is_ok());
    assert_eq!(put(ALICE, "a/three"), Err("cas.access"));
    assert!(put(BOB, "b/one").is_ok());
    assert_eq!(put(BOB, "b/two"), Err("cas.access"));
}

#[test]
fn sessions_have_so_many_bytes_together_and_no_more() {
    let mut world = World::new();
    let limits = Limits {
        bytes_of_creator: 5000,
        bytes: 8000,
        ..Limits::default()
    };
    world.cas = cas(&world.key, limits);
    let mut put = |who, name: &str, bytes: usize| {
        let text = world.till("").replace("shop/till", name);
        let value = "x".repeat(bytes);
        let text = text.replace("kind: ascii", &format!("kind: ascii, value: {value}"));
        world.put(who, name, &text).map_err(|error| error.code())
    };
    assert!(put(ALICE, "a/one", 3000).is_ok());
    assert_eq!(put(ALICE, "a/two", 3000), Err("cas.access"));
    assert!(put(BOB, "b/one", 3000).is_ok());
    assert_eq!(put(CAROL, "c/one", 3000), Err("cas.access"));
}

/// Whoever lists sessions is held against the lists of all.
#[test]
fn access_policies_name_so_many_and_no_more() {
    let mut world = World::new();
    let mut put = |name: &str, count: usize| {
        let list = vec!["$$SCONE::token$$"; count].join("\", \"");
        let text = world.till(&format!("access_policy: {{read: [\"{list}\"]}}\n"));
        world.put(ALICE, name, &text.replace("shop/till", name))
    };
    assert!(put("a/few", 32).is_ok());
    let refused = put("a/many", 33).unwrap_err();
    assert_eq!(refused.code(), "cas.form", "{refused}");
}

#[test]
fn the_state_comes_back_as_it_was() {
    let world = World::with_till();
    let snapshot = world.state.snapshot().unwrap();
    let again = sconce_vault::state::State::restore(&snapshot).unwrap();
    assert_eq!(*again.snapshot().unwrap(), *snapshot);
    let error = sconce_vault::state::State::restore(b"{\"cas\":\"hunter2\"}").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
