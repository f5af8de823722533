//! Certificates and revocation lists of a PKI that has nothing to lose: every part can be replaced by
//! other bytes before it is signed.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "several tests, and each uses some of it"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::iter::once;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use sconce_attestation::x509::{Chain, Document, RevocationList};
use sconce_attestation::{Fingerprint, PckCa, PckCrl, RootCrl, TcbSigner, TrustAnchor};

pub const INTEGER: u8 = 0x02;
pub const BITS: u8 = 0x03;
pub const OCTETS: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const ENUMERATED: u8 = 0x0a;
pub const UTF8: u8 = 0x0c;
pub const PRINTABLE: u8 = 0x13;
pub const UTC: u8 = 0x17;
pub const GENERALIZED: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
pub const EXPLICIT_0: u8 = 0xa0;
pub const EXPLICIT_3: u8 = 0xa3;
pub const TRUE: [u8; 3] = [1, 1, 0xff];
pub const FALSE: [u8; 3] = [1, 1, 0];

pub const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
pub const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
pub const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 14];
pub const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
pub const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
pub const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 28];
pub const DELTA_CRL: &[u8] = &[0x55, 0x1d, 27];
pub const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
pub const REASON: &[u8] = &[0x55, 0x1d, 21];
pub const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
/// 1.2.840.113741.1.13.1
pub const PLATFORM: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 13, 1];

/// 2025-07-01T00:00:00Z, when everything here is in force.
pub const NOW: u64 = 1_751_328_000;

/// An element of DER.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let length = match length {
        0..0x80 => vec![u8::try_from(length).unwrap()],
        0x80..0x100 => vec![0x81, u8::try_from(length).unwrap()],
        _ => [&[0x82], &u16::try_from(length).unwrap().to_be_bytes()[..]].concat(),
    };
    [vec![tag], length, content].concat()
}

pub fn name_of(parts: &[(u8, &str)]) -> Vec<u8> {
    let rdns: Vec<_> = parts
        .iter()
        .map(|(kind, text)| {
            let kind = tlv(OID, &[&[0x55, 4, *kind]]);
            let text = tlv(UTF8, &[text.as_bytes()]);
            tlv(SET, &[&tlv(SEQUENCE, &[&kind, &text])])
        })
        .collect();
    tlv(SEQUENCE, &[&rdns.concat()])
}

pub fn name(common: &str) -> Vec<u8> {
    name_of(&[(3, common), (10, "SIMULATION ONLY - NOT INTEL")])
}

pub fn extension(kind: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &TRUE } else { &[] };
    let content = tlv(OCTETS, &[content]);
    tlv(SEQUENCE, &[&tlv(OID, &[kind]), critical, &content])
}

pub fn ca(path: Option<u8>) -> Vec<u8> {
    let path = path.map(|path| tlv(INTEGER, &[&[path]]));
    let content = tlv(SEQUENCE, &[&TRUE, &path.unwrap_or_default()]);
    extension(BASIC_CONSTRAINTS, true, &content)
}

pub fn no_ca() -> Vec<u8> {
    extension(BASIC_CONSTRAINTS, true, &tlv(SEQUENCE, &[]))
}

/// Key usage: unused bits, bits.
pub fn usage(unused: u8, bits: u8) -> Vec<u8> {
    extension(KEY_USAGE, true, &tlv(BITS, &[&[unused, bits]]))
}

pub fn signs_certificates() -> Vec<u8> {
    usage(1, 0b0000_0110)
}

pub fn signs_data() -> Vec<u8> {
    usage(6, 0b1100_0000)
}

/// The extension of a platform.
pub fn platform() -> Vec<u8> {
    extension(PLATFORM, false, &platform_content())
}

pub fn platform_field(number: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OID, &[PLATFORM, number]), value])
}

pub fn platform_fields() -> Vec<Vec<u8>> {
    let mut tcb: Vec<_> = (1..=16)
        .map(|number| platform_field(&[2, number], &tlv(INTEGER, &[&[number]])))
        .collect();
    tcb.push(platform_field(&[2, 17], &tlv(INTEGER, &[&[13]])));
    tcb.push(platform_field(&[2, 18], &tlv(OCTETS, &[&[7; 16]])));
    vec![
        platform_field(&[1], &tlv(OCTETS, &[&[0xaa; 16]])),
        platform_field(&[2], &tlv(SEQUENCE, &[&tcb.concat()])),
        platform_field(&[3], &tlv(OCTETS, &[&[0, 1]])),
        platform_field(&[4], &tlv(OCTETS, &[&[1, 2, 3, 4, 5, 6]])),
        platform_field(&[5], &tlv(ENUMERATED, &[&[1]])),
        platform_field(&[6], &tlv(OCTETS, &[&[0xbb; 16]])),
        platform_field(
            &[7],
            &tlv(
                SEQUENCE,
                &[
                    &platform_field(&[7, 1], &TRUE),
                    &platform_field(&[7, 2], &FALSE),
                    &platform_field(&[7, 3], &TRUE),
                ],
            ),
        ),
    ]
}

pub fn platform_content() -> Vec<u8> {
    tlv(SEQUENCE, &[&platform_fields().concat()])
}

/// A key and the name of its owner.
pub struct Signer {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    pub name: Vec<u8>,
}

impl Signer {
    pub fn new(common: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self {
            pair,
            pkcs8: pkcs8.as_ref().to_vec(),
            name: name(common),
        }
    }

    pub fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// SHA-256 of the point, cut.
    pub fn key_id(&self) -> Vec<u8> {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.point());
        digest.as_ref()[..20].to_vec()
    }

    /// r and s.
    pub fn sign_fixed(&self, message: &[u8]) -> [u8; 64] {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pkcs8, &random).unwrap();
        pair.sign(&random, message)
            .unwrap()
            .as_ref()
            .try_into()
            .unwrap()
    }

    /// `message`, an algorithm and the signature.
    fn sign(&self, message: &[u8], algorithm: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let signature = self.pair.sign(&random, message).unwrap();
        let signature = tlv(BITS, &[&[0], signature.as_ref()]);
        tlv(SEQUENCE, &[message, algorithm, &signature])
    }
}

/// ECDSA with SHA-256.
pub fn algorithm() -> Vec<u8> {
    let oid = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    tlv(SEQUENCE, &[&tlv(OID, &[&oid])])
}

fn key_info(signer: &Signer) -> Vec<u8> {
    let ec = tlv(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]);
    let curve = tlv(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]]);
    let kind = tlv(SEQUENCE, &[&ec, &curve]);
    tlv(SEQUENCE, &[&kind, &tlv(BITS, &[&[0], signer.point()])])
}

/// The parts of a certificate, each encoded.
#[derive(Clone)]
pub struct Form {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub validity: Vec<u8>,
    pub subject: Vec<u8>,
    pub key: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
    /// Behind the extensions.
    pub more: Vec<u8>,
    /// Outside of what is signed.
    pub outer_algorithm: Vec<u8>,
}

impl Form {
    pub fn new(number: u8, subject: &Signer, issuer: &Signer, extensions: &[Vec<u8>]) -> Self {
        let own = extension(SUBJECT_KEY, false, &tlv(OCTETS, &[&subject.key_id()]));
        let authority = tlv(SEQUENCE, &[&tlv(0x80, &[&issuer.key_id()])]);
        let authority = extension(AUTHORITY_KEY, false, &authority);
        Self {
            version: tlv(EXPLICIT_0, &[&tlv(INTEGER, &[&[2]])]),
            serial: tlv(INTEGER, &[&[0, 0x80, number]]),
            algorithm: algorithm(),
            issuer: issuer.name.clone(),
            validity: tlv(
                SEQUENCE,
                &[
                    &tlv(UTC, &[b"250601000000Z"]),
                    &tlv(UTC, &[b"350629000000Z"]),
                ],
            ),
            subject: subject.name.clone(),
            key: key_info(subject),
            extensions: extensions.iter().cloned().chain([own, authority]).collect(),
            more: Vec::new(),
            outer_algorithm: algorithm(),
        }
    }

    pub fn signed(&self, issuer: &Signer) -> Vec<u8> {
        let extensions = tlv(SEQUENCE, &[&self.extensions.concat()]);
        let signed = tlv(
            SEQUENCE,
            &[
                &self.version,
                &self.serial,
                &self.algorithm,
                &self.issuer,
                &self.validity,
                &self.subject,
                &self.key,
                &tlv(EXPLICIT_3, &[&extensions]),
                &self.more,
            ],
        );
        issuer.sign(&signed, &self.outer_algorithm)
    }
}

/// The parts of a revocation list, each encoded.
#[derive(Clone)]
pub struct List {
    pub version: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub from: Vec<u8>,
    pub until: Vec<u8>,
    /// `None`: there is no list of entries.
    pub entries: Option<Vec<Vec<u8>>>,
    pub extensions: Vec<Vec<u8>>,
}

impl List {
    pub fn new(issuer: &Signer, numbers: &[u8]) -> Self {
        let authority = tlv(SEQUENCE, &[&tlv(0x80, &[&issuer.key_id()])]);
        let entries: Vec<_> = numbers
            .iter()
            .map(|number| Self::entry(&[0, 0x80, *number], &[]))
            .collect();
        Self {
            version: tlv(INTEGER, &[&[1]]),
            algorithm: algorithm(),
            issuer: issuer.name.clone(),
            from: tlv(UTC, &[b"250630000000Z"]),
            until: tlv(UTC, &[b"250730000000Z"]),
            entries: (!entries.is_empty()).then_some(entries),
            extensions: vec![
                extension(CRL_NUMBER, false, &tlv(INTEGER, &[&[1]])),
                extension(AUTHORITY_KEY, false, &authority),
            ],
        }
    }

    /// An entry with extensions.
    pub fn entry(serial: &[u8], extensions: &[&[u8]]) -> Vec<u8> {
        let extensions = match extensions {
            [] => Vec::new(),
            some => tlv(SEQUENCE, some),
        };
        let when = tlv(UTC, &[b"250615000000Z"]);
        tlv(SEQUENCE, &[&tlv(INTEGER, &[serial]), &when, &extensions])
    }

    pub fn signed(&self, issuer: &Signer) -> Vec<u8> {
        let entries = self.entries.as_ref();
        let entries = entries.map(|entries| tlv(SEQUENCE, &[&entries.concat()]));
        let extensions = tlv(SEQUENCE, &[&self.extensions.concat()]);
        let signed = tlv(
            SEQUENCE,
            &[
                &self.version,
                &self.algorithm,
                &self.issuer,
                &self.from,
                &self.until,
                &entries.unwrap_or_default(),
                &tlv(EXPLICIT_0, &[&extensions]),
            ],
        );
        issuer.sign(&signed, &self.algorithm)
    }
}

pub fn pem(certificates: &[&[u8]]) -> Vec<u8> {
    let text: String = certificates
        .iter()
        .flat_map(|der| {
            let text = base64(der);
            let lines: Vec<_> = text
                .as_bytes()
                .chunks(64)
                .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
                .collect();
            once("-----BEGIN CERTIFICATE-----\n".to_owned())
                .chain(lines)
                .chain(once("-----END CERTIFICATE-----\n".to_owned()))
        })
        .collect();
    text.into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|three| {
            let number = (0..3).fold(0, |number: u32, at| {
                number << 8 | u32::from(three.get(at).copied().unwrap_or(0))
            });
            let digits = three.len() + 1;
            (0..4).map(move |at| {
                let digit = number >> (18 - 6 * at) & 63;
                if at < digits {
                    char::from(DIGITS[usize::try_from(digit).unwrap()])
                } else {
                    '='
                }
            })
        })
        .collect()
}

/// A whole PKI. Certificates are kept in parts, so that a test changes one and signs it again.
pub struct Pki {
    pub root_key: Signer,
    pub ca_key: Signer,
    pub pck_key: Signer,
    pub tcb_key: Signer,
    pub root: Form,
    pub ca: Form,
    pub pck: Form,
    pub tcb: Form,
    root_der: Vec<u8>,
    ca_der: Vec<u8>,
}

impl Pki {
    pub fn new() -> Self {
        let root_key = Signer::new("SIMULATED SGX Root CA");
        let ca_key = Signer::new("SIMULATED SGX PCK Platform CA");
        let pck_key = Signer::new("SIMULATED SGX PCK Certificate");
        let tcb_key = Signer::new("SIMULATED SGX TCB Signing");
        let of_ca = |path| vec![signs_certificates(), ca(Some(path))];
        let of_leaf = vec![signs_data(), no_ca()];
        let of_platform = vec![signs_data(), no_ca(), platform()];
        let root = Form::new(1, &root_key, &root_key, &of_ca(1));
        let root_der = root.signed(&root_key);
        let ca = Form::new(2, &ca_key, &root_key, &of_ca(0));
        Self {
            ca_der: ca.signed(&root_key),
            ca,
            pck: Form::new(3, &pck_key, &ca_key, &of_platform),
            tcb: Form::new(4, &tcb_key, &root_key, &of_leaf),
            root,
            root_der,
            root_key,
            ca_key,
            pck_key,
            tcb_key,
        }
    }

    pub fn root_der(&self) -> &[u8] {
        &self.root_der
    }

    pub fn anchor(&self) -> TrustAnchor {
        TrustAnchor::simulated(&self.root_der, Fingerprint::of(&self.root_der)).unwrap()
    }

    pub fn ca_der(&self) -> Vec<u8> {
        self.ca.signed(&self.root_key)
    }

    pub fn pck_der(&self) -> Vec<u8> {
        self.pck.signed(&self.ca_key)
    }

    pub fn tcb_der(&self) -> Vec<u8> {
        self.tcb.signed(&self.root_key)
    }

    pub fn pck_chain(&self, ca: &[u8]) -> Vec<u8> {
        pem(&[&self.pck_der(), ca, &self.root_der])
    }

    pub fn ca_chain(&self) -> Vec<u8> {
        pem(&[&self.ca_der(), &self.root_der])
    }

    pub fn tcb_chain(&self) -> Vec<u8> {
        pem(&[&self.tcb_der(), &self.root_der])
    }

    /// The CA's certificate as it was at first, for [`Self::verified_ca`].
    pub fn ca_der_as_verified(&self) -> Vec<u8> {
        self.ca_der.clone()
    }

    /// The verified CA.
    pub fn verified_ca(&self) -> PckCa {
        let chain = Chain::pck_ca(&pem(&[&self.ca_der, &self.root_der])).unwrap();
        self.anchor().pck_ca(&chain).unwrap()
    }

    /// The verified TCB signer.
    pub fn verified_tcb(&self) -> TcbSigner {
        let chain = Chain::tcb_signing(&self.tcb_chain()).unwrap();
        self.anchor().tcb_signer(&chain).unwrap()
    }

    /// The root's verified list of these numbers.
    pub fn verified_root_crl(&self, numbers: &[u8]) -> RootCrl {
        let list = List::new(&self.root_key, numbers).signed(&self.root_key);
        let list = RevocationList::from_der(Document::RootCrl, &list).unwrap();
        self.anchor().root_crl(list).unwrap()
    }

    /// The CA's verified list of these numbers.
    pub fn verified_pck_crl(&self, numbers: &[u8]) -> PckCrl {
        let list = List::new(&self.ca_key, numbers).signed(&self.ca_key);
        let list = RevocationList::from_der(Document::PckCrl, &list).unwrap();
        self.verified_ca().crl(list).unwrap()
    }
}
