//! What a platform's certificate says of it: the extension, field by field.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;

use forge::*;
use sconce_attestation::Stage;
use sconce_attestation::pck::{Configuration, Extension, SgxType, Tcb};

fn read(fields: &[Vec<u8>]) -> Result<Extension, String> {
    let der = tlv(SEQUENCE, &[&fields.concat()]);
    Extension::from_der(&der).map_err(|error| {
        assert_eq!(error.stage(), Stage::Chain);
        error.to_string()
    })
}

#[test]
fn every_field_is_read() {
    let components = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let mut expected = Extension {
        ppid: [0xaa; 16],
        tcb: Tcb {
            components,
            pcesvn: 13,
            cpusvn: [7; 16],
        },
        pce_id: [0, 1],
        fmspc: [1, 2, 3, 4, 5, 6],
        sgx_type: SgxType::Scalable,
        platform_instance_id: Some([0xbb; 16]),
        configuration: Some(Configuration {
            dynamic_platform: Some(true),
            cached_keys: Some(false),
            smt: Some(true),
        }),
    };
    let mut fields = platform_fields();
    assert_eq!(read(&fields), Ok(expected.clone()));

    // A setting that is not given is not known; a platform of one package has neither.
    fields[6] = platform_field(&[7], &tlv(SEQUENCE, &[&platform_field(&[7, 3], &FALSE)]));
    expected.configuration = Some(Configuration {
        dynamic_platform: None,
        cached_keys: None,
        smt: Some(false),
    });
    assert_eq!(read(&fields), Ok(expected.clone()));
    fields.truncate(5);
    expected.platform_instance_id = None;
    expected.configuration = None;
    assert_eq!(read(&fields), Ok(expected.clone()));

    for (number, sgx_type) in [
        (0, SgxType::Standard),
        (1, SgxType::Scalable),
        (2, SgxType::ScalableWithIntegrity),
    ] {
        fields[4] = platform_field(&[5], &tlv(ENUMERATED, &[&[number]]));
        expected.sgx_type = sgx_type;
        assert_eq!(read(&fields), Ok(expected.clone()));
    }
}

#[test]
fn other_forms_are_refused() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let cases: &[(&str, Change)] = &[
        ("should not stand here", |f| f.swap(2, 3)),
        ("should not stand here", |f| {
            f.remove(0);
        }),
        ("should not stand here", |f| {
            let twice = f[0].clone();
            f.insert(0, twice);
        }),
        ("should not stand here", |f| {
            f.remove(5);
        }),
        ("incomplete", |f| f.truncate(6)),
        ("incomplete", |f| f.truncate(4)),
        ("incomplete", Vec::clear),
        ("trailing", |f| {
            let more = platform_field(&[8], &TRUE);
            f.push(more);
        }),
        ("another length", |f| {
            f[0] = platform_field(&[1], &tlv(OCTETS, &[&[1; 15]]))
        }),
        ("another length", |f| {
            f[2] = platform_field(&[3], &tlv(OCTETS, &[&[1; 3]]))
        }),
        ("another length", |f| {
            f[3] = platform_field(&[4], &tlv(OCTETS, &[]))
        }),
        ("another length", |f| {
            f[5] = platform_field(&[6], &tlv(OCTETS, &[&[1; 17]]))
        }),
        ("OCTET STRING", |f| {
            f[0] = platform_field(&[1], &tlv(UTF8, &[&[1; 16]]))
        }),
        ("unknown type", |f| {
            f[4] = platform_field(&[5], &tlv(ENUMERATED, &[&[3]]))
        }),
        ("ENUMERATED", |f| {
            f[4] = platform_field(&[5], &tlv(INTEGER, &[&[1]]))
        }),
        ("trailing", |f| {
            f[4] = platform_field(&[5], &tlv(ENUMERATED, &[&[0, 1]]))
        }),
        // 256, a negative number, a zero too many: none is a component's SVN.
        ("", |f| component(f, &[1, 0])),
        ("", |f| component(f, &[0x80])),
        ("", |f| component(f, &[0, 1])),
        ("", |f| component(f, &[])),
        ("unknown setting", |f| {
            f[6] = platform_field(&[7], &tlv(SEQUENCE, &[&platform_field(&[7, 4], &TRUE)]));
        }),
        ("out of order", |f| {
            let (first, second) = (
                platform_field(&[7, 1], &TRUE),
                platform_field(&[7, 2], &TRUE),
            );
            f[6] = platform_field(&[7], &tlv(SEQUENCE, &[&second, &first]));
        }),
        ("given twice", |f| {
            let first = platform_field(&[7, 1], &TRUE);
            f[6] = platform_field(&[7], &tlv(SEQUENCE, &[&first, &first]));
        }),
        ("canonical", |f| {
            f[6] = platform_field(
                &[7],
                &tlv(SEQUENCE, &[&platform_field(&[7, 1], &[1, 1, 1])]),
            );
        }),
    ];
    let mut wrong = Vec::new();
    for (says, change) in cases {
        let mut fields = platform_fields();
        change(&mut fields);
        match read(&fields) {
            Ok(_) => wrong.push(format!("accepted: {says}")),
            Err(text) if text.contains(says) => {}
            Err(text) => wrong.push(format!("{text}: should say {says}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Component 9 gets another number.
fn component(fields: &mut [Vec<u8>], number: &[u8]) {
    let old = platform_field(&[2, 9], &tlv(INTEGER, &[&[9]]));
    let new = platform_field(&[2, 9], &tlv(INTEGER, &[number]));
    let tcb = &fields[1];
    let at = tcb.windows(old.len()).position(|part| part == old).unwrap();
    // Behind the headers of the field, its identifier and the sequence.
    let begin = 4 + 12 + 4;
    let content = [&tcb[begin..at], &new, &tcb[at + old.len()..]].concat();
    fields[1] = platform_field(&[2], &tlv(SEQUENCE, &[&content]));
}

#[test]
fn every_cut_is_refused() {
    let der = platform_content();
    for length in 0..der.len() {
        assert!(Extension::from_der(&der[..length]).is_err());
    }
    assert!(Extension::from_der(&[&der[..], &[0]].concat()).is_err());
}
