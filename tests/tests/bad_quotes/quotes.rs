//! Quotes that are none, or that somebody has changed.

use crate::case::Case;

/// Where things stand in a quote of version 3 (`docs/attestation.md` has its source).
const VERSION: usize = 0;
const KEY_TYPE: usize = 2;
const TEE_TYPE: usize = 4;
const VENDOR: usize = 12;
const USER_DATA: usize = 28;
const MRENCLAVE: usize = 48 + 64;
const MRSIGNER: usize = 48 + 128;
const RESERVED: usize = 48 + 96;
const REPORT_DATA: usize = 48 + 320;
const LENGTH: usize = 432;
const SIGNATURE: usize = 436;
const KEY: usize = 500;
const QE_REPORT: usize = 564;
const QE_REPORT_DATA: usize = 564 + 320;
const QE_SIGNATURE: usize = 948;
const AUTH_LENGTH: usize = 1012;
const AUTH: usize = 1014;
const CERTIFICATION_TYPE: usize = 1046;
const CERTIFICATES: usize = 1052;

pub(crate) fn cases() -> Vec<Case> {
    let flipped =
        |name, at: usize, stage| Case::verify(name, stage).changed("quote", |quote| quote[at] ^= 1);
    let cut = |name, length: usize| {
        Case::verify(name, "parse").changed("quote", move |quote| quote.truncate(length))
    };
    vec![
        cut("an empty quote", 0),
        cut("half a header", 20),
        cut("a header alone", 48),
        cut("half a body", 300),
        cut("no signature", 432),
        cut("half a signature", 460),
        cut("no certification", 1046),
        Case::verify("one byte less", "parse").changed("quote", |quote| {
            quote.pop();
        }),
        Case::verify("one byte more", "parse").changed("quote", |quote| quote.push(0)),
        Case::verify("the quote twice", "parse").changed("quote", |quote| {
            quote.extend_from_within(..);
        }),
        Case::verify("zeros", "parse").file("quote", [0; 5000]),
        Case::verify("a text", "parse").file("quote", "quote"),
        Case::verify("hex instead of bytes", "parse").changed("quote", |quote| {
            *quote = hex::encode(&quote).into_bytes();
        }),
        Case::verify("a megabyte", "parse").file("quote", vec![3; 1 << 20]),
        flipped("version 2", VERSION, "parse"),
        Case::verify("version 4 of a body of version 3", "parse")
            .changed("quote", |quote| quote[VERSION] = 4),
        flipped("another TEE", TEE_TYPE, "parse"),
        flipped("another type of key", KEY_TYPE, "header"),
        flipped("another vendor", VENDOR, "header"),
        flipped("reserved bytes of the body", RESERVED, "parse"),
        flipped("the length of the signature", LENGTH, "parse"),
        flipped(
            "the length of the authentication data",
            AUTH_LENGTH,
            "parse",
        ),
        flipped("another user data", USER_DATA, "isv-signature"),
        flipped("another measurement", MRENCLAVE, "isv-signature"),
        flipped("another signer", MRSIGNER, "isv-signature"),
        flipped("another report data", REPORT_DATA, "isv-signature"),
        flipped("another signature", SIGNATURE, "isv-signature"),
        flipped("another attestation key", KEY, "qe-report-data"),
        flipped("other authentication data", AUTH, "qe-report-data"),
        flipped("another quoting enclave", QE_REPORT, "qe-report-signature"),
        flipped(
            "another report data of the quoting enclave",
            QE_REPORT_DATA,
            "qe-report-signature",
        ),
        flipped(
            "another signature of its",
            QE_SIGNATURE,
            "qe-report-signature",
        ),
        Case::verify("a signature of zeros", "isv-signature").changed("quote", |quote| {
            quote[SIGNATURE..SIGNATURE + 64].fill(0);
        }),
        Case::verify("a key of zeros", "qe-report-data").changed("quote", |quote| {
            quote[KEY..KEY + 64].fill(0);
        }),
        Case::verify("an encrypted PPID instead of certificates", "chain")
            .changed("quote", |quote| quote[CERTIFICATION_TYPE] = 3),
        Case::verify("an unknown kind of certification", "parse")
            .changed("quote", |quote| quote[CERTIFICATION_TYPE] = 99),
        flipped("certificates that are no PEM", CERTIFICATES, "chain"),
        Case::verify("a certificate that says another thing", "chain").changed("quote", |quote| {
            // A digit of base64 in the middle of the first certificate.
            let at = CERTIFICATES + 500;
            quote[at] = if quote[at] == b'A' { b'B' } else { b'A' };
        }),
    ]
}
