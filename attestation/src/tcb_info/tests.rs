use alloc::format;
use alloc::string::{String, ToString as _};

use super::*;
use crate::Status;

/// Components from the first few.
fn components(first: &[u8]) -> String {
    let mut svns = first.to_vec();
    svns.resize(16, 0);
    let svns: Vec<_> = svns
        .iter()
        .map(|svn| format!(r#"{{"svn":{svn}}}"#))
        .collect();
    format!("[{}]", svns.join(","))
}

fn level(sgx: &[u8], pcesvn: u16, tdx: Option<&[u8]>, status: &str) -> String {
    let tdx = tdx.map(|tdx| format!(r#","tdxtcbcomponents":{}"#, components(tdx)));
    format!(
        r#"{{"tcb":{{"sgxtcbcomponents":{},"pcesvn":{pcesvn}{}}},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"{status}"}}"#,
        components(sgx),
        tdx.unwrap_or_default()
    )
}

fn document(id: &str, modules: &str, levels: &[String]) -> String {
    format!(
        r#"{{"id":"{id}","version":3,"issueDate":"2025-06-01T00:00:00Z","nextUpdate":"2025-07-01T00:00:00Z","fmspc":"00A067110000","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":17,{modules}"tcbLevels":[{}]}}"#,
        levels.join(",")
    )
}

/// Modules before 1.0 signed with zeros, version 3 with levels of its own.
pub(crate) fn modules() -> String {
    let (zero, mask) = ("00".repeat(48), "FF".repeat(8));
    let members =
        format!(r#""mrsigner":"{zero}","attributes":"0000000000000000","attributesMask":"{mask}""#);
    let level = |svn: u8, status: &str| {
        format!(
            r#"{{"tcb":{{"isvsvn":{svn}}},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"{status}","advisoryIDs":["A-{svn}"]}}"#
        )
    };
    format!(
        r#""tdxModule":{{{members}}},"tdxModuleIdentities":[{{"id":"TDX_03",{members},"tcbLevels":[{},{},{}]}}],"#,
        level(2, "Revoked"),
        level(5, "UpToDate"),
        level(4, "OutOfDate"),
    )
}

pub(crate) fn tdx() -> TcbInfo {
    let levels = [
        level(&[2], 5, Some(&[1, 0, 2]), "OutOfDate"),
        level(&[3], 11, Some(&[9, 9, 2]), "UpToDate"),
        level(&[3], 11, Some(&[9, 9, 4]), "ConfigurationNeeded"),
    ];
    TcbInfo::from_json(&document("TDX", &modules(), &levels)).unwrap()
}

fn sgx() -> TcbInfo {
    let levels = [
        level(&[1], 5, None, "Revoked"),
        level(&[3, 1], 13, None, "OutOfDate"),
        level(&[3, 3], 11, None, "SWHardeningNeeded"),
        level(&[3, 3], 13, None, "UpToDate"),
    ];
    TcbInfo::from_json(&document("SGX", "", &levels)).unwrap()
}

fn status(info: &TcbInfo, first: &[u8], pcesvn: u16, tdx: Option<&[u8; 16]>) -> Option<Status> {
    let mut components = [0; 16];
    components[..first.len()].copy_from_slice(first);
    let platform = Platform {
        components: &components,
        pcesvn,
        tdx,
    };
    let level = info.platform_level(platform).ok()?;
    Some(level.status)
}

#[test]
fn the_first_level_that_is_reached_in_every_component_counts() {
    let info = sgx();
    for (components, pcesvn, wanted) in [
        (&[3, 3][..], 13, Some(Status::UpToDate)),
        (&[9, 3], 99, Some(Status::UpToDate)),
        (&[3, 3], 12, Some(Status::SwHardeningNeeded)),
        (&[3, 2], 13, Some(Status::OutOfDate)),
        (&[3, 2], 12, Some(Status::Revoked)),
        (&[2, 255], 65_535, Some(Status::Revoked)),
        (&[1], 5, Some(Status::Revoked)),
        (&[1], 4, None),
        (&[0, 255], 13, None),
    ] {
        assert_eq!(status(&info, components, pcesvn, None), wanted);
    }
}

#[test]
fn a_module_with_a_version_is_judged_by_its_own_levels() {
    let info = tdx();
    let svn = |first: [u8; 3]| {
        let mut svn = [0; 16];
        svn[..3].copy_from_slice(&first);
        svn
    };
    // Without one, all components count; with one, the first two are left to it.
    assert_eq!(
        status(&info, &[3], 11, Some(&svn([1, 0, 2]))),
        Some(Status::OutOfDate)
    );
    assert_eq!(
        status(&info, &[3], 11, Some(&svn([1, 3, 2]))),
        Some(Status::UpToDate)
    );
    assert_eq!(
        status(&info, &[3], 11, Some(&svn([1, 3, 4]))),
        Some(Status::ConfigurationNeeded)
    );
    assert_eq!(status(&info, &[3], 11, Some(&svn([9, 3, 1]))), None);

    let module = |first| {
        info.module_level(&svn(first))
            .map(|level| level.map(|level| level.status))
    };
    assert_eq!(module([0, 0, 2]), Ok(None));
    assert_eq!(module([6, 3, 0]), Ok(Some(Status::UpToDate)));
    assert_eq!(module([4, 3, 0]), Ok(Some(Status::OutOfDate)));
    assert_eq!(module([3, 3, 0]), Ok(Some(Status::Revoked)));
    assert_eq!(module([1, 3, 0]), Err(Error::NoModuleLevel(1)));
    assert_eq!(module([9, 1, 0]), Err(Error::NoModule(1)));
}

#[test]
fn a_module_of_another_signer_or_kind_is_refused() {
    let info = tdx();
    for version in [0, 3] {
        let svn = [9, version, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(info.check_module(&svn, &[0; 48], 0), Ok(()));
        assert!(matches!(
            info.check_module(&svn, &[1; 48], 0),
            Err(Error::ModuleSigner { .. })
        ));
        for bit in 0..64 {
            assert!(matches!(
                info.check_module(&svn, &[0; 48], 1 << bit),
                Err(Error::ModuleAttributes { .. })
            ));
        }
    }
    let unknown = [9, 4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        info.check_module(&unknown, &[0; 48], 0),
        Err(Error::NoModule(4))
    );
}

#[test]
fn bits_that_a_mask_leaves_out_have_to_be_zero() {
    let text = document(
        "TDX",
        &modules().replace(&"FF".repeat(8), "0F00000000000000"),
        &[],
    );
    let info = TcbInfo::from_json(&text).unwrap();
    assert_eq!(info.check_module(&[0; 16], &[0; 48], 0), Ok(()));
    assert!(info.check_module(&[0; 16], &[0; 48], 0x10).is_err());
}

#[test]
fn it_is_for_one_kind_of_platform_and_one_tee() {
    let (info, fmspc) = (sgx(), [0, 0xa0, 0x67, 0x11, 0, 0]);
    assert_eq!(info.check_is_for(Tee::Sgx, fmspc, [0, 0]), Ok(()));
    let stage = |tee, fmspc, pce_id| info.check_is_for(tee, fmspc, pce_id).unwrap_err().stage();
    assert_eq!(stage(Tee::Tdx, fmspc, [0, 0]), Stage::TcbInfo);
    assert_eq!(stage(Tee::Sgx, fmspc, [0, 1]), Stage::TcbMatch);
    assert_eq!(stage(Tee::Sgx, [0; 6], [0, 0]), Stage::TcbMatch);
}

#[test]
fn other_forms_are_refused() {
    let good = document("SGX", "", &[level(&[1], 5, None, "UpToDate")]);
    assert!(TcbInfo::from_json(&good).is_ok());
    let tdx = document("TDX", &modules(), &[level(&[1], 5, Some(&[1]), "UpToDate")]);
    assert!(TcbInfo::from_json(&tdx).is_ok());
    let sixteen = components(&[1]);
    for (from, to) in [
        (r#""id":"SGX""#, r#""id":"sgx""#),
        (r#""id":"SGX""#, r#""id":"TDX""#),
        (r#""version":3"#, r#""version":2"#),
        (r#""version":3"#, r#""version":4"#),
        (r#""version":3"#, r#""version":"3""#),
        (r#""version":3"#, r#""version":3,"version":3"#),
        (r#""version":3"#, r#""version":3,"more":0"#),
        (r#""version":3,"#, ""),
        (r#""tcbType":0"#, r#""tcbType":1"#),
        ("2025-06-01T00:00:00Z", "2025-06-01T00:00:00+00:00"),
        ("2025-06-01T00:00:00Z", "2025-07-01T00:00:01Z"),
        ("00A067110000", "00A0671100"),
        ("00A067110000", "00A06711000G"),
        (r#""pcesvn":5"#, r#""pcesvn":65536"#),
        (r#""pcesvn":5"#, r#""pcesvn":-1"#),
        (r#"{"svn":1}"#, r#"{"svn":256}"#),
        (r#"{"svn":1}"#, r#"{"svn":1,"svn":1}"#),
        (r#"{"svn":1}"#, "[1]"),
        (r#"{"svn":1}"#, r#"{"svn":1},{"svn":1}"#),
        (r#"{"svn":1},"#, ""),
        ("UpToDate", "uptodate"),
        (r#""UpToDate""#, r#"{"UpToDate":null}"#),
        (r#""tcbDate""#, r#""tcbdate""#),
        (
            r#""pcesvn":5"#,
            &format!(r#""pcesvn":5,"tdxtcbcomponents":{sixteen}"#),
        ),
        (r#""tcbLevels""#, &format!(r#"{}"tcbLevels""#, modules())),
    ] {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        let refused = TcbInfo::from_json(&text).unwrap_err();
        assert_eq!(refused.stage(), Stage::TcbInfo, "{refused}");
        assert_eq!(refused.to_string().lines().count(), 1, "{refused}");
    }
    for (from, to) in [
        ("TDX_03", "TDX_3"),
        ("TDX_03", "TDX_00"),
        ("TDX_03", "03"),
        (r#""tdxModule":"#, r#""tdxModule":null,"x":"#),
        (r#","tdxtcbcomponents":"#, r#","tdxtcb":"#),
        (r#""isvsvn":5"#, r#""isvsvn":500"#),
        (r#""attributes":"00"#, r#""attributes":""#),
    ] {
        assert!(tdx.contains(from), "{from}");
        assert!(
            TcbInfo::from_json(&tdx.replacen(from, to, 1)).is_err(),
            "{to}"
        );
    }
}

#[test]
fn a_module_that_stands_twice_is_refused() {
    let text = document("TDX", &modules(), &[]);
    let (from, to) = (
        text.find(r#"{"id":"TDX_03""#).unwrap(),
        text.find("],\"tcbLevels\":[]").unwrap(),
    );
    let module = &text[from..to];
    let twice = text.replacen(module, &format!("{module},{module}"), 1);
    assert!(matches!(
        TcbInfo::from_json(&twice),
        Err(Error::Members { .. })
    ));
}

#[test]
fn words_on_components_are_read_over() {
    let text = document("SGX", "", &[level(&[1], 5, None, "UpToDate")]).replacen(
        r#"{"svn":1}"#,
        r#"{"svn":1,"category":"BIOS","type":"Early Microcode Update"}"#,
        1,
    );
    assert!(TcbInfo::from_json(&text).is_ok());
}
