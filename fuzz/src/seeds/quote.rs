//! Quotes and what is beside them.

use sgx::{KeyRequest, Report, TargetInfo};

use crate::quote;

/// One of each form, whole, padded and cut; changes to each; the other structures; a text.
pub(super) fn quotes() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for form in 0..6 {
        let whole = quote::sample(form);
        seeds.push(whole[..whole.len() - 20].to_vec());
        seeds.push([&whole[..], &[0; 70]].concat());
        seeds.push(whole);
        // Version, key type, TEE type, vendor, body, signature section, envelope.
        for at in [0u16, 2, 4, 12, 48, 52, 432, 564, 632, 638, 766, 1012] {
            let [high, low] = at.to_be_bytes();
            seeds.push(vec![form, high, low, 0xff]);
        }
    }
    seeds.push(vec![0; Report::SIZE]);
    seeds.push(vec![0; TargetInfo::SIZE]);
    seeds.push([&[4, 0, 2, 0][..], &[0; KeyRequest::SIZE - 4]].concat());
    seeds.push(format!("tdx:mrtd:{}", "ab".repeat(48)).into_bytes());
    seeds
}
