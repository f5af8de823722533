//! What is no session at all, and names that are none.

use super::Change::{Behind, Instead, Whole};
use super::{Case, FORM, NAME};

pub(super) const TEXTS: &[Case] = &[
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

pub(super) const NAMES: &[Case] = &[
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
