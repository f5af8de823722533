//! Policies that are none, and policies that say no.

use sconce_tests::vectors::checkout;
use simulator::{Advisory, Change, TcbStatus};

use crate::case::Case;
use crate::sample::{MEASUREMENT, NOW, SIGNER, after, fingerprint, platform, policy};

/// What cannot be used.
pub(crate) fn forms() -> Vec<Case> {
    let bad = |name, text: String| Case::unusable(name, "policy.form").file("policy.toml", text);
    let add = |name, text: &str| bad(name, format!("{text}\n{}", policy()));
    let end = |name, text: &str| bad(name, format!("{}\n{text}\n", policy()));
    let json = |name, text: &str| {
        Case::unusable(name, "policy.form")
            .file("p.json", text)
            .option("--policy", "p.json")
    };
    vec![
        bad("an empty policy", String::new()).says("names no program"),
        bad("no TOML", "policy".into()).says("line 1"),
        bad(
            "JSON that is called TOML",
            r#"{"any_program": true}"#.into(),
        ),
        Case::unusable("no text", "policy.form").file("policy.toml", [0xff, 0xfe, 0]),
        json("TOML that is called JSON", "any_program = true"),
        json("an array", r#"["any_program"]"#),
        json(
            "a member twice",
            r#"{"any_program":true,"any_program":true}"#,
        ),
        add("an unknown member", "allow_simulation = true").says("allow_simulation"),
        add("a debugger, perhaps", "allow_debug = 1"),
        add("an end that is no time", "expires = \"tomorrow\"").says("tomorrow"),
        add("any program and this one", "any_program = true").says("exclude each other"),
        end("an unknown status", "[platform]\nstatuses = [\"Good\"]"),
        end("no status", "[platform]\nstatuses = []"),
        end(
            "whatever is revoked",
            "[platform]\nstatuses = [\"Revoked\"]",
        )
        .says("never"),
        end("all advisories", "[platform]\nadvisories = [\"*\"]").says("write each out"),
        end("a trust domain too", "[tdx]\nunchecked = [\"mrtd\"]").says("exclude each other"),
        end("a table twice", "[sgx]\nproduct = 1"),
        bad(
            "a simulated program and no simulation",
            format!("[sgx]\nmeasurements = [\"{MEASUREMENT}\"]\n"),
        )
        .says("allow_sim"),
        bad(
            "simulation under any root",
            "any_program = true\nallow_sim = true\n".into(),
        )
        .says("simulated_roots"),
        bad(
            "a root and no simulation",
            format!(
                "any_program = true\nsimulated_roots = [\"{}\"]\n",
                fingerprint()
            ),
        )
        .says("allow_sim"),
        bad(
            "a bare digest",
            format!("[sgx]\nmeasurements = [\"{}\"]\n", "1".repeat(64)),
        )
        .says("line 2"),
        bad(
            "a signer as a measurement",
            format!(
                "[sgx]\nmeasurements = [\"{}\"]\n",
                SIGNER.replace("sim:", "sgx:")
            ),
        )
        .says("is no measurement"),
        bad(
            "a signer alone",
            format!(
                "[sgx]\nsigners = [\"{}\"]\n",
                SIGNER.replace("sim:", "sgx:")
            ),
        )
        .says("sgx.product is missing"),
        bad("a product alone", "[sgx]\nproduct = 3\n".into()).says("sgx.signers is missing"),
        bad(
            "an unknown register",
            "[tdx]\nunchecked = [\"rtmr9\"]\n".into(),
        )
        .says("rtmr9"),
        bad(
            "steering characters",
            "any_program = true\n\"\u{1b}[2J\" = 1\n".into(),
        ),
        Case::unusable("a policy of two megabytes", "quote.input")
            .file("policy.toml", vec![b'\n'; 2 << 20]),
    ]
}

/// What is genuine and not wanted.
pub(crate) fn rules() -> Vec<Case> {
    let change = |name, from: &str, to: &str| {
        let text = policy();
        assert!(text.contains(from));
        Case::verify(name, "policy").file("policy.toml", text.replace(from, to))
    };
    let add = |name, rule: &str| {
        Case::verify(name, "policy").file("policy.toml", format!("{}{rule}\n", policy()))
    };
    let begin = |name, rule: &str| {
        Case::verify(name, "policy").file("policy.toml", format!("{rule}\n{}", policy()))
    };
    let advisory = after(Change::Advisory(Advisory {
        id: "SIM-SA-00901".into(),
        status: TcbStatus::OutOfDate,
        fixed_by: None,
    }));
    let lowered = after(Change::Tcb(platform().settings().levels[1].tcb));
    let other = "1".repeat(63) + "0";
    let named = format!("measurements = [\"{MEASUREMENT}\"]");
    let signed = |svn| format!("signers = [\"{SIGNER}\"]\nproduct = 3\nminimum_svn = {svn}");
    vec![
        Case::verify("the strictest policy", "policy")
            .without("--policy")
            .says("simulation"),
        change("another measurement", &"1".repeat(64), &other).says("measurement: "),
        change(
            "the program on hardware",
            "sim:mrenclave",
            "gramine:mrenclave",
        )
        .says("measurement: "),
        change(
            "another root",
            &fingerprint(),
            &format!("sim:{}", "5".repeat(64)),
        )
        .says("simulated-root: "),
        change("a newer version", &named, &signed(6)).says("svn: 5 (wanted: at least 6)"),
        change(
            "another product",
            &named,
            &signed(5).replace("product = 3", "product = 4"),
        )
        .says("product: 3 (wanted: 4)"),
        change(
            "another signer",
            &named,
            &signed(5).replace("mrsigner:2", "mrsigner:3"),
        )
        .says("signer: "),
        add(
            "a signer beside the measurement",
            &format!("signers = [\"{}\"]", SIGNER.replace('2', "4")),
        )
        .says("signer: "),
        add(
            "another configuration",
            &format!("config_id = \"{}\"", "01".repeat(64)),
        )
        .says("config: zero"),
        add(
            "more processor state",
            "xfrm = { mask = \"0x4\", value = \"0x4\" }",
        )
        .says("processor-state: "),
        add(
            "a provisioning key",
            "attributes = { mask = \"0x10\", value = \"0x10\" }",
        )
        .says("attributes: "),
        change(
            "a trust domain",
            &format!("[sgx]\n{named}"),
            "[tdx]\nunchecked = [\"mrtd\"]",
        )
        .says("tee: SGX (wanted: TDX)"),
        begin(
            "a policy that has ended",
            "expires = \"2020-01-01T00:00:00Z\"",
        )
        .says("policy-expiry: 2020-01-01T00:00:00Z"),
        add(
            "fresher collateral",
            "\n[platform]\nminimum_evaluation_data_number = 4000000000",
        )
        .says("evaluation-data-number: "),
        add(
            "collateral for a century",
            "\n[platform]\nminimum_validity = 3153600000",
        )
        .says("collateral-expiry: "),
        add(
            "only a platform that needs hardening",
            "\n[platform]\nstatuses = [\"SWHardeningNeeded\"]",
        )
        .says("status: UpToDate (wanted: SWHardeningNeeded)"),
        Case::verify("an advisory", "policy")
            .evidence(&advisory)
            .says("advisories: SIM-SA-00901 (wanted: none)"),
        add(
            "the status and not the advisory",
            "\n[platform]\nstatuses = [\"UpToDate\", \"OutOfDate\"]",
        )
        .evidence(&advisory)
        .says("refused at policy: advisories: "),
        add(
            "the advisory and not the status",
            "\n[platform]\nadvisories = [\"SIM-SA-00901\"]",
        )
        .evidence(&advisory)
        .says("refused at policy: status: "),
        Case::verify("old microcode", "policy")
            .evidence(&lowered)
            .says("status: OutOfDate"),
        Case::verify("another report data", "policy")
            .option("--report-data", "34".repeat(64))
            .says("report-data: "),
        Case::verify("the policy of the documentation", "policy")
            .file("policy.toml", documented())
            .says("measurement: "),
        Case::verify("judged later than it holds", "time").option("--now", (NOW << 1).to_string()),
    ]
}

/// The policy in `docs/attestation.md`.
fn documented() -> String {
    let page = std::fs::read_to_string(checkout().join("docs/attestation.md")).unwrap();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    policy.to_owned()
}
