//! Sessions that are refused, one fault each.

use crate::support::{ALICE, World};

/// What is changed in a good session: a text of it and what stands there instead, or what stands behind it.
enum Change {
    Instead(&'static str, &'static str),
    Behind(&'static str),
    Whole(&'static str),
}

use Change::{Behind, Instead, Whole};

/// Name, change, code, and what the message says.
type Case = (&'static str, Change, &'static str, &'static str);

const ROOT: &str = "ROOT";
const FORM: &str = "cas.form";
const SECRET: &str = "cas.secret";
const IMPORT: &str = "cas.import";
const NAME: &str = "name: shop/till\n";
const FACTORS: &str = "{mrenclave: ";
const MODE: &str = "mode: simulated";
const TOKEN: &str = "{name: token, kind: ascii}";

const TEXTS: &[Case] = &[
    ("nothing", Whole(""), FORM, "empty"),
    ("a remark only", Whole("# nothing\n"), FORM, ""),
    ("a list", Whole("- a\n"), FORM, ""),
    ("a word", Whole("session\n"), FORM, ""),
    (
        "JSON that is cut",
        Whole("{\"name\": \"shop/till\""),
        FORM,
        "",
    ),
    ("a zero byte", Whole("name: \"shop/till\0\"\n"), FORM, ""),
    (
        "two documents",
        Behind("---\nname: shop/till\n"),
        FORM,
        "one document",
    ),
    (
        "an anchor",
        Instead(NAME, "name: &a shop/till\n"),
        FORM,
        "anchors",
    ),
    (
        "a tag",
        Instead(NAME, "name: !secret shop/till\n"),
        FORM,
        "tags",
    ),
    (
        "a merge key",
        Instead("environment: {", "environment: {<<: {A: b}, "),
        FORM,
        "merge",
    ),
    ("a key twice", Behind("name: shop/till\n"), FORM, "twice"),
    (
        "an unknown key",
        Behind("extra: 1\n"),
        FORM,
        "unknown field",
    ),
    (
        "a key in another case",
        Instead("services:", "Services:"),
        FORM,
        "unknown field",
    ),
    (
        "a tab",
        Instead("  attestation:\n", "\tattestation:\n"),
        FORM,
        "",
    ),
    ("brackets that do not end", Behind("images: [\n"), FORM, ""),
    (
        "much nesting",
        Behind("images: [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]\n"),
        FORM,
        "",
    ),
];

const NAMES: &[Case] = &[
    ("no name", Instead(NAME, ""), FORM, "name"),
    ("an empty name", Instead(NAME, "name: \"\"\n"), FORM, "name"),
    (
        "a name of another",
        Instead(NAME, "name: shop/safe\n"),
        FORM,
        "written under",
    ),
    (
        "a name without namespace",
        Instead(NAME, "name: till\n"),
        FORM,
        "written under",
    ),
    (
        "a name upwards",
        Instead(NAME, "name: shop/../till\n"),
        FORM,
        "",
    ),
    (
        "a name with a blank",
        Instead(NAME, "name: shop/till x\n"),
        FORM,
        "name",
    ),
    ("a name as a number", Instead(NAME, "name: [1]\n"), FORM, ""),
    (
        "an unknown version",
        Instead("\"0.3.10\"", "\"0.4\""),
        FORM,
        "version",
    ),
    (
        "a version as a number",
        Instead("\"0.3.10\"", "[0]"),
        FORM,
        "",
    ),
    ("the older form", Behind("digest: create\n"), FORM, "0.3"),
    (
        "a predecessor that is none",
        Behind("predecessor: abc\n"),
        FORM,
        "64 hex",
    ),
    (
        "a predecessor of a new session",
        Behind(
            "predecessor: \"0000000000000000000000000000000000000000000000000000000000000000\"\n",
        ),
        "cas.predecessor",
        "none",
    ),
    (
        "a service without a name",
        Instead("  - name: app\n    att", "  - att"),
        FORM,
        "name",
    ),
    (
        "a service with a slash",
        Instead("- name: app", "- name: a/b"),
        FORM,
        "services[0].name",
    ),
    (
        "a service with a tilde",
        Instead("- name: app", "- name: a~b"),
        FORM,
        "services[0].name",
    ),
    (
        "two services of one name",
        Instead("secrets:\n", "  - {name: app}\nsecrets:\n"),
        FORM,
        "services[1].name",
    ),
];

const PROGRAMS: &[Case] = &[
    (
        "mode none",
        Instead(MODE, "mode: none"),
        "cas.form",
        "simulated_roots",
    ),
    (
        "mode unknown",
        Instead(MODE, "mode: trusted"),
        FORM,
        "unknown value",
    ),
    (
        "mode hardware with simulated roots",
        Instead(MODE, "mode: hardware"),
        FORM,
        "simulated_roots",
    ),
    (
        "no mode with simulated roots",
        Instead("    mode: simulated\n", ""),
        FORM,
        "simulated_roots",
    ),
    (
        "mode simulated with a URL",
        Instead(MODE, "url: http://a\n    mode: simulated"),
        FORM,
        "url",
    ),
    (
        "a root without its kind",
        Instead("\"sim:", "\""),
        FORM,
        "sim:",
    ),
    (
        "a root that is cut",
        Instead("\"sim:", "\"sim:0"),
        FORM,
        "sim:",
    ),
    ("no roots", Instead(ROOT, "[]"), FORM, "simulated_roots"),
    (
        "an unknown tolerance",
        Instead(MODE, "tolerate: [everything]\n    mode: simulated"),
        FORM,
        "",
    ),
    (
        "a tolerance twice",
        Instead(
            MODE,
            "tolerate: [debug-mode, debug-mode]\n    mode: simulated",
        ),
        FORM,
        "twice",
    ),
    (
        "every advisory",
        Instead(MODE, "ignore_advisories: \"*\"\n    mode: simulated"),
        FORM,
        "debug",
    ),
    (
        "an advisory that is none",
        Instead(MODE, "ignore_advisories: [SA-1]\n    mode: simulated"),
        FORM,
        "INTEL-SA",
    ),
    (
        "no program",
        Instead("    attestation: [{", "    tags: [a]\n    x: [{"),
        FORM,
        "",
    ),
    (
        "an empty list of programs",
        Instead(
            "    attestation: [{mrenclave",
            "    mrenclaves: []\n    pwd_: [{mrenclave",
        ),
        FORM,
        "",
    ),
    (
        "an empty measurement",
        Instead(FACTORS, "{mrenclave: [], signature: "),
        FORM,
        "",
    ),
    (
        "a measurement that is cut",
        Instead("{mrenclave: \"1", "{mrenclave: \""),
        FORM,
        "64 hex",
    ),
    (
        "a measurement with its kind",
        Instead("{mrenclave: \"", "{mrenclave: \"sim:mrenclave:"),
        FORM,
        "64 hex",
    ),
    (
        "a signer without product",
        Instead(", isvprodid: 1", ""),
        FORM,
        "isvprodid",
    ),
    (
        "a product that is too great",
        Instead("isvprodid: 1", "isvprodid: 65536"),
        FORM,
        "",
    ),
    (
        "a product below zero",
        Instead("isvprodid: 1", "isvprodid: -1"),
        FORM,
        "",
    ),
    (
        "versions in two ways",
        Instead("isvsvn_min: 3", "isvsvn_min: 3, isvsvn: 3"),
        FORM,
        "isvsvn",
    ),
    (
        "versions that are none",
        Instead("isvsvn_min: 3", "isvsvn_min: 3, isvsvn_max: 2"),
        FORM,
        "isvsvn_min",
    ),
    (
        "an unknown factor",
        Instead(FACTORS, "{config_id: \"00\", mrenclave: "),
        FORM,
        "unknown field",
    ),
];

const GIVEN: &[Case] = &[
    (
        "a command that is empty",
        Instead("[/app, --token, \"$$SCONE::token$$\"]", "[]"),
        FORM,
        "command",
    ),
    (
        "a command with a zero byte",
        Instead("[/app,", "[\"/app\\0\","),
        FORM,
        "NUL",
    ),
    (
        "a folder that is not absolute",
        Instead("/srv", "srv"),
        FORM,
        "pwd",
    ),
    (
        "a variable without a name",
        Instead("{TOKEN:", "{\"\":"),
        FORM,
        "environment",
    ),
    (
        "a variable with =",
        Instead("{TOKEN:", "{\"A=B\":"),
        FORM,
        "environment",
    ),
    (
        "a placeholder that does not end",
        Instead("<$$SCONE::token$$>", "$$SCONE::token"),
        FORM,
        "end",
    ),
    (
        "a placeholder of nothing",
        Instead("<$$SCONE::token$$>", "$$SCONE::$$"),
        FORM,
        "names no secret",
    ),
    (
        "a placeholder of no secret",
        Instead("<$$SCONE::token$$>", "$$SCONE::tokens$$"),
        FORM,
        "no secret `tokens`",
    ),
    (
        "a form that it has not",
        Instead("<$$SCONE::token$$>", "$$SCONE::token:crt$$"),
        FORM,
        "no such form",
    ),
    (
        "an image that is not there",
        Instead("  - name: app\n", "  - name: app\n    image_name: i\n"),
        FORM,
        "image_name",
    ),
    (
        "a file that is not absolute",
        Behind("images: [{name: i, injection_files: [{path: f, content: a}]}]\n"),
        FORM,
        "path",
    ),
    (
        "a file without content",
        Behind("images: [{name: i, injection_files: [/f]}]\n"),
        FORM,
        "content",
    ),
    (
        "a volume",
        Behind("volumes: [{name: v}]\n"),
        FORM,
        "volumes",
    ),
    (
        "a file system",
        Instead(
            "    pwd: /srv\n",
            "    fspf_path: /f\n    fspf_key: \"0000000000000000000000000000000000000000000000000000000000000000\"\n    fspf_tag: \"00000000000000000000000000000000\"\n",
        ),
        FORM,
        "fspf_path",
    ),
    (
        "who may make sessions",
        Behind("access_policy: {create_sessions: [ANY]}\n"),
        FORM,
        "create_sessions",
    ),
    (
        "ANY and others",
        Behind("access_policy: {read: [ANY, CREATOR]}\n"),
        FORM,
        "alone",
    ),
    (
        "a reader who is none",
        Behind("access_policy: {read: [Alice]}\n"),
        FORM,
        "access_policy.read",
    ),
    (
        "a reader in a secret that is not there",
        Behind("access_policy: {read: [$$SCONE::x$$]}\n"),
        FORM,
        "no secret",
    ),
];

const SECRETS: &[Case] = &[
    (
        "two secrets of one name",
        Behind("  - {name: token, kind: ascii}\n"),
        FORM,
        "",
    ),
    (
        "a kind that is none",
        Instead(TOKEN, "{name: token, kind: password}"),
        FORM,
        "unknown value",
    ),
    ("no kind", Instead(TOKEN, "{name: token}"), FORM, "kind"),
    (
        "a size of nothing",
        Instead(TOKEN, "{name: token, kind: ascii, size: 0}"),
        FORM,
        "size",
    ),
    (
        "a size beyond all",
        Instead(TOKEN, "{name: token, kind: ascii, size: 1048577}"),
        FORM,
        "size",
    ),
    (
        "a size beyond this vault",
        Instead(TOKEN, "{name: token, kind: ascii, size: 1048576}"),
        FORM,
        "bytes of values",
    ),
    (
        "a size below zero",
        Instead(TOKEN, "{name: token, kind: ascii, size: -1}"),
        FORM,
        "",
    ),
    (
        "a size and a value",
        Instead(TOKEN, "{name: token, kind: ascii, size: 4, value: hunter2}"),
        FORM,
        "not both",
    ),
    (
        "a value of other letters",
        Instead(TOKEN, "{name: token, kind: ascii, value: \"hunter2 ä\"}"),
        FORM,
        "ASCII",
    ),
    (
        "a binary value that is no hex",
        Instead(TOKEN, "{name: token, kind: binary, value: hunter2}"),
        FORM,
        "hex",
    ),
    (
        "half a byte",
        Instead(TOKEN, "{name: token, kind: binary, value: abc}"),
        FORM,
        "hex",
    ),
    (
        "a key that is no PEM",
        Instead(TOKEN, "{name: token, kind: private-key, value: hunter2}"),
        FORM,
        "PEM",
    ),
    (
        "a key that is PEM of nothing",
        Instead(
            TOKEN,
            "{name: token, kind: private-key, value: \"-----BEGIN PRIVATE KEY-----\\n-----END PRIVATE KEY-----\"}",
        ),
        SECRET,
        "PEM",
    ),
    (
        "a type of key that is none",
        Instead(
            TOKEN,
            "{name: token, kind: private-key, key_type: RSA-1024}",
        ),
        FORM,
        "",
    ),
    (
        "a type of key for a text",
        Instead(TOKEN, "{name: token, kind: ascii, key_type: P-256}"),
        FORM,
        "no such key",
    ),
    (
        "a certificate without a key",
        Instead(TOKEN, "{name: token, kind: x509}"),
        FORM,
        "private_key",
    ),
    (
        "a certificate with a key that is not there",
        Instead(TOKEN, "{name: token, kind: x509, private_key: k}"),
        FORM,
        "private_key",
    ),
    (
        "a certificate with a text as key",
        Instead(
            TOKEN,
            "{name: token, kind: x509, private_key: t}\n  - {name: t, kind: ascii}",
        ),
        FORM,
        "private_key",
    ),
    (
        "a certificate with an issuer that is not there",
        Instead(
            TOKEN,
            "{name: token, kind: x509, private_key: k, issuer: c}\n  - {name: k, kind: private-key}",
        ),
        FORM,
        "issuer",
    ),
    (
        "a client with names of servers",
        Instead(
            TOKEN,
            "{name: token, kind: x509, private_key: k, endpoint: client, dns: a.b}\n  - {name: k, kind: private-key}",
        ),
        FORM,
        "dns",
    ),
    (
        "an import from nowhere",
        Instead(TOKEN, "{name: token, import: {session: bank/safe}}"),
        IMPORT,
        "bank/safe",
    ),
    (
        "an import from no session",
        Instead(TOKEN, "{name: token, import: {session: bank}}"),
        IMPORT,
        "no session",
    ),
    (
        "an import from itself",
        Instead(TOKEN, "{name: token, import: {session: shop/till}}"),
        IMPORT,
        "",
    ),
    (
        "an import with a value",
        Instead(
            TOKEN,
            "{name: token, value: hunter2, import: {session: bank/safe}}",
        ),
        FORM,
        "imported",
    ),
    (
        "an export to nobody",
        Instead(TOKEN, "{name: token, kind: ascii, export: {}}"),
        FORM,
        "names either",
    ),
    (
        "an export to two",
        Instead(
            TOKEN,
            "{name: token, kind: ascii, export: {session: a/b, namespace: c}}",
        ),
        FORM,
        "names either",
    ),
    (
        "an export of a private key to all",
        Instead(
            TOKEN,
            "{name: token, kind: private-key, export_public: true}",
        ),
        SECRET,
        "export_public",
    ),
];

#[test]
fn each_is_refused_and_leaves_nothing() {
    let all = [TEXTS, NAMES, PROGRAMS, GIVEN, SECRETS];
    assert!(all.iter().map(|cases| cases.len()).sum::<usize>() >= 80);
    let mut faults = Vec::new();
    for (name, change, code, says) in all.into_iter().flatten() {
        let mut world = World::new();
        let good = world.till("");
        let root = format!("[\"{}\"]", world.platform.fingerprint());
        let text = match change {
            Whole(text) => (*text).to_owned(),
            Behind(text) => format!("{good}{text}"),
            Instead(from, to) => {
                let from = from.replace(ROOT, &root);
                assert!(good.contains(&from), "{name}");
                good.replacen(&from, to, 1)
            }
        };
        let Err(error) = world.put(ALICE, "shop/till", &text) else {
            faults.push(format!("{name}: it is taken"));
            continue;
        };
        let message = error.to_string();
        if error.code() != *code || !message.contains(says) {
            faults.push(format!("{name}: {}: {message}", error.code()));
        }
        assert!(!message.contains("hunter2"), "{name}: {message}");
        assert!(message.lines().count() == 1, "{name}: {message}");
        assert!(world.state.cas.is_empty(), "{name}");
        let [line] = &world.log[..] else {
            panic!("{name}: not one line in the log");
        };
        assert_eq!(line.code.as_deref(), Some(error.code()), "{name}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn modes_without_attestation_have_their_own_code() {
    for mode in ["mode: none", "mode: maa\n    url: \"https://a\""] {
        let mut world = World::new();
        let text = world.till("");
        let (head, tail) = text.split_once("    mode: simulated\n").unwrap();
        let (_, tail) = tail.split_once('\n').unwrap();
        let text = format!("{head}    {mode}\n{tail}");
        let error = world.put(ALICE, "shop/till", &text).unwrap_err();
        assert_eq!(error.code(), "cas.unattested", "{error}");
    }
}

#[test]
fn what_is_too_long_is_not_read() {
    let mut world = World::new();
    let text = format!(
        "{}# {}\n",
        world.till(""),
        "a".repeat(provision::MAX_SESSION)
    );
    let error = world.put(ALICE, "shop/till", &text).unwrap_err();
    assert_eq!(error.code(), "cas.form");
    assert!(error.to_string().contains("bytes"), "{error}");
}

#[test]
fn the_good_one_is_taken() {
    let mut world = World::new();
    let text = world.till("");
    assert!(world.put(ALICE, "shop/till", &text).is_ok());
}
