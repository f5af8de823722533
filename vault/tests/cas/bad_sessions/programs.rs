//! What programs and platforms have to be.

use super::Change::Instead;
use super::{Case, FACTORS, FORM, MODE, ROOT};

pub(super) const PROGRAMS: &[Case] = &[
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
