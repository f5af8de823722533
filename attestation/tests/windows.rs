//! When evidence is accepted: each part on which it rests has a window of its own, and each certificate
//! can be revoked. None may be forgotten.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;

use std::num::NonZeroUsize;

use forge::{List, Pki, SEQUENCE, Signer, UTC, pem, tlv};
use ring::digest::{SHA256, digest};
use sconce_attestation::{
    Cache, Collateral, Refusal, Stage, Time, TrustAnchor, VerifiedQuote, verify,
};
use sgx::quote::{
    Body, Certification, CertificationKind, Header, INTEL_VENDOR, Quote, Signature, Version,
    encode, to_be_signed,
};
use sgx::{Attributes, ReportBody};

/// A window, as each kind of document writes it.
struct Window {
    asn1: (&'static [u8], &'static [u8]),
    rfc3339: (&'static str, &'static str),
}

/// 1 June 2025 to 29 June 2035.
const WIDE: Window = Window {
    asn1: (b"250601000000Z", b"350629000000Z"),
    rfc3339: ("2025-06-01T00:00:00Z", "2035-06-29T00:00:00Z"),
};

/// 30 June to 10 July 2025.
const NARROW: Window = Window {
    asn1: (b"250630000000Z", b"250710000000Z"),
    rfc3339: ("2025-06-30T00:00:00Z", "2025-07-10T00:00:00Z"),
};

const FROM: u64 = 1_751_241_600;
const UNTIL: u64 = 1_752_105_600;

/// What has a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    PckCa,
    /// The certificate of the PCK CA that the quote brings, where the collateral has another for the
    /// same key.
    QuotesPckCa,
    Pck,
    TcbSigning,
    /// The certificate in the identity's chain, where the TCB info's has another for the same key.
    IdentitysTcbSigning,
    RootCrl,
    PckCrl,
    TcbInfo,
    QeIdentity,
}

const PARTS: [Part; 9] = [
    Part::PckCa,
    Part::QuotesPckCa,
    Part::Pck,
    Part::TcbSigning,
    Part::IdentitysTcbSigning,
    Part::RootCrl,
    Part::PckCrl,
    Part::TcbInfo,
    Part::QeIdentity,
];

struct Made {
    quote: Vec<u8>,
    collateral: Collateral,
    anchor: TrustAnchor,
}

/// Evidence of which one part has the narrow window.
fn made(narrow: Part) -> Made {
    evidence(narrow, &[], &[])
}

/// Evidence with a certificate on the root's list, or on the CA's.
fn revoking(number: u8, by_root: bool) -> Made {
    if by_root {
        evidence(Part::TcbInfo, &[number], &[])
    } else {
        evidence(Part::TcbInfo, &[], &[number])
    }
}

fn evidence(narrow: Part, by_root: &[u8], by_ca: &[u8]) -> Made {
    let window = |part| if part == narrow { NARROW } else { WIDE };
    let validity = |part| {
        let (from, until) = window(part).asn1;
        tlv(SEQUENCE, &[&tlv(UTC, &[from]), &tlv(UTC, &[until])])
    };
    let mut pki = Pki::new();
    let root = pki.root_der().to_vec();
    let chain = |der: &[u8]| String::from_utf8(pem(&[der, &root])).unwrap();
    let list = |part, signer: &Signer, revoked| {
        let (from, until) = window(part).asn1;
        let mut list = List::new(signer, revoked);
        (list.from, list.until) = (tlv(UTC, &[from]), tlv(UTC, &[until]));
        list.signed(signer)
    };

    pki.ca.validity = validity(Part::QuotesPckCa);
    let quotes_ca = pki.ca_der();
    pki.ca.validity = validity(Part::PckCa);
    // Each signature makes another certificate; only where one of them is narrow there are two.
    let ca = match narrow {
        Part::PckCa | Part::QuotesPckCa => pki.ca_der(),
        _ => quotes_ca.clone(),
    };
    pki.pck.validity = validity(Part::Pck);
    pki.tcb.validity = validity(Part::IdentitysTcbSigning);
    let identity_signer = pki.tcb_der();
    pki.tcb.validity = validity(Part::TcbSigning);
    let signer = pki.tcb_der();

    let tcb_info = tcb_info(&window(Part::TcbInfo));
    let qe_identity = qe_identity(&window(Part::QeIdentity));
    let mut collateral = empty();
    collateral.pck_crl_issuer_chain = chain(&ca);
    collateral.root_ca_crl = list(Part::RootCrl, &pki.root_key, by_root);
    collateral.pck_crl = list(Part::PckCrl, &pki.ca_key, by_ca);
    collateral.tcb_info_issuer_chain = chain(&signer);
    collateral.tcb_info_signature = pki.tcb_key.sign_fixed(tcb_info.as_bytes());
    collateral.tcb_info = tcb_info;
    collateral.qe_identity_issuer_chain = chain(&identity_signer);
    collateral.qe_identity_signature = pki.tcb_key.sign_fixed(qe_identity.as_bytes());
    collateral.qe_identity = qe_identity;
    Made {
        quote: quote(&pki, &pki.pck_chain(&quotes_ca)),
        collateral,
        anchor: pki.anchor(),
    }
}

/// Collateral to be filled in.
fn empty() -> Collateral {
    let members = [
        ("pck_crl_issuer_chain", String::new()),
        ("root_ca_crl", String::new()),
        ("pck_crl", String::new()),
        ("tcb_info_issuer_chain", String::new()),
        ("tcb_info", String::new()),
        ("tcb_info_signature", "00".repeat(64)),
        ("qe_identity_issuer_chain", String::new()),
        ("qe_identity", String::new()),
        ("qe_identity_signature", "00".repeat(64)),
    ];
    let members = members.map(|(name, value)| format!("{name:?}:{value:?}"));
    Collateral::from_json(format!("{{{}}}", members.join(",")).as_bytes()).unwrap()
}

fn tcb_info(window: &Window) -> String {
    let (from, until) = window.rfc3339;
    let components = (1..=16).map(|svn| format!(r#"{{"svn":{svn}}}"#));
    let components = components.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"id":"SGX","version":3,"issueDate":"{from}","nextUpdate":"{until}","fmspc":"010203040506","pceId":"0001","tcbType":0,"tcbEvaluationDataNumber":1,"tcbLevels":[{{"tcb":{{"sgxtcbcomponents":[{components}],"pcesvn":13}},"tcbDate":"{from}","tcbStatus":"UpToDate"}}]}}"#
    )
}

fn qe_identity(window: &Window) -> String {
    let (from, until) = window.rfc3339;
    let (zeros, ones, signer) = ("00".repeat(16), "FF".repeat(16), "07".repeat(32));
    format!(
        r#"{{"id":"QE","version":2,"issueDate":"{from}","nextUpdate":"{until}","tcbEvaluationDataNumber":1,"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"{zeros}","attributesMask":"{ones}","mrsigner":"{signer}","isvprodid":1,"tcbLevels":[{{"tcb":{{"isvsvn":1}},"tcbDate":"{from}","tcbStatus":"UpToDate"}}]}}"#
    )
}

fn report() -> ReportBody {
    let mut report = ReportBody::parse(&[0; ReportBody::SIZE]).unwrap();
    report.attributes = Attributes { flags: 0, xfrm: 0 };
    report.mrsigner.0 = [7; 32];
    report.isv_prod_id = 1;
    report.isv_svn = 1;
    report
}

fn quote(pki: &Pki, chain: &[u8]) -> Vec<u8> {
    let attestation = Signer::new("attestation key");
    let attestation_key: &[u8; 64] = attestation.point()[1..].try_into().unwrap();
    let header = Header {
        version: Version::V3,
        qe_svn: 1,
        pce_svn: 13,
        vendor: INTEL_VENDOR,
        user_data: [0; 20],
    };
    let body = Body::Sgx(report());
    let mut qe = report();
    qe.report_data[..32].copy_from_slice(digest(&SHA256, attestation_key).as_ref());
    let qe = qe.to_bytes();
    let signature = Signature {
        isv_signature: &attestation.sign_fixed(&to_be_signed(&header, &body).unwrap()),
        attestation_key,
        qe_report_bytes: &qe,
        qe_report_signature: &pki.pck_key.sign_fixed(&qe),
        qe_auth_data: &[],
        certification: Certification {
            kind: CertificationKind::PckChain,
            data: chain,
        },
    };
    encode(&header, &body, &signature).unwrap()
}

/// What each way of verification says, which has to be the same.
fn judge(made: &Made, cache: &mut Cache, now: u64) -> Result<VerifiedQuote, Refusal> {
    let Made {
        quote,
        collateral,
        anchor,
    } = made;
    let now = Time::from_unix(now);
    let whole = verify(quote, collateral, anchor, now);
    assert_eq!(cache.verify(quote, collateral, anchor, now), whole);
    let between = Time::from_unix(FROM + 1);
    let known = collateral.verify(anchor, between).unwrap();
    assert_eq!(known.verify(quote, now), whole);
    whole
}

#[test]
fn every_part_has_to_be_in_force() {
    for part in PARTS {
        let made = made(part);
        assert!(Quote::parse(&made.quote).is_ok());
        let mut cache = Cache::new(NonZeroUsize::MIN);
        for now in [FROM, FROM + 1, UNTIL] {
            let verified = judge(&made, &mut cache, now).unwrap();
            assert_eq!(verified.claims().expires.unix(), UNTIL, "{part:?}");
        }
        for now in [FROM - 1, UNTIL + 1] {
            let refused = judge(&made, &mut cache, now).unwrap_err();
            assert_eq!(refused.stage(), Stage::Time, "{part:?}: {refused}");
        }
        let mut cache = Cache::new(NonZeroUsize::MIN);
        assert!(judge(&made, &mut cache, UNTIL + 1).is_err());
        assert!(judge(&made, &mut cache, UNTIL).is_ok());
    }
}

/// The root can take back any certificate that it has issued, and the CA its own.
#[test]
fn every_certificate_can_be_revoked() {
    // The numbers that `Pki` gives.
    const ROOT: u8 = 1;
    const PCK_CA: u8 = 2;
    const PCK: u8 = 3;
    const TCB_SIGNING: u8 = 4;
    for (revoked, by_root) in [
        (ROOT, true),
        (PCK_CA, true),
        (TCB_SIGNING, true),
        (PCK, false),
    ] {
        let made = revoking(revoked, by_root);
        let mut cache = Cache::new(NonZeroUsize::MIN);
        let now = Time::from_unix(FROM);
        let refused = [
            verify(&made.quote, &made.collateral, &made.anchor, now),
            cache.verify(&made.quote, &made.collateral, &made.anchor, now),
            made.collateral
                .verify(&made.anchor, now)
                .and_then(|known| known.verify(&made.quote, now)),
        ];
        for refused in refused {
            assert_eq!(refused.unwrap_err().stage(), Stage::Revoked, "{revoked}");
        }
    }
    // The numbers are each CA's own.
    let made = revoking(PCK, true);
    assert!(judge(&made, &mut Cache::new(NonZeroUsize::MIN), FROM).is_ok());
}

/// What collateral expires with does not depend on a quote.
#[test]
fn collateral_says_until_when_it_is_in_force() {
    for part in PARTS {
        let made = made(part);
        let now = Time::from_unix(FROM);
        let known = made.collateral.verify(&made.anchor, now).unwrap();
        let of_quote = matches!(part, Part::Pck | Part::QuotesPckCa);
        assert_eq!(known.expires().unix() == UNTIL, !of_quote, "{part:?}");
        let late = Time::from_unix(UNTIL + 1);
        let refused = made.collateral.verify(&made.anchor, late);
        assert_eq!(refused.is_err(), !of_quote, "{part:?}");
    }
}
