use alloc::string::ToString as _;

use sgx::{Attributes, Miscselect};

use super::*;
use crate::Status;

const TEXT: &str = r#"{"id":"QE","version":2,"issueDate":"2025-06-30T23:00:00Z","nextUpdate":"2025-07-30T00:00:00Z","tcbEvaluationDataNumber":17,"miscselect":"01000000","miscselectMask":"0F000000","attributes":"11000000000000000000000000000000","attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","mrsigner":"071C29BDCA219E4D4554AF97EA93C6ABE3C4C41DD4CF53299E75D30302D1CEA2","isvprodid":258,"tcbLevels":[{"tcb":{"isvsvn":6},"tcbDate":"2021-11-10T00:00:00Z","tcbStatus":"OutOfDate","advisoryIDs":["SIM-SA-00009"]},{"tcb":{"isvsvn":8},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"UpToDate"}]}"#;

fn report() -> ReportBody {
    let mut report = ReportBody::parse(&[0; ReportBody::SIZE]).unwrap();
    report.attributes = Attributes {
        flags: 0x15,
        xfrm: 0xe7,
    };
    report.miscselect = Miscselect(0xf1);
    report.isv_prod_id = 258;
    report.isv_svn = 8;
    hex::decode_to_slice(
        "071c29bdca219e4d4554af97ea93c6abe3c4c41dd4cf53299e75d30302d1cea2",
        &mut report.mrsigner.0,
    )
    .unwrap();
    report
}

#[test]
fn the_vendors_enclave_is_known_by_what_the_masks_leave() {
    let identity = QeIdentity::from_json(TEXT).unwrap();
    let level = identity.appraise(&report()).unwrap();
    assert_eq!(level.status, Status::UpToDate);
    let out_of_date = ReportBody {
        isv_svn: 7,
        ..report()
    };
    let level = identity.appraise(&out_of_date).unwrap();
    assert_eq!(level.status, Status::OutOfDate);
    assert_eq!(level.advisories, ["SIM-SA-00009"]);
}

#[test]
fn other_enclaves_are_refused() {
    let identity = QeIdentity::from_json(TEXT).unwrap();
    let refused = |change: fn(&mut ReportBody)| {
        let mut report = report();
        change(&mut report);
        identity.appraise(&report).unwrap_err()
    };
    let claim = |error: Error| match error {
        Error::Differs { claim, .. } => claim,
        other => panic!("{other}"),
    };
    assert_eq!(claim(refused(|qe| qe.mrsigner.0[31] ^= 1)), "MRSIGNER");
    assert_eq!(
        claim(refused(|qe| qe.attributes.flags |= 1 << 7)),
        "ATTRIBUTES"
    );
    assert_eq!(claim(refused(|qe| qe.attributes.flags = 4)), "ATTRIBUTES");
    assert_eq!(claim(refused(|qe| qe.miscselect.0 = 3)), "MISCSELECT");
    assert_eq!(claim(refused(|qe| qe.isv_prod_id = 513)), "ISVPRODID");
    assert_eq!(refused(|qe| qe.isv_svn = 5), Error::NoLevel(5));
    let debug = refused(|qe| qe.attributes.flags |= 2);
    assert_eq!(
        (debug.clone(), debug.stage()),
        (Error::Debug, Stage::PolicyDebug)
    );
}

#[test]
fn a_mask_that_leaves_debug_out_lets_no_debugger_in() {
    let text = TEXT.replace("FBFFFFFFFFFFFFFF", "F9FFFFFFFFFFFFFF");
    let identity = QeIdentity::from_json(&text).unwrap();
    let mut report = report();
    report.attributes.flags |= 2;
    assert_eq!(identity.appraise(&report), Err(Error::Debug));
}

#[test]
fn it_is_for_one_tee() {
    for (text, tee, other) in [
        (TEXT.to_string(), Tee::Sgx, Tee::Tdx),
        (TEXT.replace(r#""QE""#, r#""TD_QE""#), Tee::Tdx, Tee::Sgx),
    ] {
        let identity = QeIdentity::from_json(&text).unwrap();
        assert_eq!(identity.check_is_for(tee), Ok(()));
        let refused = identity.check_is_for(other).unwrap_err();
        assert_eq!(refused.stage(), Stage::QeIdentity);
    }
}

#[test]
fn other_forms_are_refused() {
    for (from, to) in [
        (r#""QE""#, r#""QVE""#),
        (r#""version":2"#, r#""version":1"#),
        (r#""version":2"#, r#""version":2,"version":2"#),
        (r#""version":2"#, r#""version":2,"fmspc":"00""#),
        ("2025-06-30T23:00:00Z", "2025-08-30T23:00:00Z"),
        (r#""miscselect":"01000000""#, r#""miscselect":"010000""#),
        (r#""miscselect":"01000000","#, ""),
        (r#""isvprodid":258"#, r#""isvprodid":65536"#),
        (r#""isvsvn":6"#, r#""isvsvn":6,"more":6"#),
        (r#"{"isvsvn":6}"#, "[6]"),
        ("OutOfDate", "Outdated"),
        ("2021-11-10T00:00:00Z", "2021-11-31T00:00:00Z"),
        (r#"["SIM-SA-00009"]"#, r#""SIM-SA-00009""#),
        ("SIM-SA-00009", "SIM SA"),
        ("SIM-SA-00009", r"SIM\u001b[2J"),
        ("SIM-SA-00009", ""),
        ("SIM-SA-00009", &"S".repeat(65)),
        ("]}", "]}x"),
    ] {
        assert!(TEXT.contains(from), "{from}");
        let refused = QeIdentity::from_json(&TEXT.replacen(from, to, 1)).unwrap_err();
        assert_eq!(refused.stage(), Stage::QeIdentity, "{refused}");
    }
}
