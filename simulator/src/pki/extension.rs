//! What a PCK certificate says of its machine: the SGX extension.

use crate::tcb::Tcb;

/// The SGX extension of a PCK certificate (Intel, "SGX PCK Certificate and Certificate Revocation List
/// Profile Specification", 1.3.5).
#[derive(Clone)]
pub(crate) struct Pck {
    /// The machine's provisioning id.
    pub(crate) ppid: [u8; 16],
    pub(crate) tcb: Tcb,
    pub(crate) pce_id: [u8; 2],
    pub(crate) fmspc: [u8; 6],
    /// What only machines of the platform authority have.
    pub(crate) instance: Option<[u8; 16]>,
}

impl Pck {
    /// Its object identifier.
    pub(crate) const OID: &[u64] = &[1, 2, 840, 113_741, 1, 13, 1];

    /// Its content (DER).
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let mut fields = vec![
            field(&[1], octets(&self.ppid)),
            field(&[2], self.tcb()),
            field(&[3], octets(&self.pce_id)),
            field(&[4], octets(&self.fmspc)),
        ];
        match self.instance {
            // SGX type: standard.
            None => fields.push(field(&[5], value(ENUMERATED, &[0]))),
            Some(instance) => fields.extend([
                // SGX type: scalable.
                field(&[5], value(ENUMERATED, &[1])),
                field(&[6], octets(&instance)),
                field(&[7], configuration()),
            ]),
        }
        sequence(fields)
    }

    fn tcb(&self) -> Vec<u8> {
        let mut fields: Vec<Vec<u8>> = (1..)
            .zip(self.tcb.components)
            .map(|(number, svn)| field(&[2, number], integer(svn.into())))
            .collect();
        fields.push(field(&[2, 17], integer(self.tcb.pcesvn)));
        fields.push(field(&[2, 18], octets(&self.tcb.cpusvn())));
        sequence(fields)
    }
}

/// Packages cannot be added; keys are not cached with the vendor; hyperthreads are on.
fn configuration() -> Vec<u8> {
    let values = [(1, false), (2, false), (3, true)];
    sequence(
        values
            .into_iter()
            .map(|(number, is)| field(&[7, number], value(BOOLEAN, &[if is { 0xff } else { 0 }])))
            .collect(),
    )
}

const BOOLEAN: u8 = 1;
const INTEGER: u8 = 2;
const OCTET_STRING: u8 = 4;
const OBJECT_IDENTIFIER: u8 = 6;
const ENUMERATED: u8 = 10;
const SEQUENCE: u8 = 0x30;

/// [`Pck::OID`], encoded.
const ARC: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01];

/// An identifier below [`Pck::OID`], and its value.
fn field(below: &[u8], value: Vec<u8>) -> Vec<u8> {
    let identifier = [&ARC, below].concat();
    sequence(vec![self::value(OBJECT_IDENTIFIER, &identifier), value])
}

fn sequence(parts: Vec<Vec<u8>>) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    value(OCTET_STRING, bytes)
}

/// The fewest bytes with a clear sign bit.
fn integer(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    match (high, low) {
        (0, 0..0x80) => value(INTEGER, &[low]),
        (0..0x80, _) => value(INTEGER, &[high, low]),
        _ => value(INTEGER, &[0, high, low]),
    }
}

/// Tag, length, content.
fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        length @ 0..0x80 => bytes.push(length as u8),
        length @ 0x80..0x100 => bytes.extend([0x81, length as u8]),
        length => {
            bytes.push(0x82);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_fewest_bytes() {
        for (number, bytes) in [
            (0, &[2, 1, 0][..]),
            (0x7f, &[2, 1, 0x7f]),
            (0x80, &[2, 2, 0, 0x80]),
            (0xff, &[2, 2, 0, 0xff]),
            (0x7fff, &[2, 2, 0x7f, 0xff]),
            (0x8000, &[2, 3, 0, 0x80, 0]),
        ] {
            assert_eq!(integer(number), bytes, "{number}");
        }
    }

    #[test]
    fn it_is_written_as_intel_writes_it() {
        // The extension of the certificate in the first of the vectors' real TDX quotes.
        let pck = Pck {
            ppid: [
                0x81, 0x1d, 0xca, 0x2a, 0x26, 0xb9, 0x52, 0xe8, 0x5b, 0xb6, 0x44, 0x8b, 0x09, 0x7b,
                0xa4, 0xfd,
            ],
            tcb: Tcb {
                components: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
                pcesvn: 11,
            },
            pce_id: [0, 0],
            fmspc: [0xb0, 0xc0, 0x6f, 0, 0, 0],
            instance: Some([7; 16]),
        };
        let der = pck.to_der();
        assert!(der.starts_with(&[0x30, 0x82, 0x02, 0x26, 0x30, 0x1e, 0x06, 0x0a]));
        assert_eq!(der.len(), 554);
    }
}
