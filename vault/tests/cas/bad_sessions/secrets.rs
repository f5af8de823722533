//! Secrets.

use super::Change::{Behind, Instead};
use super::{Case, FORM, IMPORT, SECRET, TOKEN};

pub(super) const SECRETS: &[Case] = &[
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
