//! Sessions that break a rule, one each.

use crate::Session;

/// A session with `rest` below its name.
fn session(rest: &str) -> Result<Session, String> {
    let text = format!("name: a\nversion: \"0.3\"\n{rest}\n");
    Session::parse(&text).map_err(|fault| fault.to_string())
}

fn refused_at(cases: &[(&str, &str)]) {
    for (rest, key) in cases {
        let fault = session(rest).expect_err(rest);
        assert!(fault.starts_with(&format!("`{key}`: ")), "{rest}: {fault}");
        assert!(!fault.contains("hunter2"), "{rest}: {fault}");
    }
}

fn hex(digit: &str, bytes: usize) -> String {
    digit.repeat(2 * bytes)
}

#[test]
fn names_are_those_of_cas() {
    for name in ["a/b/c", "A-z_0.9~"] {
        assert!(Session::parse(&format!("name: {name}\n")).is_ok(), "{name}");
    }
    for name in ["a//b", "/a", "\"a b\"", "\"\"", "ä", &"a".repeat(129)] {
        let fault = Session::parse(&format!("name: {name}\n")).unwrap_err();
        assert!(fault.to_string().starts_with("`name`: "), "{name}: {fault}");
    }
    refused_at(&[
        ("services: [{name: a/b}]", "services[0].name"),
        ("services: [{name: b}, {name: b}]", "services[1].name"),
        ("images: [{name: \"\"}]", "images[0].name"),
        ("volumes: [{name: v}, {name: v}]", "volumes[1].name"),
    ]);
}

#[test]
fn what_is_older_than_0_3_is_said_so() {
    refused_at(&[
        ("digest: create", "digest"),
        ("services: [{name: b, tags: [t]}]", "services[0].tags"),
    ]);
    let old = "name: a\ndigest: create\nservices: [{name: b, tags: [demo]}]\n";
    assert!(Session::parse(old).is_ok());
    assert!(Session::parse(&format!("{old}version: 0.2\n")).is_ok());
}

#[test]
fn access_is_for_somebody() {
    refused_at(&[
        (
            "access_policy: {read: [ANY, CREATOR]}",
            "access_policy.read",
        ),
        (
            "access_policy: {update: [CREATOR, NONE]}",
            "access_policy.update",
        ),
        ("access_policy: {read: [creator]}", "access_policy.read"),
        (
            "access_policy: {create_sessions: [\"$$SCONE::x$$\"]}",
            "access_policy.create_sessions",
        ),
    ]);
    let hash = "3s1pm8W6Be6cxvAQRbRP5YXd9YuERAr7KswN97uGtoPkRW87x1";
    assert!(
        session(&format!(
            "access_policy: {{read: [CREATOR, {hash}], update: [NONE]}}"
        ))
        .is_ok()
    );
    assert!(session("access_policy: {read: [\"-----BEGIN CERTIFICATE-----\\n\"]}").is_ok());
}

#[test]
fn attestation_is_of_one_piece() {
    let within = |text: &str| format!("security: {{attestation: {{{text}}}}}");
    for (text, key) in [
        ("mode: maa", "url"),
        ("url: https://x", "url"),
        ("tolerate: [debug-mode, debug-mode]", "tolerate"),
        ("ignore_advisories: \"*\"", "ignore_advisories"),
        ("ignore_advisories: [\"*\"]", "ignore_advisories"),
        ("ignore_advisories: [INTEL-SA-161]", "ignore_advisories"),
    ] {
        refused_at(&[(&within(text), &format!("security.attestation.{key}"))]);
    }
    assert!(session(&within("tolerate: [debug-mode], ignore_advisories: \"*\"")).is_ok());
    assert!(session(&within("mode: maa, url: https://x")).is_ok());
}

#[test]
fn services_lead_to_what_is_there() {
    let (key, tag) = (hex("a", 32), hex("b", 16));
    refused_at(&[
        (
            "services: [{name: b, image_name: i}]",
            "services[0].image_name",
        ),
        ("services: [{name: b, pwd: tmp}]", "services[0].pwd"),
        ("services: [{name: b, command: []}]", "services[0].command"),
        (
            "services: [{name: b, command: \"x $$SCONE::k$$\"}]",
            "services[0].command",
        ),
        (
            "services: [{name: b, command: \"x $$SCONE::k\"}]",
            "services[0].command",
        ),
        (
            "services: [{name: b, environment: {\"A=\": x}}]",
            "services[0].environment.A=",
        ),
        (
            "services: [{name: b, environment: {A: \"$$SCONE::k$$\"}}]",
            "services[0].environment.A",
        ),
        (
            "services: [{name: b, fspf_path: /f}]",
            "services[0].fspf_path",
        ),
        (
            &format!("services: [{{name: b, fspf_path: f, fspf_key: {key}, fspf_tag: {tag}}}]"),
            "services[0].fspf_path",
        ),
        (
            &format!(
                "services: [{{name: b, fspf_path: /f, fspf_key: $$SCONE::k$$, fspf_tag: {tag}}}]"
            ),
            "services[0].fspf_key",
        ),
        (
            &format!(
                "secrets: [{{name: k, kind: ascii}}]\nservices: [{{name: b, fspf_path: /f, \
                 fspf_key: $$SCONE::k$$, fspf_tag: {tag}}}]"
            ),
            "services[0].fspf_key",
        ),
    ]);
    assert!(
        session(&format!(
            "secrets: [{{name: k, kind: binary, size: 32}}]\nservices: [{{name: b, fspf_path: /f, \
             fspf_key: $$SCONE::k$$, fspf_tag: {tag}, command: [x, \"$$SCONE::k:hex$$\"]}}]"
        ))
        .is_ok()
    );
}

#[test]
fn factors_name_somebody() {
    let (measured, signer) = (hex("a", 32), hex("b", 32));
    let within = |text: &str| format!("services: [{{name: b, attestation: {text}}}]");
    for text in [
        "{}",
        "[{}]",
        "{mrenclave: []}",
        &format!("{{signer: {{mrsigner: {signer}, isvprodid: 1, isvsvn: 1, isvsvn_min: 1}}}}"),
        &format!("{{signer: {{mrsigner: {signer}, isvprodid: 1, isvsvn_min: 2, isvsvn_max: 1}}}}"),
    ] {
        refused_at(&[(&within(text), "services[0].attestation")]);
    }
    refused_at(&[(
        &format!("services: [{{name: b, mrenclaves: [], attestation: {{mrenclave: {measured}}}}}]"),
        "services[0].attestation",
    )]);
    for (text, gaps) in [
        (within(&format!("{{mrenclave: {measured}}}")), 0),
        (
            within(&format!(
                "[{{mrenclave: [{measured}]}}, {{signer: {{mrsigner: {signer}, isvprodid: 1}}}}]"
            )),
            0,
        ),
        (within("[]"), 1),
        ("services: [{name: b, mrenclaves: []}]".to_owned(), 1),
        (
            "services: [{name: b}]\nsecurity: {attestation: {mode: none}}".to_owned(),
            0,
        ),
    ] {
        assert_eq!(session(&text).unwrap().gaps().len(), gaps, "{text}");
    }
}

#[test]
fn secrets_are_of_their_kind() {
    let within = |text: &str| format!("secrets: [{{name: s, {text}}}]");
    for (text, key) in [
        ("size: 4", "kind"),
        ("kind: ascii, size: 0", "size"),
        ("kind: ascii, size: 4, value: hunter2", "value"),
        ("kind: ascii, value: \"hunter2 ä\"", "value"),
        ("kind: binary, value: hunter2", "value"),
        ("kind: binary, value: abc", "value"),
        ("kind: private-key, value: hunter2", "value"),
        ("kind: x509, value: hunter2", "value"),
        ("kind: ascii, key_type: P-256", "key_type"),
        ("kind: ascii, migrate: true", "migrate"),
        ("kind: binary, common_name: x", "common_name"),
        ("kind: private-key, size: 4", "size"),
        ("kind: x509", "private_key"),
        ("kind: x509, private_key: k", "private_key"),
        (
            "kind: x509-ca, private_key: s, endpoint: server",
            "endpoint",
        ),
        ("kind: ascii, export: {session: b, namespace: c}", "export"),
        ("kind: ascii, export: [{}]", "export"),
        ("import: {session: b}, value: hunter2", "value"),
        ("import: {session: b}, export_public: true", "export_public"),
    ] {
        refused_at(&[(&within(text), &format!("secrets[0].{key}"))]);
    }
    refused_at(&[
        (
            "secrets: [{name: s, kind: ascii}, {name: s, kind: ascii}]",
            "secrets[1].name",
        ),
        (
            "secrets: [{name: k, kind: ascii}, {name: s, kind: x509, private_key: k}]",
            "secrets[1].private_key",
        ),
        (
            "secrets: [{name: k, kind: private-key}, {name: s, kind: x509, private_key: k, issuer: k}]",
            "secrets[1].issuer",
        ),
        (
            "secrets: [{name: k, kind: private-key}, {name: s, kind: x509, private_key: k, \
             endpoint: client, dns: x}]",
            "secrets[1].dns",
        ),
    ]);
}

#[test]
fn placeholders_have_a_form_of_their_kind() {
    let with = |kind: &str, format: &str| {
        session(&format!(
            "secrets: [{{name: s, kind: {kind}}}]\n\
             images: [{{name: i, injection_files: [{{path: /p, content: \"a $$SCONE::s{format}$$ b\"}}]}}]"
        ))
    };
    for (kind, format) in [
        ("ascii", ""),
        ("binary", ":hex"),
        ("binary", ".hex"),
        ("private-key", ":pkcs8:der"),
    ] {
        assert!(with(kind, format).is_ok(), "{kind}{format}");
    }
    for (kind, format) in [
        ("ascii", ":hex"),
        ("binary", ":crt"),
        ("private-key", ":chain"),
    ] {
        let fault = with(kind, format).unwrap_err();
        let key = "`images[0].injection_files[0].content`: ";
        assert!(fault.starts_with(key), "{kind}{format}: {fault}");
    }
}

#[test]
fn images_and_volumes_fit_together() {
    let (key, tag) = (hex("a", 32), hex("b", 16));
    refused_at(&[
        (
            "images: [{name: i, volumes: [{name: v, path: /v}]}]",
            "images[0].volumes[0].name",
        ),
        (
            "volumes: [{name: v}]\nimages: [{name: i, volumes: [{name: v, path: v}]}]",
            "images[0].volumes[0].path",
        ),
        (
            "images: [{name: i, injection_files: [etc/x]}]",
            "images[0].injection_files[0].path",
        ),
        (
            &format!("volumes: [{{name: v, fspf_key: {key}}}]"),
            "volumes[0].fspf_key",
        ),
        (
            &format!(
                "volumes: [{{name: v, fspf_key: {key}, fspf_tag: {tag}, import: {{session: b}}}}]"
            ),
            "volumes[0].import",
        ),
        ("volumes: [{name: v, export: [{}]}]", "volumes[0].export"),
        (
            "volumes: [{name: v, export: {session: b, update_policy: ephemeral}}]",
            "volumes[0].export",
        ),
        (
            "volumes: [{name: v, export: {to: {namespace: b}}}]",
            "volumes[0].export",
        ),
    ]);
}

#[test]
fn each_concession_is_found() {
    for (rest, key) in [
        (
            "security: {attestation: {mode: none}}",
            "security.attestation.mode",
        ),
        (
            "security: {attestation: {mode: maa, url: x}}",
            "security.attestation.mode",
        ),
        (
            "security: {attestation: {tolerate: [hyperthreading]}}",
            "security.attestation.tolerate",
        ),
        (
            "security: {attestation: {ignore_advisories: [INTEL-SA-00161]}}",
            "security.attestation.ignore_advisories",
        ),
        ("access_policy: {update: [ANY]}", "access_policy.update"),
        (
            "secrets: [{name: s, kind: ascii, export_public: true}]",
            "secrets[0].export_public",
        ),
        (
            "volumes: [{name: v}]\nimages: [{name: i, volumes: [{name: v, path: /v, \
             update_policy: no_rollback_protection}]}]",
            "images[0].volumes[0].update_policy",
        ),
    ] {
        let found = session(rest).unwrap().concessions();
        let keys: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(keys.len(), 1, "{rest}: {keys:?}");
        assert!(keys[0].starts_with(&format!("`{key}`: ")), "{keys:?}");
    }
    assert_eq!(session("").unwrap().concessions(), []);
}

#[test]
fn simulated_platforms_are_named_by_their_roots() {
    let root = format!("sim:{}", hex("ab", 16));
    let attestation = |said: &str| session(&format!("security: {{attestation: {{{said}}}}}"));
    let good = format!("mode: simulated, simulated_roots: [\"{root}\"]");
    let found = attestation(&good).unwrap();
    let conceded: Vec<_> = found
        .concessions()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        conceded[0].starts_with("`security.attestation.mode`: "),
        "{conceded:?}"
    );
    let text = found.to_yaml().unwrap();
    assert_eq!(Session::parse(&text), Ok(found), "{text}");

    let advisory = format!("{good}, ignore_advisories: [SIM-SA-00100, INTEL-SA-00161]");
    assert!(attestation(&advisory).is_ok());
    let real = "ignore_advisories: [SIM-SA-00100]";
    for (said, key) in [
        ("mode: simulated", "simulated_roots"),
        ("mode: simulated, simulated_roots: []", "simulated_roots"),
        (
            &*format!("simulated_roots: [\"{root}\"]"),
            "simulated_roots",
        ),
        (real, "ignore_advisories"),
    ] {
        let fault = attestation(said).unwrap_err();
        let key = format!("`security.attestation.{key}`: ");
        assert!(fault.starts_with(&key), "{said}: {fault}");
    }
    for root in [
        "ab",
        &root[4..],
        &root[1..],
        &root.to_uppercase(),
        &format!("{root}0"),
    ] {
        let said = format!("mode: simulated, simulated_roots: [\"{root}\"]");
        let fault = attestation(&said).unwrap_err();
        assert!(fault.contains("sim: and 64"), "{root}: {fault}");
    }
}
