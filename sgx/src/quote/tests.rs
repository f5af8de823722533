use proptest::prelude::*;

use super::*;
use crate::bytes::Reserved;
use crate::report::ReportBody;

const ATTESTATION_KEY: [u8; 64] = [2; 64];

fn header(version: Version) -> Header {
    Header {
        version,
        qe_svn: 8,
        pce_svn: 13,
        vendor: INTEL_VENDOR,
        user_data: *b"a platform, 20 bytes",
    }
}

fn enclave() -> Body {
    let mut bytes = [0; ReportBody::SIZE];
    bytes[64] = 7;
    bytes[320] = 9;
    Body::Sgx(ReportBody::parse(&bytes).unwrap())
}

fn td_1_0() -> Body {
    let bytes: [u8; TdReport::SIZE_1_0] = core::array::from_fn(|at| at as u8);
    Body::Tdx(TdReport::parse_1_0(&bytes))
}

fn td_1_5() -> Body {
    let bytes: [u8; TdReport::SIZE_1_5] = core::array::from_fn(|at| (at / 3) as u8);
    Body::Tdx(TdReport::parse_1_5(&bytes))
}

/// Every body that each version has.
fn forms() -> Vec<(Version, Body)> {
    vec![
        (Version::V3, enclave()),
        (Version::V4, enclave()),
        (Version::V4, td_1_0()),
        (Version::V5, enclave()),
        (Version::V5, td_1_0()),
        (Version::V5, td_1_5()),
    ]
}

const fn signature<'a>(auth: &'a [u8], data: &'a [u8]) -> Signature<'a> {
    Signature {
        isv_signature: &[1; 64],
        attestation_key: &ATTESTATION_KEY,
        qe_report_bytes: &[0; ReportBody::SIZE],
        qe_report_signature: &[4; 64],
        qe_auth_data: auth,
        certification: Certification {
            kind: CertificationKind::PckChain,
            data,
        },
    }
}

fn sample(version: Version, body: &Body) -> Vec<u8> {
    encode(&header(version), body, &signature(&[5; 32], b"a chain")).unwrap()
}

#[test]
fn a_quote_is_read_as_it_is_written() {
    for (version, body) in forms() {
        let bytes = sample(version, &body);
        let quote = Quote::parse(&bytes).unwrap();
        assert_eq!(*quote.header(), header(version));
        assert_eq!(*quote.body(), body);
        assert_eq!(*quote.signature(), signature(&[5; 32], b"a chain"));
        let signed = to_be_signed(&header(version), &body).unwrap();
        assert_eq!(quote.signed(), signed);
        assert!(bytes.starts_with(&signed));
    }
}

#[test]
fn signed_bytes_are_header_and_body() {
    let lengths = forms()
        .iter()
        .map(|(version, body)| to_be_signed(&header(*version), body).unwrap().len())
        .collect::<Vec<_>>();
    assert_eq!(lengths, [432, 432, 632, 438, 638, 702]);
}

#[test]
fn versions_have_their_bodies() {
    for (version, body) in [
        (Version::V3, td_1_0()),
        (Version::V3, td_1_5()),
        (Version::V4, td_1_5()),
    ] {
        let refusal = Unencodable::Body {
            version: version.number(),
        };
        let found = encode(&header(version), &body, &signature(&[], &[]));
        assert_eq!(found, Err(refusal));
    }
}

#[test]
fn every_shorter_quote_is_refused() {
    for (version, body) in forms() {
        let bytes = sample(version, &body);
        for length in 0..bytes.len() {
            assert!(Quote::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn nothing_follows_a_quote_but_zeros_of_tdx() {
    for (version, body) in forms() {
        let mut bytes = sample(version, &body);
        let offset = bytes.len();
        bytes.extend([0; 70]);
        let found = Quote::parse(&bytes);
        match body.tee() {
            Tee::Sgx => assert_eq!(found, Err(Error::Trailing { offset, count: 70 })),
            Tee::Tdx => assert_eq!(found.unwrap().signed().len(), offset - section(version)),
        }
        bytes[offset + 69] = 1;
        let refusal = Error::Trailing { offset, count: 70 };
        assert_eq!(Quote::parse(&bytes), Err(refusal));
    }
}

/// Bytes of a sample's signature section and its length.
const fn section(version: Version) -> usize {
    let envelope = match version {
        Version::V3 => 0,
        Version::V4 | Version::V5 => 6,
    };
    4 + 64 + 64 + envelope + ReportBody::SIZE + 64 + 2 + 32 + 6 + b"a chain".len()
}

/// Every bit is a value that comes back, a reserved one, or one of form: no two quotes say the same.
#[test]
fn every_bit_counts() {
    for (version, body) in forms() {
        let bytes = sample(version, &body);
        let quote = Quote::parse(&bytes).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                if let Ok(other) = Quote::parse(&changed) {
                    assert_ne!(other, quote, "bit {bit} of byte {at}");
                    let again = encode(other.header(), other.body(), other.signature());
                    assert_eq!(again.as_ref(), Ok(&changed), "bit {bit} of byte {at}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_known_is_named() {
    let change = |version, body: &Body, at: usize, value: u8| {
        let mut bytes = sample(version, body);
        bytes[at] = value;
        Quote::parse(&bytes).unwrap_err()
    };
    let v3 = |at, value| change(Version::V3, &enclave(), at, value);
    assert_eq!(v3(0, 2), Error::Version { found: 2 });
    assert_eq!(v3(0, 6), Error::Version { found: 6 });
    assert_eq!(v3(2, 3), Error::KeyType { found: 3 });
    let tdx = Error::Tee {
        version: 3,
        found: 0x81,
    };
    assert_eq!(v3(4, 0x81), tdx);
    assert!(matches!(v3(12, 0), Error::Vendor { .. }));
    let reserved = Reserved {
        structure: "REPORT",
        offset: 100,
    };
    assert_eq!(v3(48 + 100, 1), Error::Reserved(reserved));
    let headers = [v3(2, 3), v3(12, 0), v3(0, 2), v3(4, 0x81)];
    let headers = headers.map(|error| error.is_header());
    assert_eq!(headers, [true, true, false, false]);
}

#[test]
fn certification_is_nested_as_the_version_has_it() {
    let kind = 436 + 128 + ReportBody::SIZE + 64 + 2 + 32;
    let mut v3 = sample(Version::V3, &enclave());
    for (found, refused) in [
        (0, true),
        (1, false),
        (5, false),
        (6, true),
        (7, false),
        (8, true),
    ] {
        v3[kind] = found;
        assert_eq!(Quote::parse(&v3).is_err(), refused, "type {found}");
    }
    let mut v4 = sample(Version::V4, &enclave());
    v4[436 + 128] = 5;
    let refusal = Error::Envelope {
        offset: 564,
        found: 5,
        version: 4,
    };
    assert_eq!(Quote::parse(&v4), Err(refusal));
    let mut nested = sample(Version::V4, &enclave());
    nested[kind + 6] = 6;
    assert!(matches!(
        Quote::parse(&nested),
        Err(Error::Envelope { found: 6, .. })
    ));
}

#[test]
fn stated_lengths_are_those_of_the_parts() {
    let section = 632;
    let envelope = section + 4 + 128 + 2;
    let longer = |lengths: &[usize]| {
        let mut bytes = sample(Version::V4, &td_1_0());
        for at in lengths {
            bytes[*at] += 1;
        }
        bytes.push(0);
        Quote::parse(&bytes).map(|_| ())
    };
    let not_filled = |what, offset| {
        Err(Error::NotFilled {
            what,
            offset,
            left: 1,
        })
    };
    let end = sample(Version::V4, &td_1_0()).len();
    assert!(longer(&[]).is_ok());
    let found = longer(&[section]);
    assert_eq!(found, not_filled("the signature section", end));
    let found = longer(&[section, envelope]);
    assert_eq!(found, not_filled("the envelope", end));

    let mut body = sample(Version::V5, &td_1_5());
    body[48] = 2;
    let refusal = Error::BodyType {
        kind: 2,
        size: 648,
        tee: 0x81,
    };
    assert_eq!(Quote::parse(&body), Err(refusal));
}

#[test]
fn lengths_are_bounded() {
    let size = MAX_SIZE + 1;
    assert_eq!(Quote::parse(&vec![0; size]), Err(Error::TooLong { size }));
    let long = vec![0; MAX_SIZE];
    for (auth, data) in [(&long[..], &[][..]), (&[][..], &long[..])] {
        let found = encode(&header(Version::V3), &enclave(), &signature(auth, data));
        assert!(matches!(found, Err(Unencodable::TooLong { .. })));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Quote::parse(&bytes).is_err());
    }

    #[test]
    fn what_is_read_is_written_again(
        which in 0_usize..6,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (version, body) = forms()[which];
        let mut bytes = sample(version, &body);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(quote) = Quote::parse(bytes) {
                let again = encode(quote.header(), quote.body(), quote.signature()).unwrap();
                prop_assert!(bytes.starts_with(&again));
            }
        }
    }
}
