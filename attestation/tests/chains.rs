//! Chains: who may sign what, and as what anybody else is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod forge;

use forge::*;
use sconce_attestation::x509::{Chain, Document, Error, RevocationList};
use sconce_attestation::{INTEL_ROOT, Pck, PckCrl, Stage, Time, TrustAnchor};

fn pck(pki: &Pki, text: &[u8]) -> Result<Pck, Error> {
    pki.anchor().pck(&Chain::pck(text)?, &pki.verified_ca())
}

fn ca_error(pki: &Pki) -> Error {
    let chain = Chain::pck_ca(&pki.ca_chain()).unwrap();
    pki.anchor().pck_ca(&chain).unwrap_err()
}

fn tcb_error(pki: &Pki) -> Error {
    let chain = Chain::tcb_signing(&pki.tcb_chain()).unwrap();
    pki.anchor().tcb_signer(&chain).unwrap_err()
}

fn pck_error(pki: &Pki) -> Error {
    pck(pki, &pki.pck_chain(&pki.ca_der_as_verified())).unwrap_err()
}

#[track_caller]
fn refused(error: &Error, stage: Stage, says: &str) {
    assert_eq!(error.stage(), stage, "{error}");
    assert!(
        error.to_string().contains(says),
        "{error}: should say {says}"
    );
}

#[test]
fn honest_chains_lead_to_the_anchor() {
    let pki = Pki::new();
    let platform = pck(&pki, &pki.pck_chain(&pki.ca_der_as_verified())).unwrap();
    assert_eq!(platform.key().as_bytes(), pki.pck_key.point());
    assert_eq!(platform.extension().fmspc, [1, 2, 3, 4, 5, 6]);
    assert_eq!(platform.check_time(Time::from_unix(NOW)), Ok(()));
    assert_eq!(platform.until(), platform.certificate().until());
    let signer = pki.verified_tcb();
    assert_eq!(signer.certificate().key().as_bytes(), pki.tcb_key.point());
}

#[test]
fn a_ca_is_what_a_ca_has_to_be() {
    let pki = Pki::new;
    let changed = |change: fn(&mut Pki)| {
        let mut pki = pki();
        change(&mut pki);
        ca_error(&pki)
    };
    let error = changed(|pki| pki.ca.extensions[1] = no_ca());
    refused(&error, Stage::Chain, "not a CA's");
    let error = changed(|pki| {
        pki.ca.extensions.remove(1);
    });
    refused(&error, Stage::Chain, "not a CA's");
    let error = changed(|pki| pki.ca.extensions[0] = signs_data());
    refused(&error, Stage::Chain, "signing certificates and lists");
    // For certificates, and not for lists.
    let error = changed(|pki| pki.ca.extensions[0] = usage(2, 0b0000_0100));
    refused(&error, Stage::Chain, "signing certificates and lists");
    let error = changed(|pki| {
        pki.ca.extensions.remove(0);
    });
    refused(&error, Stage::Chain, "signing certificates and lists");
    let error = changed(|pki| pki.ca.extensions.push(platform()));
    refused(&error, Stage::Chain, "platform");
    let error = changed(|pki| pki.ca.subject = name("SIMULATED SGX PCK Server CA"));
    refused(&error, Stage::Chain, "common name");
    // Intel's name under a simulated root.
    let error = changed(|pki| pki.ca.subject = name("Intel SGX PCK Platform CA"));
    refused(&error, Stage::Chain, "common name");
    let error = changed(|pki| pki.ca.issuer = name("SIMULATED SGX Root CA 2"));
    refused(&error, Stage::Chain, "issued by another");
    let error = changed(|pki| pki.root_key = Signer::new("SIMULATED SGX Root CA"));
    refused(&error, Stage::Chain, "signature");
}

#[test]
fn a_platform_is_what_a_platform_has_to_be() {
    let changed = |change: fn(&mut Pki)| {
        let mut pki = Pki::new();
        change(&mut pki);
        pck_error(&pki)
    };
    let error = changed(|pki| pki.pck.extensions[1] = ca(None));
    refused(&error, Stage::Chain, "a CA's");
    let error = changed(|pki| {
        pki.pck.extensions.remove(1);
    });
    refused(&error, Stage::Chain, "a CA's");
    let error = changed(|pki| pki.pck.extensions[0] = signs_certificates());
    refused(&error, Stage::Chain, "signing data");
    let error = changed(|pki| pki.pck.extensions[0] = usage(2, 0b1000_0100));
    refused(&error, Stage::Chain, "no CA's");
    let error = changed(|pki| {
        pki.pck.extensions.remove(2);
    });
    refused(&error, Stage::Chain, "nothing of a platform");
    let error = changed(|pki| pki.pck.subject = name("SIMULATED SGX TCB Signing"));
    refused(&error, Stage::Chain, "common name");
    let error = changed(|pki| pki.pck.subject = name("Intel SGX PCK Certificate"));
    refused(&error, Stage::Chain, "common name");
    let error = changed(|pki| {
        pki.pck.subject = name("SIMULATED SGX SIMULATED SGX PCK Certificate");
    });
    refused(&error, Stage::Chain, "common name");
    let error = changed(|pki| pki.pck.extensions[2] = extension(PLATFORM, false, &[0x30, 0]));
    refused(&error, Stage::Chain, "PCK certificate");
}

#[test]
fn a_tcb_signer_is_what_it_has_to_be() {
    let changed = |change: fn(&mut Pki)| {
        let mut pki = Pki::new();
        change(&mut pki);
        tcb_error(&pki)
    };
    let stage = Stage::TcbInfoSigner;
    let error = changed(|pki| pki.tcb.extensions[1] = ca(None));
    refused(&error, stage, "a CA's");
    let error = changed(|pki| pki.tcb.extensions[0] = signs_certificates());
    refused(&error, stage, "signing data");
    let error = changed(|pki| pki.tcb.subject = name("SIMULATED SGX PCK Certificate"));
    refused(&error, stage, "common name");
    let error = changed(|pki| pki.tcb.extensions.push(platform()));
    refused(&error, stage, "platform");
    // A platform's certificate from the CA in its place, with the CA's names or the root's.
    let error = changed(|pki| pki.tcb = pki.pck.clone());
    refused(&error, stage, "platform");
    let error = changed(|pki| {
        pki.tcb.issuer = pki.ca_key.name.clone();
    });
    refused(&error, stage, "issued by another");
}

#[test]
fn a_platform_cannot_certify_another() {
    let mut pki = Pki::new();
    // A platform's own certificate stands where the CA's should, and its key signed the leaf.
    let own = pki.pck_der();
    pki.pck.issuer = pki.pck_key.name.clone();
    let forged = pki.pck.signed(&pki.pck_key);
    let error = pck(&pki, &pem(&[&forged, &own, pki.root_der()])).unwrap_err();
    refused(&error, Stage::Chain, "not a CA's");
    let error = pck(
        &pki,
        &pem(&[&forged, &pki.ca_der_as_verified(), pki.root_der()]),
    );
    refused(&error.unwrap_err(), Stage::Chain, "issued by another");
}

#[test]
fn chains_end_in_the_anchor_and_have_their_length() {
    let pki = Pki::new();
    let other = Pki::new();
    let (leaf, ca, root) = (pki.pck_der(), pki.ca_der_as_verified(), pki.root_der());
    let lengths: [&[&[u8]]; 4] = [
        &[&leaf],
        &[&leaf, &ca],
        &[&leaf, root],
        &[&leaf, &ca, &ca, root],
    ];
    for chain in lengths {
        let error = pck(&pki, &pem(chain)).unwrap_err();
        refused(&error, Stage::Chain, "instead of 3");
    }
    for chain in [
        &[&ca[..], &leaf, root],
        &[root, &ca, &leaf],
        &[&leaf, root, &ca],
    ] {
        let error = pck(&pki, &pem(chain)).unwrap_err();
        assert_eq!(error.stage(), Stage::Chain, "{error}");
    }
    let error = pck(&pki, &pem(&[&leaf, &ca, other.root_der()])).unwrap_err();
    refused(&error, Stage::Chain, "trust anchor");
    let error = pck(&pki, &pem(&[&leaf, &ca, INTEL_ROOT])).unwrap_err();
    refused(&error, Stage::Chain, "trust anchor");
    let chain = Chain::pck(&pki.pck_chain(&ca)).unwrap();
    let error = TrustAnchor::intel()
        .pck(&chain, &pki.verified_ca())
        .unwrap_err();
    refused(&error, Stage::Chain, "trust anchor");

    // Each kind of chain has a length of its own, and none passes for another.
    let text = pki.pck_chain(&ca);
    refused(
        &Chain::tcb_signing(&text).unwrap_err(),
        Stage::TcbInfoSigner,
        "instead of 2",
    );
    refused(
        &Chain::pck_ca(&text).unwrap_err(),
        Stage::Chain,
        "instead of 2",
    );
    let of_ca = Chain::pck_ca(&pki.ca_chain()).unwrap();
    let error = pki.anchor().tcb_signer(&of_ca).unwrap_err();
    assert_eq!(error.stage(), Stage::TcbInfoSigner, "{error}");
    let of_signer = Chain::tcb_signing(&pki.tcb_chain()).unwrap();
    let error = pki.anchor().pck_ca(&of_signer).unwrap_err();
    assert_eq!(error.stage(), Stage::Chain, "{error}");
}

#[test]
fn the_list_of_another_ca_says_nothing_of_a_platform() {
    let mut pki = Pki::new();
    let ca = pki.verified_ca();
    // The collateral is of the platform CA, the platform of a processor CA under the same root.
    let processor = Signer::new("SIMULATED SGX PCK Processor CA");
    let extensions = [signs_certificates(), forge::ca(Some(0))];
    let processor_ca = Form::new(5, &processor, &pki.root_key, &extensions);
    let processor_ca = processor_ca.signed(&pki.root_key);
    let extensions = [signs_data(), no_ca(), platform()];
    pki.pck = Form::new(3, &pki.pck_key, &processor, &extensions);
    let leaf = pki.pck.signed(&processor);
    let chain = Chain::pck(&pem(&[&leaf, &processor_ca, pki.root_der()])).unwrap();
    let error = pki.anchor().pck(&chain, &ca).unwrap_err();
    refused(&error, Stage::Crl, "fetch the collateral");
    // Even if that CA calls itself as the other does.
    let twin = Signer::new("SIMULATED SGX PCK Platform CA");
    let extensions = [signs_certificates(), forge::ca(Some(0))];
    let twin_ca = Form::new(5, &twin, &pki.root_key, &extensions).signed(&pki.root_key);
    let extensions = [signs_data(), no_ca(), platform()];
    let leaf = Form::new(3, &pki.pck_key, &twin, &extensions).signed(&twin);
    let chain = Chain::pck(&pem(&[&leaf, &twin_ca, pki.root_der()])).unwrap();
    let error = pki.anchor().pck(&chain, &ca).unwrap_err();
    refused(&error, Stage::Crl, "fetch the collateral");
}

#[test]
fn a_ca_may_have_two_certificates_for_one_key() {
    let mut pki = Pki::new();
    let ca = pki.verified_ca();
    pki.ca.serial = tlv(INTEGER, &[&[9]]);
    pki.ca.validity = tlv(
        SEQUENCE,
        &[
            &tlv(UTC, &[b"250601000000Z"]),
            &tlv(UTC, &[b"250801000000Z"]),
        ],
    );
    let text = pki.pck_chain(&pki.ca.signed(&pki.root_key));
    let chain = Chain::pck(&text).unwrap();
    let platform = pki.anchor().pck(&chain, &ca).unwrap();
    // Its own time and its own number count.
    assert_eq!(platform.until().to_string(), "2025-08-01T00:00:00Z");
    let late = Time::from_unix(platform.until().unix() + 1);
    let error = platform.check_time(late).unwrap_err();
    refused(&error, Stage::Time, "PCK CA certificate");
    let none = pki.verified_pck_crl(&[]);
    let mut list = List::new(&pki.root_key, &[]);
    list.entries = Some(vec![List::entry(&[9], &[])]);
    let list = RevocationList::from_der(Document::RootCrl, &list.signed(&pki.root_key));
    let revoking = pki.anchor().root_crl(list.unwrap()).unwrap();
    let error = platform.check_revoked(&revoking, &none).unwrap_err();
    refused(
        &error,
        Stage::Revoked,
        "number 09 is revoked by the root CA",
    );

    // That certificate needs the root's signature as any other.
    pki.ca.signed(&pki.ca_key);
    let text = pki.pck_chain(&pki.ca.signed(&pki.ca_key));
    let error = pki
        .anchor()
        .pck(&Chain::pck(&text).unwrap(), &ca)
        .unwrap_err();
    refused(&error, Stage::Chain, "signature");
}

#[test]
fn what_is_revoked_is_named() {
    let pki = Pki::new();
    let platform = pck(&pki, &pki.pck_chain(&pki.ca_der_as_verified())).unwrap();
    let ca = pki.verified_ca();
    let signer = pki.verified_tcb();
    let root_list = |numbers: &[u8]| pki.verified_root_crl(numbers);
    let list = |numbers: &[u8]| -> PckCrl { pki.verified_pck_crl(numbers) };

    assert_eq!(
        platform.check_revoked(&root_list(&[2, 3]), &list(&[2, 4])),
        Ok(())
    );
    let error = platform
        .check_revoked(&root_list(&[]), &list(&[1, 3]))
        .unwrap_err();
    refused(&error, Stage::Revoked, "PCK certificate: number 8003");

    let anchor = pki.anchor();
    assert_eq!(root_list(&[3, 5]).check(&anchor, &ca, &[&signer]), Ok(()));
    for (number, says) in [
        (1, "root certificate: number 8001"),
        (2, "PCK CA certificate: number 8002"),
        (4, "TCB signing certificate: number 8004"),
    ] {
        let error = root_list(&[number]).check(&anchor, &ca, &[&signer]);
        refused(&error.unwrap_err(), Stage::Revoked, says);
    }
}

#[test]
fn signatures_of_the_verified_are_checked() {
    let pki = Pki::new();
    let signer = pki.verified_tcb();
    let good = pki.tcb_key.sign_fixed(b"{}");
    assert!(signer.signed(b"{}", &good));
    assert!(!signer.signed(b"{ }", &good));
    assert!(!signer.signed(b"{}", &pki.root_key.sign_fixed(b"{}")));
    assert!(!signer.signed(b"{}", &[0; 64]));
}

#[test]
fn texts_that_are_no_pem_are_refused() {
    let pki = Pki::new();
    let good = String::from_utf8(pki.pck_chain(&pki.ca_der_as_verified())).unwrap();
    assert!(pck(&pki, good.as_bytes()).is_ok());
    assert!(pck(&pki, good.replace('\n', "\r\n").as_bytes()).is_ok());
    assert!(pck(&pki, good.trim_end().as_bytes()).is_ok());
    let blank = good.replace(
        "-----END CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n\n\n",
    );
    assert!(pck(&pki, blank.as_bytes()).is_ok());
    assert!(pck(&pki, format!("{good}\0").as_bytes()).is_ok());
    let cases = [
        format!("{good}\0\0"),
        format!("{good}\0\n"),
        format!("\n{good}"),
        format!("{good} \n"),
        format!(" {good}"),
        format!("\u{feff}{good}"),
        format!("{good}-----BEGIN CERTIFICATE-----\n"),
        format!("Bag Attributes\n{good}"),
        good.replace("-----END CERTIFICATE-----\n", "-----END CERTIFICATE-----"),
        good.replace("CERTIFICATE", "X509 CERTIFICATE"),
        good.replace("-----END", "----END"),
        good.replacen('M', "!", 1),
        good.replacen("MII", "MI", 1),
        good.replacen(
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nA: b\n\n",
            1,
        ),
        good.replace('\n', ""),
        good.repeat(2),
    ];
    for text in cases {
        let error = pck(&pki, text.as_bytes()).expect_err(&text);
        assert_eq!(error.stage(), Stage::Chain);
        assert!(matches!(error, Error::Pem { .. }), "{error}");
    }
    assert!(matches!(
        pck(&pki, b"").unwrap_err(),
        Error::Length { found: 0, .. }
    ));
    // In collateral, a zero byte is none of the text, and what is no PEM is no collateral.
    let text = [pki.ca_chain(), vec![0]].concat();
    refused(
        &Chain::pck_ca(&text).unwrap_err(),
        Stage::Collateral,
        "chain of the PCK CA",
    );
    refused(
        &Chain::tcb_signing(b"?").unwrap_err(),
        Stage::Collateral,
        "at byte 0",
    );
}
