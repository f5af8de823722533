//! What programs are given, and who may see it.

use super::Change::{Behind, Instead};
use super::{Case, FORM};

pub(super) const GIVEN: &[Case] = &[
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
