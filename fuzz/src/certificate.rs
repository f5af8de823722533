//! A certificate, what one says of a platform, a revocation list, a chain as text; or changes to one of
//! Intel's.

use attestation::x509::{Certificate, Chain, Document, Error, RevocationList};
use attestation::{Fingerprint, INTEL_ROOT, Stage, Time, TrustAnchor, pck};

/// Intel's root, its revocation list of March 2025, the certificate of the CA of its platforms and of one
/// platform.
pub(crate) const GENUINE: [(Document, &[u8]); 4] = [
    (Document::Root, INTEL_ROOT),
    (
        Document::RootCrl,
        include_bytes!("../../attestation/tests/data/intel-root.crl"),
    ),
    (
        Document::PckCa,
        include_bytes!("../../attestation/tests/data/intel-pck-ca.der"),
    ),
    (
        Document::Pck,
        include_bytes!("../../attestation/tests/data/intel-pck.der"),
    ),
];

/// `data` is all of that. As changes: which document, then for each where (two bytes) and to what.
pub fn run(data: &[u8]) {
    for document in [
        Document::Root,
        Document::PckCa,
        Document::Pck,
        Document::TcbSigning,
    ] {
        certificate(document, data);
    }
    list(Document::RootCrl, data);
    chains(data);
    if let Err(error) = pck::Extension::from_der(data) {
        named(&error);
    }
    if let Some((which, changes)) = data.split_first() {
        changed(GENUINE[usize::from(*which) % GENUINE.len()], changes);
    }
}

/// Nobody here has Intel's keys: only what Intel signed is Intel's.
fn changed((document, genuine): (Document, &[u8]), changes: &[u8]) {
    let mut der = genuine.to_vec();
    let (changes, _) = changes.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % der.len();
        der[at] = *to;
    }
    let anchor = TrustAnchor::intel();
    let issued = match document {
        Document::RootCrl => list(document, &der).map(|list| anchor.root_crl(list).is_ok()),
        // The CA of platforms issued it, and not the root.
        Document::Pck => certificate(document, &der).map(|pck| pck.check_issuer(&pck_ca()).is_ok()),
        _ => certificate(document, &der).map(|ca| ca.check_issuer(anchor.root()).is_ok()),
    };
    assert_eq!(issued == Some(true), der == genuine);
}

fn pck_ca() -> Certificate {
    let (document, der) = GENUINE[2];
    Certificate::from_der(document, der).expect("the CA's certificate")
}

/// What is read is what was given, and its parts are parts of it.
fn certificate(document: Document, der: &[u8]) -> Option<Certificate> {
    let certificate = Certificate::from_der(document, der)
        .map_err(|error| named(&error))
        .ok()?;
    assert_eq!(certificate.der(), der);
    assert!(certificate.from() <= certificate.until());
    assert!(certificate.check_time(certificate.from()).is_ok());
    assert!(part(der, certificate.subject()) && part(der, certificate.issuer()));
    assert!(part(
        certificate.subject(),
        certificate.common_name().as_bytes()
    ));
    assert!(part(der, certificate.key().as_bytes()));
    assert!(!certificate.serial().to_string().is_empty());
    Some(certificate)
}

fn list(document: Document, der: &[u8]) -> Option<RevocationList> {
    let list = RevocationList::from_der(document, der)
        .map_err(|error| named(&error))
        .ok()?;
    // An entry has at least a number and a time.
    assert!(list.len() <= der.len() / 20);
    assert!(
        list.check_time(Time::from_unix(list.until().unix() + 1))
            .is_err()
    );
    Some(list)
}

fn chains(text: &[u8]) {
    for chain in [
        Chain::pck(text),
        Chain::pck_ca(text),
        Chain::tcb_signing(text),
    ] {
        match chain {
            Err(error) => named(&error),
            Ok(chain) => {
                assert!(chain.certificates().iter().map(Vec::len).sum::<usize>() < text.len());
                if let Err(error) = TrustAnchor::intel().pck_ca(&chain) {
                    named(&error);
                }
                if let Err(error) = TrustAnchor::intel().tcb_signer(&chain) {
                    named(&error);
                }
            }
        }
    }
    let refused = TrustAnchor::simulated(text, Fingerprint::of(text));
    if let Err(error) = refused {
        assert_eq!(error.stage(), Stage::Root);
    }
}

fn part(whole: &[u8], part: &[u8]) -> bool {
    whole
        .windows(part.len().max(1))
        .any(|window| window == part)
        || part.is_empty()
}

fn named(error: &Error) {
    assert!(!error.to_string().is_empty() && !error.stage().name().is_empty());
}
