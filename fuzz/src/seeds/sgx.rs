//! Measurement streams and SIGSTRUCTs.

use sgx::sgxs::{Parameters, Writer};
use sgx::{CHUNK_SIZE, Digest, Kind, Mrenclave, Permissions, SecInfo};

use crate::sigstruct;

/// Pages of each kind: measured, not measured, in part; and a stream that is cut off.
pub(super) fn streams() -> Vec<Vec<u8>> {
    let parameters = Parameters {
        ssa_frame_size: 1,
        size: 0x4000,
    };
    let (writer, begin) = Writer::create(parameters).unwrap();
    let stream = |pages: &dyn Fn(&mut Writer) -> Vec<u8>| {
        let pages = pages(&mut writer.clone());
        [&[160], &begin[..], &pages].concat()
    };
    let [code, data] = [Permissions::RX, Permissions::RW].map(SecInfo::reg);
    let chunk = [0x5a; CHUNK_SIZE];
    let in_part = |writer: &mut Writer| {
        let mut pages = writer.add(0x1000, code).unwrap().to_vec();
        pages.extend_from_slice(writer.extend(0x1000, &chunk).unwrap());
        pages.extend_from_slice(writer.load(0x1700, &chunk).unwrap());
        pages.extend_from_slice(writer.extend(0x1f00, &chunk).unwrap());
        pages.extend_from_slice(writer.add(0x3000, data).unwrap());
        pages
    };
    let thread = |writer: &mut Writer| writer.zero_page(0x2000, SecInfo::TCS).unwrap().to_vec();
    let cut = |writer: &mut Writer| in_part(writer)[..500].to_vec();
    vec![
        stream(&|_| Vec::new()),
        stream(&in_part),
        stream(&thread),
        stream(&cut),
    ]
}

/// One that holds, changes to it, and texts.
pub(super) fn sigstructs() -> Vec<Vec<u8>> {
    let mut seeds = vec![sigstruct::GOOD.to_vec(), Vec::new()];
    // Header, date, modulus, exponent, signature, mask, hash, Q1, Q2.
    for at in [0u16, 20, 128, 512, 516, 944, 960, 1040, 1424] {
        let [high, low] = at.to_be_bytes();
        seeds.push(vec![high, low, 0xff]);
    }
    let digest = Digest::Mrenclave(Kind::Sim, Mrenclave([0xab; 32]));
    let texts = [
        "2024-02-29".to_owned(),
        "1709164800".to_owned(),
        digest.to_string(),
    ];
    seeds.extend(texts.map(String::into_bytes));
    seeds
}
