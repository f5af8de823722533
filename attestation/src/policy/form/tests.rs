use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec;

use sgx::{Mrenclave, Mrsigner, TdMeasurement};

use super::*;

const ROOT: &str = "sim:0909090909090909090909090909090909090909090909090909090909090909";

fn read(text: &str) -> Policy {
    Policy::from_json(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn fault(text: &str) -> String {
    match Policy::from_json(text.as_bytes()) {
        Ok(policy) => panic!("{text} is read as {policy:?}"),
        Err(fault) => fault.to_string(),
    }
}

fn digest(what: &str, digit: &str) -> String {
    format!("{what}:{}", digit.repeat(64))
}

fn register(name: &str) -> String {
    format!("tdx:{name}:{}", "4".repeat(96))
}

#[test]
fn what_is_left_out_is_strict() {
    let text = format!(
        r#"{{"sgx":{{"measurements":["{}"]}}}}"#,
        digest("sgx:mrenclave", "1")
    );
    let strict = Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![Digest::Mrenclave(Kind::Sgx, Mrenclave([0x11; 32]))],
        ..SgxProgram::default()
    }));
    assert_eq!(read(&text), strict);
    assert_eq!(
        read(r#"{"any_program":true}"#),
        Policy::strict(Program::Any)
    );
    assert_eq!(
        read(r#"{"any_program":true,"platform":{}}"#),
        Policy::strict(Program::Any)
    );
}

#[test]
fn every_member_is_read_and_written() {
    let bits = Bits {
        mask: 0x10,
        value: 0,
    };
    let sgx = Policy {
        program: Program::Sgx(SgxProgram {
            measurements: vec![Digest::Mrenclave(Kind::Sim, Mrenclave([0x11; 32]))],
            signers: vec![Digest::Mrsigner(Kind::Gramine, Mrsigner([0x22; 32]))],
            product: Some(0),
            minimum_svn: Some(0),
            attributes: Some(bits),
            xfrm: Some(bits),
            config_id: Some([5; 64]),
        }),
        platform: PlatformRules {
            statuses: vec![Status::SwHardeningNeeded, Status::UpToDate],
            advisories: vec!["INTEL-SA-00615".into()],
            minimum_evaluation_data_number: Some(17),
            minimum_validity: 60,
        },
        allow_debug: true,
        allow_sim: true,
        simulated_roots: vec![Fingerprint::from_bytes([9; 32])],
        expires: Some(Time::from_unix(1_800_000_000)),
    };
    let tdx = Policy {
        program: Program::Tdx(TdxProgram {
            registers: vec![TdDigest {
                kind: Kind::Tdx,
                register: TdRegister::Rtmr3,
                value: TdMeasurement([0x44; 48]),
            }],
            unchecked: vec![TdRegister::Rtmr0],
            attributes: bits,
            xfam: Some(bits),
        }),
        ..Policy::strict(Program::Any)
    };
    for policy in [sgx, tdx, Policy::strict(Program::Any)] {
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(read(&text), policy, "{text}");
    }
}

#[test]
fn a_policy_that_names_no_program_is_none() {
    let measurement = digest("sgx:mrenclave", "1");
    let signer = digest("sgx:mrsigner", "2");
    for (text, says) in [
        ("{}".to_owned(), "it names no program"),
        (r#"{"any_program":false}"#.to_owned(), "it names no program"),
        (r#"{"sgx":{}}"#.to_owned(), "sgx.signers is missing"),
        (
            format!(r#"{{"sgx":{{"signers":["{signer}"]}}}}"#),
            "sgx.product is missing",
        ),
        (
            format!(r#"{{"sgx":{{"signers":["{signer}"],"product":1}}}}"#),
            "sgx.minimum_svn is missing",
        ),
        (
            format!(r#"{{"any_program":true,"sgx":{{"measurements":["{measurement}"]}}}}"#),
            "exclude each other",
        ),
        (
            format!(r#"{{"tdx":{{}},"sgx":{{"measurements":["{measurement}"]}}}}"#),
            "exclude each other",
        ),
    ] {
        let fault = fault(&text);
        assert!(fault.contains(says), "{text}: {fault}");
    }
}

#[test]
fn what_takes_nothing_or_everything_is_refused() {
    let simulated = digest("sim:mrenclave", "1");
    let signer = digest("sgx:mrsigner", "2");
    for (text, says) in [
        (
            r#"{"any_program":true,"allow_sim":true}"#.to_owned(),
            "simulated_roots",
        ),
        (
            format!(r#"{{"any_program":true,"simulated_roots":["{ROOT}"]}}"#),
            "without allow_sim",
        ),
        (
            format!(r#"{{"sgx":{{"measurements":["{simulated}"]}}}}"#),
            "allow_sim = true",
        ),
        (
            format!(r#"{{"sgx":{{"measurements":["{signer}"]}}}}"#),
            "is no measurement",
        ),
        (
            format!(
                r#"{{"sgx":{{"measurements":["{}"]}}}}"#,
                digest("tdx:mrenclave", "1")
            ),
            "is no measurement",
        ),
        (
            r#"{"any_program":true,"platform":{"statuses":[]}}"#.to_owned(),
            "no platform is taken",
        ),
        (
            r#"{"any_program":true,"platform":{"statuses":["Revoked"]}}"#.to_owned(),
            "Revoked is never taken",
        ),
        (
            r#"{"any_program":true,"platform":{"advisories":["*"]}}"#.to_owned(),
            "\"*\" is no advisory",
        ),
        (
            r#"{"any_program":true,"platform":{"advisories":[""]}}"#.to_owned(),
            "is no advisory",
        ),
        (
            r#"{"tdx":{"xfam":{"mask":"0x1","value":"0x2"}}}"#.to_owned(),
            "tdx.xfam: the value has bits",
        ),
        (
            format!(
                r#"{{"tdx":{{"registers":["{}"],"unchecked":["mrtd"]}}}}"#,
                register("mrtd")
            ),
            "mrtd has a value",
        ),
        (
            format!(
                r#"{{"tdx":{{"registers":["{}"]}}}}"#,
                register("mrtd").replace("tdx:", "sgx:")
            ),
            "another kind than tdx",
        ),
    ] {
        let fault = fault(&text);
        assert!(fault.contains(says), "{text}: {fault}");
    }
}

#[test]
fn other_forms_are_refused() {
    for text in [
        "",
        "null",
        "[]",
        "[true]",
        "{",
        r#"{"any_program":true} {}"#,
        r#"{"any_program":true,"any_program":true}"#,
        r#"{"any_program":1}"#,
        r#"{"any_program":true,"Platform":{}}"#,
        r#"{"any_program":true,"platform":[["UpToDate"],[]]}"#,
        r#"{"any_program":true,"platform":{"statuses":["uptodate"]}}"#,
        r#"{"any_program":true,"platform":{"statuses":"UpToDate"}}"#,
        r#"{"any_program":true,"platform":{"advisory":[]}}"#,
        r#"{"any_program":true,"platform":{"minimum_validity":-1}}"#,
        r#"{"any_program":true,"expires":1800000000}"#,
        r#"{"any_program":true,"expires":"2027-01-01"}"#,
        r#"{"any_program":true,"allow_sim":true,"simulated_roots":["09"]}"#,
        r#"{"sgx":null}"#,
        r#"{"sgx":{"measurements":["11"]}}"#,
        r#"{"sgx":{"measurements":[17]}}"#,
        r#"{"sgx":{"measurements":[],"svn":5}}"#,
        r#"{"sgx":{"product":65536}}"#,
        r#"{"sgx":{"config_id":"00"}}"#,
        r#"{"tdx":{"xfam":{"mask":"1","value":"0x1"}}}"#,
        r#"{"tdx":{"xfam":{"mask":"0x+1","value":"0x1"}}}"#,
        r#"{"tdx":{"xfam":{"mask":"0x","value":"0x0"}}}"#,
        r#"{"tdx":{"xfam":{"mask":"0x00000000000000001","value":"0x1"}}}"#,
        r#"{"tdx":{"xfam":{"mask":1,"value":1}}}"#,
        r#"{"tdx":{"xfam":["0x1","0x1"]}}"#,
        r#"{"tdx":{"unchecked":["rtmr4"]}}"#,
        r#"{"tdx":{"unchecked":["RTMR0"]}}"#,
        r#"{"tdx":{"registers":["tdx:rtmr4:00"]}}"#,
    ] {
        let fault = fault(text);
        assert!(!fault.is_empty(), "{text}");
    }
}

#[test]
fn faults_are_a_short_line() {
    let text = format!(
        r#"{{"any_program":true,"expires":"{}"}}"#,
        "9".repeat(100_000)
    );
    let fault = fault(&text);
    assert!(fault.len() < 210 && !fault.contains('\n'));
}
