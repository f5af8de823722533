//! `openssl verify`, at its strictest, takes the certificates and revocation lists for good ones.

#![allow(clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

use sconce_simulator::{Ca, Change, Evidence, Platform, Secs, Seed, Settings};

const MADE: u64 = 1_748_736_000;
const NOW: u64 = 1_751_328_000;

#[test]
fn certificates_and_lists_are_good_ones() {
    if !there_is_openssl() {
        return;
    }
    for ca in [Ca::Processor, Ca::Platform] {
        let settings = Settings {
            ca,
            ..Settings::new(MADE)
        };
        let platform = Platform::new(Seed::from_bytes([1; 32]), settings).expect("a platform");
        assert_eq!(verify(&platform, NOW), Ok(()), "{ca:?}");

        let machine = platform.clone().with(NOW, Change::RevokePck);
        assert_eq!(verify(&machine, NOW - 1), Ok(()), "{ca:?}");
        let refusal = verify(&machine, NOW).expect_err("revoked");
        assert!(refusal.contains("certificate revoked"), "{refusal}");

        let authority = platform.with(NOW, Change::RevokePckCa);
        let refusal = verify(&authority, NOW).expect_err("revoked");
        assert!(refusal.contains("certificate revoked"), "{refusal}");
    }
}

/// The chains of PCK certificate and TCB signing certificate, each with all lists.
fn verify(platform: &Platform, now: u64) -> Result<(), String> {
    let secs = Secs::new(sgx::Mrenclave([3; 32]), sgx::Mrsigner([4; 32]));
    let evidence = platform.evidence(&secs, &[5; 64], now).expect("evidence");
    let folder = tempfile::tempdir().expect("a folder");
    let pck = pck_chain(&evidence);
    let [leaf, authority, root] = &certificates(&pck)[..] else {
        panic!("three certificates: {pck}");
    };
    let collateral = &evidence.collateral;
    let [signer, _] = &certificates(&collateral.tcb_info_issuer_chain)[..] else {
        panic!("two certificates");
    };
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    write("pck.pem", leaf);
    write("authority.pem", authority);
    write("root.pem", root);
    write("tcb.pem", signer);
    let lists = [&collateral.root_ca_crl, &collateral.pck_crl].map(|list| to_pem(list));
    write("lists.pem", &lists.concat());
    openssl(folder.path(), "pck.pem", now)?;
    openssl(folder.path(), "tcb.pem", now)
}

fn openssl(folder: &Path, leaf: &str, now: u64) -> Result<(), String> {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(["verify", "-x509_strict", "-crl_check_all", "-check_ss_sig"])
        .args(["-attime", &now.to_string(), "-CRLfile", "lists.pem"])
        .args(["-CAfile", "root.pem", "-untrusted", "authority.pem", leaf])
        .output()
        .expect("openssl runs");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn pck_chain(evidence: &Evidence) -> String {
    let quote = sgx::quote::Quote::parse(&evidence.quote).expect("a quote");
    let chain = quote.signature().certification.data;
    String::from_utf8(chain.to_vec()).expect("PEM")
}

fn certificates(pem: &str) -> Vec<&str> {
    pem.split_inclusive("-----END CERTIFICATE-----\n").collect()
}

fn to_pem(list: &[u8]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["crl", "-inform", "DER"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut input = openssl.stdin.take().expect("piped");
    input.write_all(list).expect("written");
    drop(input);
    let output = openssl.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("PEM")
}

fn there_is_openssl() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok();
    if !there {
        let line = b"\n*** SKIPPED: certificates by openssl: it is not installed ***\n\n";
        let _unseen = io::stderr().write_all(line);
    }
    there
}
