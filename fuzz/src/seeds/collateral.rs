//! Collateral, and the documents in it.

use crate::collateral::GENUINE;

/// One document of each kind, collateral as a whole, and changes to each part.
pub(super) fn collateral() -> Vec<Vec<u8>> {
    let genuine = &GENUINE.collateral;
    let mut seeds = vec![
        genuine.tcb_info.clone().into_bytes(),
        tdx(&genuine.tcb_info).into_bytes(),
        genuine.qe_identity.clone().into_bytes(),
        GENUINE.json.clone().into_bytes(),
    ];
    for part in 0..8 {
        // Nothing; a line end of a PEM text, or whatever stands there; a digit.
        seeds.push(vec![part]);
        seeds.push(vec![part, 0, 27, b' ']);
        seeds.push(vec![part, 1, 0, b'0', 2, 0, b'}']);
    }
    seeds
}

/// The TCB info as one of TDX: its levels have no components of TDX, so that it lacks them.
fn tdx(sgx: &str) -> String {
    let (zero, mask) = ("00".repeat(48), "FF".repeat(8));
    let module =
        format!(r#""mrsigner":"{zero}","attributes":"0000000000000000","attributesMask":"{mask}""#);
    let level = r#"{"tcb":{"isvsvn":3},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"UpToDate"}"#;
    let components = format!(
        "[{}]",
        [r#"{"svn":5,"category":"OS/VMM","type":"a"}"#; 16].join(",")
    );
    sgx.replace(r#""id":"SGX""#, r#""id":"TDX""#).replace(
        r#""tcbLevels":["#,
        &format!(
            r#""tdxModule":{{{module}}},"tdxModuleIdentities":[{{"id":"TDX_03",{module},"tcbLevels":[{level}]}}],"tcbLevels":["#
        ),
    ).replace(r#","pcesvn""#, &format!(r#","tdxtcbcomponents":{components},"pcesvn""#))
}
