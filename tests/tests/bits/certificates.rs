//! One bit of the DER: of certificates and revocation lists, and of what is signed otherwise.

use attestation::Collateral;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sgx::quote::{Certification, Quote, Signature, encode};

use crate::evidence::{self, Evidence};
use crate::flips::Flips;

/// No bit of any is outside a signature: with one changed, nothing is accepted.
#[test]
fn no_bit_of_a_certificate_a_list_or_a_signature_is_left_unchecked() {
    for evidence in evidence::accepted() {
        let mut parts = 0;
        for part in PARTS {
            let bytes = part.bytes(&evidence);
            let flips = Flips::few(&format!("{}: {part:?}", evidence.name));
            for flip in flips.of(&bytes) {
                let changed = part.put(&evidence, &flip.apply(&bytes));
                assert!(
                    changed.outcome().is_err(),
                    "{}: {part:?} {}: accepted",
                    evidence.name,
                    flip.place(&bytes)
                );
            }
            // It is put back as it was found, or the changes would have been others.
            let same = part.put(&evidence, &bytes);
            assert_eq!(same.outcome(), evidence.outcome(), "{}", evidence.name);
            parts += 1;
        }
        println!("{}: {parts} parts", evidence.name);
    }
}

/// A document of the evidence, as the bytes that are signed or are a signature.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// A certificate of the quote's chain: the platform's first.
    QuoteChain(usize),
    /// A certificate of the chain that revocation lists of PCKs are issued by.
    PckCrlChain(usize),
    /// A certificate of the TCB info's chain.
    TcbInfoChain(usize),
    /// A certificate of the identity's chain.
    QeIdentityChain(usize),
    RootCrl,
    PckCrl,
    TcbInfo,
    TcbInfoSignature,
    QeIdentity,
    QeIdentitySignature,
}

const PARTS: [Part; 15] = [
    Part::QuoteChain(0),
    Part::QuoteChain(1),
    Part::QuoteChain(2),
    Part::PckCrlChain(0),
    Part::PckCrlChain(1),
    Part::TcbInfoChain(0),
    Part::TcbInfoChain(1),
    Part::QeIdentityChain(0),
    Part::QeIdentityChain(1),
    Part::RootCrl,
    Part::PckCrl,
    Part::TcbInfo,
    Part::TcbInfoSignature,
    Part::QeIdentity,
    Part::QeIdentitySignature,
];

impl Part {
    fn bytes(self, evidence: &Evidence) -> Vec<u8> {
        let collateral = collateral(evidence);
        match self {
            Self::QuoteChain(which) => der(&quote_chain(evidence), which),
            Self::PckCrlChain(which) => der(&collateral.pck_crl_issuer_chain, which),
            Self::TcbInfoChain(which) => der(&collateral.tcb_info_issuer_chain, which),
            Self::QeIdentityChain(which) => der(&collateral.qe_identity_issuer_chain, which),
            Self::RootCrl => collateral.root_ca_crl,
            Self::PckCrl => collateral.pck_crl,
            Self::TcbInfo => collateral.tcb_info.into_bytes(),
            Self::TcbInfoSignature => collateral.tcb_info_signature.to_vec(),
            Self::QeIdentity => collateral.qe_identity.into_bytes(),
            Self::QeIdentitySignature => collateral.qe_identity_signature.to_vec(),
        }
    }

    /// The evidence with other bytes there.
    fn put(self, evidence: &Evidence, bytes: &[u8]) -> Evidence {
        if let Self::QuoteChain(which) = self {
            return with_chain(evidence, &with_der(&quote_chain(evidence), which, bytes));
        }
        let mut changed = collateral(evidence);
        let signature = || bytes.try_into().expect("64 bytes");
        // A text that is no UTF-8 cannot be a member of JSON: it is refused there as this one is here.
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let put = |chain: &mut String, which| *chain = with_der(chain, which, bytes);
        match self {
            Self::QuoteChain(_) => {}
            Self::PckCrlChain(which) => put(&mut changed.pck_crl_issuer_chain, which),
            Self::TcbInfoChain(which) => put(&mut changed.tcb_info_issuer_chain, which),
            Self::QeIdentityChain(which) => put(&mut changed.qe_identity_issuer_chain, which),
            Self::RootCrl => changed.root_ca_crl = bytes.to_vec(),
            Self::PckCrl => changed.pck_crl = bytes.to_vec(),
            Self::TcbInfo => changed.tcb_info = text(),
            Self::TcbInfoSignature => changed.tcb_info_signature = signature(),
            Self::QeIdentity => changed.qe_identity = text(),
            Self::QeIdentitySignature => changed.qe_identity_signature = signature(),
        }
        Evidence {
            collateral: changed.to_json().into_bytes(),
            ..evidence.clone()
        }
    }
}

fn collateral(evidence: &Evidence) -> Collateral {
    Collateral::from_json(&evidence.collateral).expect("collateral")
}

fn quote_chain(evidence: &Evidence) -> String {
    let quote = Quote::parse(&evidence.quote).expect("a quote");
    String::from_utf8_lossy(quote.signature().certification.data).into_owned()
}

fn with_chain(evidence: &Evidence, chain: &str) -> Evidence {
    let quote = Quote::parse(&evidence.quote).expect("a quote");
    let own = *quote.signature();
    let signature = Signature {
        certification: Certification {
            data: chain.as_bytes(),
            ..own.certification
        },
        ..own
    };
    let quote = encode(quote.header(), quote.body(), &signature).expect("a quote");
    Evidence {
        quote,
        ..evidence.clone()
    }
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// One certificate of a chain.
fn der(chain: &str, which: usize) -> Vec<u8> {
    let one = chain.split(BEGIN).nth(which + 1).expect("a certificate");
    let (digits, _) = one.split_once(END).expect("its end");
    let digits: String = digits.split_ascii_whitespace().collect();
    STANDARD.decode(digits).expect("base64")
}

/// A chain with another certificate in the place of one, and all else as it was.
fn with_der(chain: &str, which: usize, der: &[u8]) -> String {
    let mut parts: Vec<String> = chain.split(BEGIN).map(str::to_owned).collect();
    let (_, rest) = parts[which + 1].split_once(END).expect("its end");
    let digits = STANDARD.encode(der);
    let lines: Vec<&str> = digits
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64"))
        .collect();
    parts[which + 1] = format!("\n{}\n{END}{rest}", lines.join("\n"));
    parts.join(BEGIN)
}
