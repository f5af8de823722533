//! What Intel issued: as it is, changed, and as text.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::certificate::GENUINE;

/// The documents, the platform's extension, changes to each, and the chain of the CA.
pub(super) fn all() -> Vec<Vec<u8>> {
    let whole = GENUINE.map(|(_, der)| der.to_vec());
    let [root, _, ca, pck] = &whole;
    let text = [pem(ca), pem(root)].concat();
    let changes = (0..).zip(&whole).flat_map(|(which, _)| {
        [
            vec![which],
            vec![which, 0, 12, 1, 1, 0, 3],
            vec![which, 0, 9, 0],
        ]
    });
    let extension = extension(pck);
    let mut seeds: Vec<_> = changes.collect();
    seeds.extend(whole.clone());
    seeds.extend([extension, text]);
    seeds
}

fn pem(der: &[u8]) -> Vec<u8> {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).collect();
    let begin = b"-----BEGIN CERTIFICATE-----\n";
    let end = b"\n-----END CERTIFICATE-----\n";
    [&begin[..], &lines.join(&b'\n'), end].concat()
}

/// The content of the platform's extension: what follows its identifier and the headers of its string.
fn extension(pck: &[u8]) -> Vec<u8> {
    const IDENTIFIER: [u8; 11] = [
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01,
    ];
    let mut windows = pck.windows(IDENTIFIER.len());
    let at = windows.position(|window| window == IDENTIFIER).unwrap() + IDENTIFIER.len();
    let string = &pck[at..];
    let length = usize::from(u16::from_be_bytes([string[2], string[3]]));
    string[4..4 + length].to_vec()
}
