//! Certificates: what is read, what is refused and as what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;

use forge::*;
use sconce_attestation::x509::{Certificate, Document, Error};
use sconce_attestation::{Fingerprint, Stage, Time, TrustAnchor};

fn read(der: &[u8]) -> Result<Certificate, Error> {
    Certificate::from_der(Document::Pck, der)
}

#[test]
fn an_honest_certificate_is_read_as_it_was_written() {
    let pki = Pki::new();
    let der = pki.pck_der();
    let certificate = read(&der).unwrap();
    assert_eq!(certificate.der(), der);
    assert_eq!(certificate.common_name(), "SIMULATED SGX PCK Certificate");
    assert_eq!(certificate.subject(), pki.pck_key.name);
    assert_eq!(certificate.issuer(), pki.ca_key.name);
    assert_eq!(certificate.key().as_bytes(), pki.pck_key.point());
    assert_eq!(certificate.serial().as_bytes(), [0x80, 3]);
    assert_eq!(certificate.serial().to_string(), "8003");
    assert_eq!(certificate.from().to_string(), "2025-06-01T00:00:00Z");
    assert_eq!(certificate.until().to_string(), "2035-06-29T00:00:00Z");
    let ca = Certificate::from_der(Document::PckCa, &pki.ca_der()).unwrap();
    assert_eq!(certificate.check_issuer(&ca), Ok(()));
}

#[test]
fn forms_that_are_not_of_this_pki_are_refused() {
    let pki = Pki::new();
    type Change = fn(&mut Form);
    let cases: &[(&str, Change)] = &[
        ("another version", |c| {
            c.version = tlv(EXPLICIT_0, &[&tlv(INTEGER, &[&[1]])]);
        }),
        // A length with a byte too many, and one that is not said.
        ("length", |c| {
            c.version = vec![EXPLICIT_0, 0x81, 3, INTEGER, 1, 2]
        }),
        ("indefinite", |c| {
            c.version = vec![EXPLICIT_0, 0x80, INTEGER, 1, 2, 0, 0];
        }),
        ("expected CONTEXT-SPECIFIC [0]", |c| c.version = Vec::new()),
        ("zero or over 20 bytes", |c| {
            c.serial = tlv(INTEGER, &[&[0]])
        }),
        ("zero or over 20 bytes", |c| {
            c.serial = tlv(INTEGER, &[&[1; 21]])
        }),
        // Negative, and with a zero too many.
        ("malformed", |c| c.serial = tlv(INTEGER, &[&[0x80, 1]])),
        ("canonical", |c| c.serial = tlv(INTEGER, &[&[0, 1]])),
        ("ECDSA with SHA-256", |c| c.algorithm[11] = 3),
        ("ECDSA with SHA-256", |c| c.outer_algorithm[11] = 3),
        ("ECDSA with SHA-256", |c| {
            let oid = c.algorithm[2..].to_vec();
            c.algorithm = tlv(SEQUENCE, &[&oid, &[5, 0]]);
            c.outer_algorithm = c.algorithm.clone();
        }),
        ("without a common name", |c| {
            c.issuer = name_of(&[(10, "SIM")])
        }),
        ("without a common name", |c| c.subject = tlv(SEQUENCE, &[])),
        ("has already", |c| {
            c.subject = name_of(&[(3, "SIMULATED"), (3, "Intel")])
        }),
        ("has already", |c| {
            c.subject = name_of(&[(10, "Intel"), (3, "x"), (10, "SIMULATION")]);
        }),
        // A street, an e-mail address.
        ("unknown part", |c| {
            c.subject = name_of(&[(3, "x"), (9, "y")])
        }),
        ("PrintableString", |c| {
            let text = tlv(PRINTABLE, &[b"a@b"]);
            let text = tlv(SEQUENCE, &[&tlv(OID, &[&[0x55, 4, 3]]), &text]);
            c.subject = tlv(SEQUENCE, &[&tlv(SET, &[&text])]);
        }),
        ("utf-8", |c| {
            let text = tlv(UTF8, &[&[0xff]]);
            let text = tlv(SEQUENCE, &[&tlv(OID, &[&[0x55, 4, 3]]), &text]);
            c.subject = tlv(SEQUENCE, &[&tlv(SET, &[&text])]);
        }),
        // Two attributes in one RDN.
        ("trailing", |c| {
            let one = |kind, text: &[u8]| {
                tlv(
                    SEQUENCE,
                    &[&tlv(OID, &[&[0x55, 4, kind]]), &tlv(UTF8, &[text])],
                )
            };
            let rdn = tlv(SET, &[&one(3, b"SIMULATED"), &one(10, b"x")]);
            c.subject = tlv(SEQUENCE, &[&rdn]);
        }),
        ("before it begins", |c| {
            c.validity = validity(UTC, b"250601000000Z", UTC, b"250531235959Z");
        }),
        ("another century", |c| {
            c.validity = validity(UTC, b"250601000000Z", GENERALIZED, b"20350601000000Z");
        }),
        ("malformed", |c| {
            c.validity = validity(UTC, b"250601000000Z", UTC, b"350231000000Z")
        }),
        ("malformed", |c| {
            c.validity = validity(UTC, b"2506010000Z", UTC, b"350629000000Z")
        }),
        ("malformed", |c| {
            c.validity = validity(UTC, b"250601000000Z", UTC, b"350629000000+0000");
        }),
        ("point of P-256", |c| c.key[10] ^= 1),
        // Compressed, and without the last byte.
        ("point of P-256", |c| c.key[26] = 2),
        ("point of P-256", |c| {
            c.key.pop();
            c.key[1] -= 1;
            c.key[24] -= 1;
        }),
        ("second time", |c| {
            let again = c.extensions[0].clone();
            c.extensions.push(again);
        }),
        ("more extensions", |c| {
            for number in 0..20 {
                c.extensions
                    .push(extension(&[0x55, 0x1d, 64 + number], false, &[]));
            }
        }),
        ("not understood", |c| {
            c.extensions
                .push(extension(NAME_CONSTRAINTS, true, &tlv(SEQUENCE, &[])));
        }),
        ("not understood", |c| {
            let content = platform_content();
            c.extensions[2] = extension(PLATFORM, true, &content);
        }),
        ("must be", |c| {
            c.extensions[1] = extension(BASIC_CONSTRAINTS, false, &tlv(SEQUENCE, &[]));
        }),
        ("must be", |c| {
            c.extensions[0] = extension(KEY_USAGE, false, &tlv(BITS, &[&[7, 0x80]]));
        }),
        ("default value", |c| {
            let content = tlv(OCTETS, &[&tlv(SEQUENCE, &[])]);
            let parts = [&tlv(OID, &[SUBJECT_KEY])[..], &FALSE, &content];
            c.extensions[2] = tlv(SEQUENCE, &parts);
        }),
        ("default value", |c| {
            c.extensions[1] = extension(BASIC_CONSTRAINTS, true, &tlv(SEQUENCE, &[&FALSE]));
        }),
        ("without a CA", |c| {
            let content = tlv(SEQUENCE, &[&tlv(INTEGER, &[&[0]])]);
            c.extensions[1] = extension(BASIC_CONSTRAINTS, true, &content);
        }),
        // TRUE is FF and nothing else.
        ("canonical", |c| {
            let content = tlv(SEQUENCE, &[&[1, 1, 1]]);
            c.extensions[1] = extension(BASIC_CONSTRAINTS, true, &content);
        }),
        ("last use", |c| c.extensions[0] = usage(5, 0b1100_0000)),
        ("last use", |c| c.extensions[0] = usage(0, 0)),
        ("last use", |c| c.extensions[0] = usage(6, 0b1100_0001)),
        ("last use", |c| {
            c.extensions[0] = extension(KEY_USAGE, true, &tlv(BITS, &[&[0]]));
        }),
        ("trailing", |c| {
            let content = [tlv(SEQUENCE, &[]), vec![0]].concat();
            c.extensions[1] = extension(BASIC_CONSTRAINTS, true, &content);
        }),
        ("trailing", |c| c.more = tlv(0x80, &[&[1]])),
        ("incomplete", |c| c.extensions.clear()),
    ];
    let mut wrong = Vec::new();
    for (says, change) in cases {
        let mut certificate = pki.pck.clone();
        change(&mut certificate);
        let error = read(&certificate.signed(&pki.ca_key)).unwrap_err();
        let text = error.to_string();
        if !text.starts_with("PCK certificate: ") || !text.contains(says) {
            wrong.push(format!("{text}: should say {says}"));
        }
        assert_eq!(error.stage(), Stage::Chain);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn validity(kind: u8, from: &[u8], other: u8, until: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(kind, &[from]), &tlv(other, &[until])])
}

#[test]
fn years_after_2049_have_four_digits() {
    let mut pki = Pki::new();
    pki.pck.validity = validity(UTC, b"500101000000Z", GENERALIZED, b"99991231235959Z");
    let certificate = read(&pki.pck_der());
    // Two digits from 50 on are of the last century.
    assert!(certificate.is_err());
    pki.pck.validity = validity(UTC, b"491231235959Z", GENERALIZED, b"20500101000000Z");
    let certificate = read(&pki.pck_der()).unwrap();
    assert_eq!(certificate.from().to_string(), "2049-12-31T23:59:59Z");
    assert_eq!(certificate.until().to_string(), "2050-01-01T00:00:00Z");
}

#[test]
fn both_ends_of_its_time_belong_to_it() {
    let certificate = read(&Pki::new().pck_der()).unwrap();
    let (from, until) = (certificate.from(), certificate.until());
    assert_eq!(certificate.check_time(from), Ok(()));
    assert_eq!(certificate.check_time(until), Ok(()));
    let before = Time::from_unix(from.unix() - 1);
    let after = Time::from_unix(until.unix() + 1);
    for (now, text) in [
        (before, "from 2025-06-01T00:00:00Z"),
        (after, "until 2035-06-29T00:00:00Z"),
    ] {
        let error = certificate.check_time(now).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.stage(), Stage::Time);
    }
}

/// Every bit of a certificate matters: none can be changed so that it still is one of its issuer's.
#[test]
fn no_bit_can_be_flipped() {
    let pki = Pki::new();
    let ca = Certificate::from_der(Document::PckCa, &pki.ca_der()).unwrap();
    let der = pki.pck_der();
    let mut unread = 0;
    for bit in 0..der.len() * 8 {
        let mut flipped = der.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match read(&flipped) {
            Err(_) => unread += 1,
            Ok(certificate) => {
                assert!(
                    certificate.check_issuer(&ca).is_err(),
                    "bit {bit} is flipped"
                );
            }
        }
    }
    println!(
        "{} bits: {unread} leave no certificate, the others no signature",
        der.len() * 8
    );
    assert!(unread > 0);
}

#[test]
fn neither_a_longer_nor_a_shorter_text_is_read() {
    let der = Pki::new().pck_der();
    for length in 0..der.len() {
        assert!(read(&der[..length]).is_err(), "{length} bytes");
    }
    for more in [0, 5, 0x30] {
        assert!(read(&[&der[..], &[more]].concat()).is_err());
    }
}

#[test]
fn an_issuer_needs_name_key_and_signature() {
    let pki = Pki::new();
    let other = Pki::new();
    let certificate = read(&pki.pck_der()).unwrap();
    let read_ca = |der: &[u8]| Certificate::from_der(Document::PckCa, der).unwrap();

    // The same names, other keys: the key identifiers tell, and without them the signature.
    let error = certificate
        .check_issuer(&read_ca(&other.ca_der()))
        .unwrap_err();
    assert!(matches!(error, Error::Issuer { .. }), "{error}");
    let mut anonymous = other.ca.clone();
    anonymous.extensions.truncate(2);
    let anonymous = read_ca(&anonymous.signed(&other.root_key));
    let error = certificate.check_issuer(&anonymous).unwrap_err();
    assert!(matches!(error, Error::Signature { .. }), "{error}");

    // The right key under another name.
    let mut renamed = pki.ca.clone();
    renamed.subject = name("SIMULATED SGX PCK Processor CA");
    let renamed = read_ca(&renamed.signed(&pki.root_key));
    let error = certificate.check_issuer(&renamed).unwrap_err();
    assert!(matches!(error, Error::Issuer { .. }), "{error}");
    assert_eq!(error.stage(), Stage::Chain);
}

#[test]
fn a_key_that_is_no_point_of_the_curve_signs_nothing() {
    let pki = Pki::new();
    let certificate = read(&pki.pck_der()).unwrap();
    let mut off = pki.ca.clone();
    *off.key.last_mut().unwrap() ^= 1;
    off.extensions.truncate(2);
    let off = Certificate::from_der(Document::PckCa, &off.signed(&pki.root_key)).unwrap();
    let error = certificate.check_issuer(&off).unwrap_err();
    assert!(matches!(error, Error::Signature { .. }), "{error}");
}

#[test]
fn a_simulated_root_takes_its_fingerprint() {
    let pki = Pki::new();
    let right = Fingerprint::of(pki.root_der());
    let anchor = TrustAnchor::simulated(pki.root_der(), right).unwrap();
    assert_eq!(anchor.simulated_fingerprint(), Some(right));
    assert_eq!(right.to_string().parse(), Ok(right));

    let other = Fingerprint::of(Pki::new().root_der());
    let error = TrustAnchor::simulated(pki.root_der(), other).unwrap_err();
    assert!(matches!(error, Error::Fingerprint { .. }), "{error}");
    assert_eq!(error.stage(), Stage::Root);

    let genuine = TrustAnchor::intel();
    assert_eq!(genuine.simulated_fingerprint(), None);
    let fingerprint = Fingerprint::of(genuine.root_der());
    let error = TrustAnchor::simulated(genuine.root_der(), fingerprint).unwrap_err();
    assert_eq!(error, Error::GenuineRoot);
    assert_eq!(error.stage(), Stage::Root);
}

#[test]
fn a_simulated_root_is_a_root() {
    let pki = Pki::new();
    let refused = |der: &[u8]| TrustAnchor::simulated(der, Fingerprint::of(der)).unwrap_err();

    let mut leaf = pki.root.clone();
    leaf.extensions[1] = no_ca();
    let error = refused(&leaf.signed(&pki.root_key));
    assert!(matches!(error, Error::Role { .. }), "{error}");

    let mut short = pki.root.clone();
    short.extensions[1] = ca(Some(0));
    let error = refused(&short.signed(&pki.root_key));
    assert!(error.to_string().contains("no room"), "{error}");

    let error = refused(&pki.ca_der());
    assert_eq!(error.stage(), Stage::Root);
    let error = refused(&pki.root.signed(&pki.ca_key));
    assert!(matches!(error, Error::Signature { .. }), "{error}");
    assert_eq!(refused(b"root").stage(), Stage::Root);
}

#[test]
fn fingerprints_have_one_text() {
    let fingerprint = Fingerprint::from_bytes([0xab; 32]);
    let text = fingerprint.to_string();
    assert_eq!(text, format!("sim:{}", "ab".repeat(32)));
    assert_eq!(
        Fingerprint::from_bytes(*fingerprint.as_bytes()),
        fingerprint
    );
    for wrong in [
        text.to_uppercase(),
        text.replace("ab", "AB"),
        text.replace("sim:", ""),
        text.replace("sim:", "sgx:"),
        format!("{text}0"),
        format!("{text} "),
        text[..text.len() - 2].to_owned(),
        String::new(),
    ] {
        assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
    }
}
