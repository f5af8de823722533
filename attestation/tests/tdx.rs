//! Quotes of trust domains, of TDX 1.0 and 1.5: what is asked of the module under them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;
mod whole;

use sconce_attestation::{Claims, Refusal, Stage, Status, Time, VerifiedQuote, verify};
use sgx::TdMeasurement;
use sgx::quote::{Body, TdReport, TdReport15, Tee, Version};
use whole::{Draft, FROM, WIDE, components, level, qe_identity, tcb_info};

/// A domain on a module of version 3 and ISVSVN 5: nothing better is known.
fn report() -> TdReport {
    let mut report = TdReport::parse_1_0(&[0; TdReport::SIZE_1_0]);
    report.tee_tcb_svn = svn([5, 3, 2]);
    report.mr_td = TdMeasurement([0x11; 48]);
    report.report_data = [0x5a; 64];
    report
}

fn svn(first: [u8; 3]) -> [u8; 16] {
    let mut svn = [0; 16];
    svn[..3].copy_from_slice(&first);
    svn
}

/// The same, updated since to a module that begins so.
fn updated(current: [u8; 3]) -> TdReport {
    TdReport {
        tdx15: Some(TdReport15 {
            tee_tcb_svn2: svn(current),
            mr_service_td: TdMeasurement([0; 48]),
        }),
        ..report()
    }
}

/// TCB info with three levels, and one module version with three of its own.
fn info() -> String {
    let (zero, ones) = ("00".repeat(48), "FF".repeat(8));
    let module =
        format!(r#""mrsigner":"{zero}","attributes":"0000000000000000","attributesMask":"{ones}""#);
    let of_module = |svn: u8, status: &str| {
        format!(
            r#"{{"tcb":{{"isvsvn":{svn}}},"tcbDate":"2025-01-01T00:00:00Z","tcbStatus":"{status}","advisoryIDs":["SIM-SA-{svn}"]}}"#
        )
    };
    let own = [
        of_module(5, "UpToDate"),
        of_module(4, "OutOfDate"),
        of_module(2, "Revoked"),
    ];
    let modules = format!(
        r#""tdxModule":{{{module}}},"tdxModuleIdentities":[{{"id":"TDX_03",{module},"tcbLevels":[{}]}}],"#,
        own.join(",")
    );
    let of_platform = |third: u8, status: &str| {
        let tdx = components(svn([5, 0, third]));
        level(1..=16, &format!(r#","tdxtcbcomponents":{tdx}"#), status)
    };
    let levels = [of_platform(2, "UpToDate"), of_platform(1, "OutOfDate")];
    tcb_info("TDX", &modules, &levels, WIDE)
}

fn draft(version: Version, report: TdReport) -> Draft<'static> {
    Draft {
        version,
        body: Body::Tdx(report),
        tcb_info: Some(info()),
        qe_identity: Some(qe_identity("TD_QE", WIDE)),
        ..Draft::default()
    }
}

fn judge(draft: &Draft<'_>) -> Result<VerifiedQuote, Refusal> {
    let made = draft.make();
    let now = Time::from_unix(FROM);
    verify(&made.quote, &made.collateral, &made.anchor, now)
}

fn claims(draft: &Draft<'_>) -> Claims {
    judge(draft).unwrap().into_claims()
}

fn stage(draft: &Draft<'_>) -> Stage {
    judge(draft).unwrap_err().stage()
}

#[test]
fn both_versions_of_quotes_are_read() {
    for version in [Version::V4, Version::V5] {
        let claims = claims(&draft(version, report()));
        assert_eq!(claims.tee(), Tee::Tdx);
        assert_eq!(claims.body, Body::Tdx(report()));
        assert_eq!(*claims.report_data(), [0x5a; 64]);
        assert_eq!(claims.status, Status::UpToDate);
        assert_eq!(claims.tdx_module.unwrap().advisories, ["SIM-SA-5"]);
        assert_eq!(claims.advisories, ["SIM-SA-5"]);
        assert_eq!(claims.current, None);
    }
}

#[test]
fn an_enclave_may_have_a_quote_of_each_version() {
    for version in [Version::V3, Version::V4, Version::V5] {
        let draft = Draft {
            version,
            ..Draft::default()
        };
        assert_eq!(claims(&draft).quote_version, version);
    }
}

#[test]
fn a_debugger_is_told_of() {
    assert!(!claims(&draft(Version::V4, report())).is_debug());
    let debugged = TdReport {
        td_attributes: TdReport::DEBUG,
        ..report()
    };
    assert!(claims(&draft(Version::V4, debugged)).is_debug());
}

#[test]
fn an_old_module_counts() {
    let with = |first| TdReport {
        tee_tcb_svn: svn(first),
        ..report()
    };
    let claims = claims(&draft(Version::V4, with([4, 3, 2])));
    assert_eq!(claims.platform.status, Status::UpToDate);
    assert_eq!(claims.status, Status::OutOfDate);
    assert_eq!(claims.advisories, ["SIM-SA-4"]);
    assert_eq!(
        stage(&draft(Version::V4, with([3, 3, 2]))),
        Stage::TcbStatus
    );
    assert_eq!(stage(&draft(Version::V4, with([1, 3, 2]))), Stage::TcbMatch);
    assert_eq!(stage(&draft(Version::V4, with([9, 3, 0]))), Stage::TcbMatch);
    assert_eq!(stage(&draft(Version::V4, with([9, 2, 9]))), Stage::TcbMatch);
}

#[test]
fn another_module_is_refused() {
    let other = TdReport {
        mr_signer_seam: TdMeasurement([1; 48]),
        ..report()
    };
    assert_eq!(stage(&draft(Version::V4, other)), Stage::TcbMatch);
    let debug_module = TdReport {
        seam_attributes: 1,
        ..report()
    };
    assert_eq!(stage(&draft(Version::V4, debug_module)), Stage::TcbMatch);
}

#[test]
fn a_domain_of_before_an_update_is_told_of() {
    let claims = claims(&draft(Version::V5, updated([5, 3, 2])));
    assert_eq!(claims.status, Status::UpToDate);
    assert_eq!(claims.current.unwrap().platform.status, Status::UpToDate);

    let launched_before = |current| TdReport {
        tee_tcb_svn: svn([4, 3, 2]),
        ..updated(current)
    };
    let of = |report| draft(Version::V5, report);
    let claims = self::claims(&of(launched_before([5, 3, 2])));
    assert_eq!(claims.status, Status::TdRelaunchAdvised);
    assert_eq!(claims.advisories, ["SIM-SA-4", "SIM-SA-5"]);
    assert_eq!(
        self::claims(&of(launched_before([4, 3, 2]))).status,
        Status::OutOfDate
    );
    assert_eq!(stage(&of(updated([3, 3, 2]))), Stage::TcbStatus);
    assert_eq!(stage(&of(updated([1, 3, 2]))), Stage::TcbMatch);
}

/// The vendor signs the documents of both TEEs with one key, and their platforms are the same.
#[test]
fn documents_of_enclaves_are_none_of_domains() {
    let identity = Draft {
        qe_identity: None,
        ..draft(Version::V4, report())
    };
    assert_eq!(stage(&identity), Stage::QeIdentity);
    let info = Draft {
        tcb_info: None,
        ..draft(Version::V4, report())
    };
    assert_eq!(stage(&info), Stage::TcbInfo);
    let enclave = Draft {
        tcb_info: Some(self::info()),
        ..Draft::default()
    };
    assert_eq!(stage(&enclave), Stage::TcbInfo);
    let enclave = Draft {
        qe_identity: Some(qe_identity("TD_QE", WIDE)),
        ..Draft::default()
    };
    assert_eq!(stage(&enclave), Stage::QeIdentity);
}
