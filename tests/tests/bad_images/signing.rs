//! Keys that sign nothing, and signatures that must not be made.

use crate::case::{Case, Way, failed, unusable, usage};
use crate::keys;
use crate::sandbox::Entry;

const ELSEWHERE: &str =
    "sign --date 2024-02-29 good.sgxs --signature bad.rsa --public-key public.pem -o new.sig";

const ENCRYPTED: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----\nMFMGCSqGSIb3DQEFDTBGMCkGCSqG\n-----END ENCRYPTED PRIVATE KEY-----\n";

const ENCRYPTED_OF_OLD: &str = "\
-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,7EA2E1C203E7AA8A205F\n\n\
NFeXb3rGCSqGSIb3DQEFDTBGMCkG\n-----END RSA PRIVATE KEY-----\n";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = keys();
    cases.extend(dates());
    cases.extend(releases());
    cases.extend(elsewhere());
    cases
}

fn keys() -> Vec<Case> {
    let bad = |name, key: &[u8]| {
        let line = "sign --key bad.pem --date 2024-02-29 good.sgxs -o new.sig";
        unusable(name, line, "sign.key").entry("bad.pem", Entry::Secret(key.to_vec()))
    };
    vec![
        bad("an empty file", b""),
        bad("no PEM", &[0x30; 700]),
        bad("a line that never ends", &[b'-'; 70_000][..60_000]),
        bad(
            "a certificate's label",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        bad(
            "a label without an end",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n",
        ),
        bad(
            "no base64",
            b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
        ),
        bad(
            "no key in it",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ),
        bad("RSA-2048", keys::rsa_2048().as_bytes()),
        bad("exponent 65537", keys::usual_exponent()).says("exponent"),
        bad("an elliptic curve", keys::elliptic().as_bytes()).says("no RSA key"),
        bad("an encrypted key", ENCRYPTED.as_bytes()).says("encrypted"),
        bad("an encrypted key of old", ENCRYPTED_OF_OLD.as_bytes()).says("encrypted"),
        unusable("a key that was damaged", "key show key.pem", "sign.key")
            .entry("key.pem", Entry::Changed(|key| keys::damage(key)))
            .says("damaged"),
        unusable("a key without end", "key show /dev/zero", "file.io"),
        unusable("no key there", "key show nothing.pem", "file.io"),
        unusable("a folder", "key show image", "file.io"),
        unusable("a key of somebody else", "key show key.pem", "file.io").started(Way::Nobody),
        unusable(
            "the public half to sign with",
            "key show public.pem",
            "sign.key",
        ),
        unusable(
            "the private half as the public one",
            "key show --public key.pem",
            "sign.key",
        ),
        failed("over a key that is there", "key new key.pem", "file.io").says("not overwritten"),
        failed("over a link to nowhere", "key new link.pem", "file.io")
            .entry("link.pem", Entry::Link("nothing")),
        failed("into no folder", "key new nowhere/key.pem", "file.io"),
        usage("a key without a name", "key new"),
        usage("an unknown verb", "key burn key.pem"),
    ]
}

fn dates() -> Vec<Case> {
    const LINE: &str = "sign --key key.pem good.sgxs -o new.sig";
    let epoch =
        |name, value| unusable(name, LINE, "sign.date").variable("SOURCE_DATE_EPOCH", value);
    let day = |name, date| usage(name, LINE).argument(format!("--date={date}"));
    vec![
        unusable("no date", LINE, "sign.date").says("today"),
        unusable(
            "no date in a release",
            &format!("{LINE} --release"),
            "sign.date",
        ),
        epoch("an empty epoch", ""),
        epoch("an epoch that is a date", "2024-02-29"),
        epoch("an epoch before 1970", "-1"),
        epoch("an epoch after 9999", "253402300800"),
        epoch("an epoch beyond 64 bits", "18446744073709551616"),
        day("today", "today"),
        day("the 30th of February", "2024-02-30"),
        day("the 29th of February 2023", "2023-02-29"),
        day("a day of 1969", "1969-12-31"),
        day("an American date", "02/29/2024"),
    ]
}

fn releases() -> Vec<Case> {
    let line = |options: &str| {
        format!("sign --key key.pem --date 2024-02-29 --release {options} good.sgxs -o new.sig")
    };
    let release = |name, options| unusable(name, &line(options), "sign.release");
    let meaningless = |name, options| usage(name, &line(options));
    vec![
        release("a mask without DEBUG", "--attributes 0x4/0x2").says("leaves DEBUG out"),
        release("a mask of nothing", "--attributes 0x4/0xffffffffffffffff"),
        release("DEBUG in the attributes", "--attributes 0x6/0").says("DEBUG is set"),
        meaningless("DEBUG by its option", "--debug"),
        meaningless(
            "attributes beyond 64 bits",
            "--attributes 0x10000000000000000",
        ),
        meaningless("a mask of no digits", "--attributes 4/"),
        meaningless("a product beyond 16 bits", "-p 65536"),
        meaningless("a version below zero", "-v -1"),
        meaningless(
            "an enclave.toml and what it says",
            "--config enclave.toml -p 1",
        ),
        unusable(
            "an enclave.toml that is none",
            &line("--config good.sig"),
            "file.io",
        ),
        unusable(
            "a stream that is none",
            &line("").replace("good.sgxs", "program"),
            "sgxs.record",
        ),
        unusable(
            "no stream there",
            &line("").replace("good.sgxs", "no.sgxs"),
            "file.io",
        ),
    ]
}

fn elsewhere() -> Vec<Case> {
    let bad = |name, signature: Vec<u8>| {
        unusable(name, ELSEWHERE, "sign.signature").file("bad.rsa", signature)
    };
    vec![
        bad("no signature", vec![]),
        bad("half a signature", vec![1; 192]).says("192 bytes"),
        bad("a signature and a line feed", vec![1; 385]),
        bad("a signature of something else", vec![1; 384]).says("SGX_INVALID_SIGNATURE"),
        bad("a signature above the modulus", vec![0xff; 384]),
        unusable("no signature there", ELSEWHERE, "file.io").says("bad.rsa"),
        unusable(
            "a private key as the public one",
            &ELSEWHERE.replace("public.pem", "key.pem"),
            "sign.key",
        )
        .file("bad.rsa", [1; 384]),
        usage(
            "a signature and no key",
            "sign good.sgxs --signature good.sig -o new.sig",
        ),
        usage("two who sign", &format!("{ELSEWHERE} --key key.pem")),
        usage(
            "nobody who signs",
            "sign --date 2024-02-29 good.sgxs -o new.sig",
        ),
        usage(
            "nowhere to write",
            "sign --date 2024-02-29 --key key.pem good.sgxs",
        ),
        usage(
            "bytes to sign and a signature",
            "sign good.sgxs --key key.pem --out-tbs a -o b",
        ),
    ]
}
