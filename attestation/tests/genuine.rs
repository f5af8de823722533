//! Certificates and revocation lists that Intel issued, of a platform of 2023 and its collateral of
//! June 2025: they lead to the root that is compiled in, and with any bit flipped they do not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;

use forge::{NOW, pem};
use sconce_attestation::x509::{Certificate, Chain, Document, Error, RevocationList};
use sconce_attestation::{INTEL_ROOT, Pck, PckCa, PckCrl, RootCrl, Stage, Time, TrustAnchor};

const PCK: &[u8] = include_bytes!("data/intel-pck.der");
const PCK_CA: &[u8] = include_bytes!("data/intel-pck-ca.der");
const TCB_SIGNING: &[u8] = include_bytes!("data/intel-tcb-signing.der");
const ROOT_CRL: &[u8] = include_bytes!("data/intel-root.crl");
const PCK_CRL: &[u8] = include_bytes!("data/intel-pck.crl");

fn ca() -> PckCa {
    let chain = Chain::pck_ca(&pem(&[PCK_CA, INTEL_ROOT])).unwrap();
    TrustAnchor::intel().pck_ca(&chain).unwrap()
}

fn pck() -> Result<Pck, Error> {
    let chain = Chain::pck(&pem(&[PCK, PCK_CA, INTEL_ROOT]))?;
    TrustAnchor::intel().pck(&chain, &ca())
}

fn lists() -> (RootCrl, PckCrl) {
    let root = RevocationList::from_der(Document::RootCrl, ROOT_CRL).unwrap();
    let pck = RevocationList::from_der(Document::PckCrl, PCK_CRL).unwrap();
    (
        TrustAnchor::intel().root_crl(root).unwrap(),
        ca().crl(pck).unwrap(),
    )
}

#[test]
fn the_compiled_in_root_is_the_one_that_intel_publishes() {
    let root = TrustAnchor::intel();
    let digest = ring::digest::digest(&ring::digest::SHA256, root.root_der());
    assert_eq!(
        hex::encode(digest),
        "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
    );
    assert_eq!(root.root().common_name(), "Intel SGX Root CA");
    assert_eq!(root.root().check_issuer(root.root()), Ok(()));
    assert_eq!(root.root().until().to_string(), "2049-12-31T23:59:59Z");
}

#[test]
fn a_platform_of_intels_is_one() {
    let now = Time::from_unix(NOW);
    let (anchor, ca, platform) = (TrustAnchor::intel(), ca(), pck().unwrap());
    let (root, list) = lists();
    let chain = Chain::tcb_signing(&pem(&[TCB_SIGNING, INTEL_ROOT])).unwrap();
    let signer = anchor.tcb_signer(&chain).unwrap();
    assert_eq!(root.check(&anchor, &ca, &[&signer]), Ok(()));
    assert_eq!(platform.check_revoked(&root, &list), Ok(()));
    assert_eq!(platform.check_time(now), Ok(()));
    assert_eq!(signer.certificate().check_time(now), Ok(()));
    assert_eq!(root.list().check_time(now), Ok(()));
    assert_eq!(list.list().check_time(now), Ok(()));
    let extension = platform.extension();
    assert_eq!(hex::encode(extension.fmspc), "00a067110000");
    assert_eq!(extension.pce_id, [0, 0]);
    assert_eq!(extension.tcb.pcesvn, 13);
    assert_eq!(extension.platform_instance_id, None);

    // A year later its CA's list is out of date, though its certificate is not.
    let later = Time::from_unix(NOW + 365 * 86_400);
    assert_eq!(platform.check_time(later), Ok(()));
    assert_eq!(
        list.list().check_time(later).unwrap_err().stage(),
        Stage::Time
    );
}

#[test]
fn the_lists_cannot_change_places() {
    let anchor = TrustAnchor::intel();
    let read = |der| RevocationList::from_der(Document::RootCrl, der).unwrap();
    let error = anchor.root_crl(read(PCK_CRL)).unwrap_err();
    assert_eq!(error.stage(), Stage::Crl, "{error}");
    let error = ca().crl(read(ROOT_CRL)).unwrap_err();
    assert_eq!(error.stage(), Stage::Crl, "{error}");
}

/// Nothing that any of these bits says can be changed: what is read at all has lost its signature.
#[test]
fn no_bit_can_be_flipped() {
    let anchor = TrustAnchor::intel();
    let (root, ca) = (anchor.root(), ca());
    let certificate = |document, der: &[u8], issuer: &Certificate| {
        Certificate::from_der(document, der).is_ok_and(|read| read.check_issuer(issuer).is_ok())
    };
    let list = |document, der: &[u8], issuer: &Certificate| {
        RevocationList::from_der(document, der).is_ok_and(|read| read.check_issuer(issuer).is_ok())
    };
    no_bit(INTEL_ROOT, |der| certificate(Document::Root, der, root));
    no_bit(PCK_CA, |der| certificate(Document::PckCa, der, root));
    no_bit(TCB_SIGNING, |der| {
        certificate(Document::TcbSigning, der, root)
    });
    no_bit(PCK, |der| certificate(Document::Pck, der, ca.certificate()));
    no_bit(ROOT_CRL, |der| list(Document::RootCrl, der, root));
    no_bit(PCK_CRL, |der| list(Document::PckCrl, der, ca.certificate()));
}

fn no_bit(genuine: &[u8], is_issued: impl Fn(&[u8]) -> bool) {
    assert!(is_issued(genuine));
    let mut flipped = genuine.to_vec();
    for bit in 0..genuine.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_issued(&flipped), "bit {bit} of {} bytes", genuine.len());
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}
