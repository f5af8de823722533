//! Secrets of other sessions.

use crate::support::{ALICE, Asker, BOB, World};

/// `bank/safe` of Bob, which has a secret `pin`, with what it says of its export.
fn safe(world: &World, export: &str, rest: &str) -> String {
    let text = world.till(&format!(
        "  - {{name: pin, kind: ascii, value: \"1234\"{export}}}\n{rest}"
    ));
    text.replace("name: shop/till", "name: bank/safe")
}

/// `shop/till` of Alice, which imports it.
fn till(world: &World, import: &str, rest: &str) -> String {
    world
        .till(&format!("  - {{name: pin, import: {{{import}}}}}\n{rest}"))
        .replace("<$$SCONE::token$$>", "$$SCONE::pin$$")
}

fn with_safe(export: &str) -> World {
    let mut world = World::new();
    let text = safe(&world, export, "");
    world.put(BOB, "bank/safe", &text).unwrap();
    world
}

fn pin(world: &mut World) -> Option<String> {
    let grant = world.grant(&Asker::app()).unwrap();
    grant.variable("TOKEN").map(str::to_owned)
}

#[test]
fn what_is_exported_to_a_session_or_its_namespace_is_imported() {
    for export in [
        ", export: {session: shop/till}",
        ", export: [{session: other/one}, {session: shop/till}]",
        ", export: {namespace: shop}",
    ] {
        let mut world = with_safe(export);
        let text = till(&world, "session: bank/safe", "");
        world.put(ALICE, "shop/till", &text).unwrap();
        assert_eq!(pin(&mut world).as_deref(), Some("1234"), "{export}");
    }
}

#[test]
fn import_without_export_is_refused() {
    for export in [
        "",
        ", export: {session: shop/other}",
        ", export: {namespace: sho}",
        ", export: {session: shop}",
    ] {
        let mut world = with_safe(export);
        let text = till(&world, "session: bank/safe", "");
        let error = world.put(ALICE, "shop/till", &text).unwrap_err();
        assert_eq!(error.code(), "cas.import", "{export}");
        assert_eq!(
            world.log.last().unwrap().code.as_deref(),
            Some("cas.import")
        );
    }
}

#[test]
fn a_secret_that_is_not_there_looks_like_one_that_is_not_exported() {
    let mut world = with_safe("");
    let mut message = |secret: &str| {
        let text = till(&world, &format!("session: bank/safe, secret: {secret}"), "");
        let error = world.put(ALICE, "shop/till", &text).unwrap_err();
        assert_eq!(error.code(), "cas.import");
        error
            .to_string()
            .replace(&format!("no `{secret}`"), "no `X`")
    };
    assert_eq!(message("pin"), message("nothing"));
    let text = till(&world, "session: bank/nothing", "");
    let error = world.put(ALICE, "shop/till", &text).unwrap_err();
    assert_eq!(error.code(), "cas.import");
}

#[test]
fn an_export_that_is_taken_back_ends_at_once() {
    let mut world = with_safe(", export: {session: shop/till}");
    let text = till(&world, "session: bank/safe", "");
    world.put(ALICE, "shop/till", &text).unwrap();
    assert!(pin(&mut world).is_some());
    let next = format!(
        "{}predecessor: {}\n",
        safe(&world, "", ""),
        world.hash("bank/safe")
    );
    world.put(BOB, "bank/safe", &next).unwrap();
    let (_, code) = world.refusal(&Asker::app());
    assert_eq!(code, "cas.import");
    // Nor can the importer be updated any more.
    let next = format!("{text}predecessor: {}\n", world.hash("shop/till"));
    let error = world.put(ALICE, "shop/till", &next).unwrap_err();
    assert_eq!(error.code(), "cas.import");
}

#[test]
fn imports_and_exports_of_one_version_only() {
    let mut world = with_safe(", export: {session: shop/till}");
    let hash = world.hash("bank/safe");
    let text = till(
        &world,
        &format!("session: bank/safe, session_hash: {hash}"),
        "",
    );
    let wrong = text.replace(&hash.to_string(), &"00".repeat(32));
    assert_eq!(
        world.put(ALICE, "shop/till", &wrong).unwrap_err().code(),
        "cas.import"
    );
    let importer = world.put(ALICE, "shop/till", &text).unwrap();
    assert!(pin(&mut world).is_some());
    // The exporter changes: the importer is for its old version.
    let export = format!(", export: {{session: shop/till, session_hash: {importer}}}");
    let next = format!("{}predecessor: {hash}\n", safe(&world, &export, ""));
    let hash = world.put(BOB, "bank/safe", &next).unwrap();
    assert_eq!(world.refusal(&Asker::app()).1, "cas.import");
    // The importer follows: the exporter is for its old version.
    let next = till(
        &world,
        &format!("session: bank/safe, session_hash: {hash}"),
        &format!("predecessor: {importer}\n"),
    );
    assert_eq!(
        world.put(ALICE, "shop/till", &next).unwrap_err().code(),
        "cas.import"
    );
}

#[test]
fn a_secret_of_another_kind_is_not_the_one() {
    let mut world = with_safe(", export: {session: shop/till}");
    let text = till(&world, "session: bank/safe", "")
        .replace("{name: pin, ", "{name: pin, kind: binary, ");
    assert_eq!(
        world.put(ALICE, "shop/till", &text).unwrap_err().code(),
        "cas.import"
    );
}

#[test]
fn a_public_certificate_comes_without_its_key() {
    let mut world = World::new();
    let text = world
        .till("  - {name: k, kind: private-key}\n  - {name: ca, kind: x509-ca, private_key: k, export_public: true}\n")
        .replace("shop/till", "bank/safe");
    world.put(BOB, "bank/safe", &text).unwrap();
    let text = world
        .till("  - {name: ca, import: {session: bank/safe}}\n")
        .replace("<$$SCONE::token$$>", "$$SCONE::ca:chain$$");
    let hash = world.put(ALICE, "shop/till", &text).unwrap();
    let grant = world.grant(&Asker::app()).unwrap();
    assert!(
        grant
            .variable("TOKEN")
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let text = format!(
        "{}predecessor: {hash}\n",
        text.replace("ca:chain", "ca:key")
    );
    world.put(ALICE, "shop/till", &text).unwrap();
    assert_eq!(world.refusal(&Asker::app()).1, "cas.secret");
}

#[test]
fn what_is_imported_is_exported_no_further() {
    let mut world = with_safe(", export: {session: shop/till}");
    let text = till(&world, "session: bank/safe", "");
    world.put(ALICE, "shop/till", &text).unwrap();
    let text =
        till(&world, "session: shop/till", "").replace("name: shop/till", "name: shop/third");
    assert_eq!(
        world.put(ALICE, "shop/third", &text).unwrap_err().code(),
        "cas.import"
    );
}
