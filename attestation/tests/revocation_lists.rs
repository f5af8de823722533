//! Revocation lists: what is read, what is refused and as what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;

use forge::*;
use sconce_attestation::x509::{Certificate, Document, Error, RevocationList};
use sconce_attestation::{Stage, Time};

fn read(der: &[u8]) -> Result<RevocationList, Error> {
    RevocationList::from_der(Document::PckCrl, der)
}

#[test]
fn an_honest_list_is_read_as_it_was_written() {
    let pki = Pki::new();
    for numbers in [&[][..], &[9], &[200, 3, 7]] {
        let list = read(&List::new(&pki.ca_key, numbers).signed(&pki.ca_key)).unwrap();
        assert_eq!(list.len(), numbers.len());
        assert_eq!(list.is_empty(), numbers.is_empty());
        assert_eq!(list.from().to_string(), "2025-06-30T00:00:00Z");
        assert_eq!(list.until().to_string(), "2025-07-30T00:00:00Z");
        assert_eq!(list.check_time(list.from()), Ok(()));
        assert_eq!(list.check_time(list.until()), Ok(()));
        let late = Time::from_unix(list.until().unix() + 1);
        assert_eq!(list.check_time(late).unwrap_err().stage(), Stage::Time);
        let early = Time::from_unix(list.from().unix() - 1);
        assert_eq!(list.check_time(early).unwrap_err().stage(), Stage::Time);
    }
}

#[test]
fn lists_that_are_partial_or_of_others_are_refused() {
    let pki = Pki::new();
    type Change = fn(&mut List);
    let cases: &[(&str, Change)] = &[
        ("another version", |l| l.version = tlv(INTEGER, &[&[0]])),
        ("expected INTEGER", |l| l.version = Vec::new()),
        ("ECDSA with SHA-256", |l| l.algorithm[11] = 4),
        ("without a common name", |l| l.issuer = tlv(SEQUENCE, &[])),
        ("before it begins", |l| {
            l.until = tlv(UTC, &[b"250629235959Z"]);
        }),
        // Without the time of the next, nobody knows when to ask.
        ("UTCTime", |l| l.until = Vec::new()),
        ("another century", |l| {
            l.until = tlv(GENERALIZED, &[b"20250730000000Z"]);
        }),
        ("incomplete", |l| l.entries = Some(Vec::new())),
        ("revoked twice", |l| {
            let one = List::entry(&[5], &[]);
            l.entries = Some(vec![one.clone(), List::entry(&[4], &[]), one]);
        }),
        ("zero or over", |l| {
            l.entries = Some(vec![List::entry(&[0], &[])])
        }),
        ("zero or over", |l| {
            l.entries = Some(vec![List::entry(&[1; 21], &[])]);
        }),
        // Of another CA's certificates: an indirect list.
        ("not understood", |l| {
            let issuer = extension(CERTIFICATE_ISSUER, true, &tlv(SEQUENCE, &[]));
            l.entries = Some(vec![List::entry(&[5], &[&issuer])]);
        }),
        ("second time", |l| {
            let reason = extension(REASON, false, &tlv(ENUMERATED, &[&[1]]));
            l.entries = Some(vec![List::entry(&[5], &[&reason, &reason])]);
        }),
        // Of some certificates, of changes only.
        ("not understood", |l| {
            l.extensions
                .push(extension(ISSUING_POINT, true, &tlv(SEQUENCE, &[])));
        }),
        ("not understood", |l| {
            l.extensions
                .push(extension(DELTA_CRL, true, &tlv(INTEGER, &[&[1]])));
        }),
        // The same, and not said to be critical, which they must be.
        ("partial or an indirect", |l| {
            l.extensions
                .push(extension(ISSUING_POINT, false, &tlv(SEQUENCE, &[])));
        }),
        ("partial or an indirect", |l| {
            l.extensions
                .push(extension(DELTA_CRL, false, &tlv(INTEGER, &[&[1]])));
        }),
        ("partial or an indirect", |l| {
            let issuer = extension(CERTIFICATE_ISSUER, false, &tlv(SEQUENCE, &[]));
            l.entries = Some(vec![List::entry(&[5], &[&issuer])]);
        }),
        ("incomplete", |l| l.extensions.clear()),
        ("second time", |l| {
            let number = l.extensions[0].clone();
            l.extensions.push(number);
        }),
    ];
    let mut wrong = Vec::new();
    for (says, change) in cases {
        let mut list = List::new(&pki.ca_key, &[9]);
        change(&mut list);
        let Err(error) = read(&list.signed(&pki.ca_key)) else {
            wrong.push(format!("accepted: {says}"));
            continue;
        };
        let text = error.to_string();
        if !text.starts_with("PCK revocation list: ") || !text.contains(says) {
            wrong.push(format!("{text}: should say {says}"));
        }
        assert_eq!(error.stage(), Stage::Crl);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn entries_may_have_reasons() {
    let pki = Pki::new();
    let reason = extension(REASON, false, &tlv(ENUMERATED, &[&[1]]));
    let mut list = List::new(&pki.ca_key, &[]);
    list.entries = Some(vec![List::entry(&[5], &[&reason]), List::entry(&[4], &[])]);
    assert_eq!(read(&list.signed(&pki.ca_key)).unwrap().len(), 2);
}

#[test]
fn no_bit_can_be_flipped() {
    let pki = Pki::new();
    let ca = Certificate::from_der(Document::PckCa, &pki.ca_der()).unwrap();
    let der = List::new(&pki.ca_key, &[3, 9]).signed(&pki.ca_key);
    assert_eq!(read(&der).unwrap().check_issuer(&ca), Ok(()));
    for bit in 0..der.len() * 8 {
        let mut flipped = der.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(list) = read(&flipped) {
            assert!(list.check_issuer(&ca).is_err(), "bit {bit} is flipped");
        }
    }
}

#[test]
fn neither_a_longer_nor_a_shorter_text_is_read() {
    let pki = Pki::new();
    let der = List::new(&pki.ca_key, &[3]).signed(&pki.ca_key);
    for length in 0..der.len() {
        assert!(read(&der[..length]).is_err(), "{length} bytes");
    }
    assert!(read(&[&der[..], &[0]].concat()).is_err());
}

#[test]
fn a_list_is_of_the_ca_that_signed_it() {
    let pki = Pki::new();
    let anchor = pki.anchor();
    let root_list = |signer: &Signer| {
        let list = List::new(&pki.root_key, &[]).signed(signer);
        RevocationList::from_der(Document::RootCrl, &list).unwrap()
    };
    assert!(anchor.root_crl(root_list(&pki.root_key)).is_ok());
    let error = anchor.root_crl(root_list(&pki.ca_key)).unwrap_err();
    assert!(matches!(error, Error::Signature { .. }), "{error}");
    assert_eq!(error.stage(), Stage::Crl);

    // The right signature under another name, and the list of another CA in its place.
    let mut renamed = List::new(&pki.root_key, &[]);
    renamed.issuer = name("SIMULATED SGX PCK Platform CA");
    let renamed = renamed.signed(&pki.root_key);
    let renamed = RevocationList::from_der(Document::RootCrl, &renamed).unwrap();
    let error = anchor.root_crl(renamed).unwrap_err();
    assert!(matches!(error, Error::Issuer { .. }), "{error}");
    let error = pki.verified_ca().crl(root_list(&pki.root_key)).unwrap_err();
    assert!(matches!(error, Error::Issuer { .. }), "{error}");
    assert_eq!(error.stage(), Stage::Crl);
}

/// The memory for a list is bounded by its length, and finding a number in it does not take
/// reading all of it.
#[test]
fn a_long_list_is_read() {
    let pki = Pki::new();
    let mut list = List::new(&pki.ca_key, &[]);
    let numbers = (1..2500_u16).rev();
    list.entries = Some(
        numbers
            .map(|number| List::entry(&[&[1], &number.to_be_bytes()[..]].concat(), &[]))
            .collect(),
    );
    assert_eq!(read(&list.signed(&pki.ca_key)).unwrap().len(), 2499);
}
