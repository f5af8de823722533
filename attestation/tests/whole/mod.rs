//! Whole evidence under a PKI of our own, every part of which a test may choose: what the simulated
//! platform does not make.

#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use ring::digest::{SHA256, digest};
use sconce_attestation::{Collateral, TrustAnchor};
use sgx::ReportBody;
use sgx::quote::{
    Body, Certification, CertificationKind, Header, INTEL_VENDOR, Signature, Version, encode,
    to_be_signed,
};

use crate::forge::{List, Pki, SEQUENCE, Signer, UTC, pem, tlv};

/// A window, as each kind of document writes it.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    asn1: (&'static [u8], &'static [u8]),
    pub(crate) rfc3339: (&'static str, &'static str),
}

/// 1 June 2025 to 29 June 2035.
pub(crate) const WIDE: Window = Window {
    asn1: (b"250601000000Z", b"350629000000Z"),
    rfc3339: ("2025-06-01T00:00:00Z", "2035-06-29T00:00:00Z"),
};

/// 30 June to 10 July 2025.
pub(crate) const NARROW: Window = Window {
    asn1: (b"250630000000Z", b"250710000000Z"),
    rfc3339: ("2025-06-30T00:00:00Z", "2025-07-10T00:00:00Z"),
};

/// The first second of the narrow window.
pub(crate) const FROM: u64 = 1_751_241_600;

/// The last.
pub(crate) const UNTIL: u64 = 1_752_105_600;

/// What has a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
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

/// What to make. A document that is left out is the one of SGX.
pub(crate) struct Draft<'a> {
    /// What has the narrow window.
    pub(crate) narrow: Option<Part>,
    /// What the root has revoked: the root is 1, the PCK CA 2, the PCK 3, the TCB signer 4.
    pub(crate) by_root: &'a [u8],
    /// What the PCK CA has revoked.
    pub(crate) by_ca: &'a [u8],
    pub(crate) version: Version,
    pub(crate) body: Body,
    pub(crate) tcb_info: Option<String>,
    pub(crate) qe_identity: Option<String>,
}

pub(crate) struct Made {
    pub(crate) quote: Vec<u8>,
    pub(crate) collateral: Collateral,
    pub(crate) anchor: TrustAnchor,
}

impl Default for Draft<'_> {
    fn default() -> Self {
        Self {
            narrow: None,
            by_root: &[],
            by_ca: &[],
            version: Version::V3,
            body: Body::Sgx(report()),
            tcb_info: None,
            qe_identity: None,
        }
    }
}

impl Draft<'_> {
    pub(crate) fn make(&self) -> Made {
        let mut pki = Pki::new();
        pki.ca.validity = self.validity(Part::QuotesPckCa);
        let quotes_ca = pki.ca_der();
        pki.ca.validity = self.validity(Part::PckCa);
        // Each signature makes another certificate; only where one of them is narrow there are two.
        let ca = match self.narrow {
            Some(Part::PckCa | Part::QuotesPckCa) => pki.ca_der(),
            _ => quotes_ca.clone(),
        };
        pki.pck.validity = self.validity(Part::Pck);
        Made {
            collateral: self.collateral(&mut pki, &ca),
            quote: self.quote(&pki, &pki.pck_chain(&quotes_ca)),
            anchor: pki.anchor(),
        }
    }

    fn window(&self, part: Part) -> Window {
        if self.narrow == Some(part) {
            NARROW
        } else {
            WIDE
        }
    }

    fn validity(&self, part: Part) -> Vec<u8> {
        let (from, until) = self.window(part).asn1;
        tlv(SEQUENCE, &[&tlv(UTC, &[from]), &tlv(UTC, &[until])])
    }

    fn list(&self, part: Part, signer: &Signer, revoked: &[u8]) -> Vec<u8> {
        let (from, until) = self.window(part).asn1;
        let mut list = List::new(signer, revoked);
        (list.from, list.until) = (tlv(UTC, &[from]), tlv(UTC, &[until]));
        list.signed(signer)
    }

    fn collateral(&self, pki: &mut Pki, ca: &[u8]) -> Collateral {
        let root = pki.root_der().to_vec();
        let chain = |der: &[u8]| String::from_utf8(pem(&[der, &root])).unwrap();
        pki.tcb.validity = self.validity(Part::IdentitysTcbSigning);
        let identity_signer = pki.tcb_der();
        pki.tcb.validity = self.validity(Part::TcbSigning);
        let signer = pki.tcb_der();

        let tcb_info = self.tcb_info.clone();
        let tcb_info = tcb_info.unwrap_or_else(|| tcb_info_of_sgx(self.window(Part::TcbInfo)));
        let identity = self.qe_identity.clone();
        let identity = identity.unwrap_or_else(|| qe_identity("QE", self.window(Part::QeIdentity)));
        let members = [
            ("pck_crl_issuer_chain", chain(ca)),
            (
                "root_ca_crl",
                hex::encode(self.list(Part::RootCrl, &pki.root_key, self.by_root)),
            ),
            (
                "pck_crl",
                hex::encode(self.list(Part::PckCrl, &pki.ca_key, self.by_ca)),
            ),
            ("tcb_info_issuer_chain", chain(&signer)),
            (
                "tcb_info_signature",
                hex::encode(pki.tcb_key.sign_fixed(tcb_info.as_bytes())),
            ),
            ("tcb_info", tcb_info),
            ("qe_identity_issuer_chain", chain(&identity_signer)),
            (
                "qe_identity_signature",
                hex::encode(pki.tcb_key.sign_fixed(identity.as_bytes())),
            ),
            ("qe_identity", identity),
        ];
        let members = members.map(|(name, value)| (name, value.into()));
        let json =
            serde_json::Map::from_iter(members.map(|(name, value)| (name.to_owned(), value)));
        Collateral::from_json(&serde_json::to_vec(&json).unwrap()).unwrap()
    }

    fn quote(&self, pki: &Pki, chain: &[u8]) -> Vec<u8> {
        let attestation = Signer::new("attestation key");
        let attestation_key: &[u8; 64] = attestation.point()[1..].try_into().unwrap();
        let header = Header {
            version: self.version,
            qe_svn: 0,
            pce_svn: 0,
            vendor: INTEL_VENDOR,
            user_data: [0; 20],
        };
        let mut qe = report();
        qe.report_data[..32].copy_from_slice(digest(&SHA256, attestation_key).as_ref());
        let qe = qe.to_bytes();
        let signature = Signature {
            isv_signature: &attestation.sign_fixed(&to_be_signed(&header, &self.body).unwrap()),
            attestation_key,
            qe_report_bytes: &qe,
            qe_report_signature: &pki.pck_key.sign_fixed(&qe),
            qe_auth_data: &[],
            certification: Certification {
                kind: CertificationKind::PckChain,
                data: chain,
            },
        };
        encode(&header, &self.body, &signature).unwrap()
    }
}

/// TCB info of SGX, with one level that the platform has reached.
pub(crate) fn tcb_info_of_sgx(window: Window) -> String {
    let level = level(1..=16, "", "UpToDate");
    tcb_info("SGX", "", &[level], window)
}

/// TCB info with these levels; `modules` are members for TDX, each with a comma behind it.
pub(crate) fn tcb_info(id: &str, modules: &str, levels: &[String], window: Window) -> String {
    let (from, until) = window.rfc3339;
    let levels = levels.join(",");
    format!(
        r#"{{"id":"{id}","version":3,"issueDate":"{from}","nextUpdate":"{until}","fmspc":"010203040506","pceId":"0001","tcbType":0,"tcbEvaluationDataNumber":1,{modules}"tcbLevels":[{levels}]}}"#
    )
}

/// A level with these components of SGX; `tdx` is a member with a comma before it.
pub(crate) fn level(sgx: impl IntoIterator<Item = u8>, tdx: &str, status: &str) -> String {
    let components = components(sgx);
    format!(
        r#"{{"tcb":{{"sgxtcbcomponents":{components},"pcesvn":13{tdx}}},"tcbDate":"2025-01-01T00:00:00Z","tcbStatus":"{status}"}}"#
    )
}

pub(crate) fn components(svns: impl IntoIterator<Item = u8>) -> String {
    let svns = svns.into_iter().map(|svn| format!(r#"{{"svn":{svn}}}"#));
    format!("[{}]", svns.collect::<Vec<_>>().join(","))
}

/// The identity of the quoting enclave that is used here.
pub(crate) fn qe_identity(id: &str, window: Window) -> String {
    let (from, until) = window.rfc3339;
    let (zeros, ones, signer) = ("00".repeat(16), "FF".repeat(16), "07".repeat(32));
    format!(
        r#"{{"id":"{id}","version":2,"issueDate":"{from}","nextUpdate":"{until}","tcbEvaluationDataNumber":1,"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"{zeros}","attributesMask":"{ones}","mrsigner":"{signer}","isvprodid":1,"tcbLevels":[{{"tcb":{{"isvsvn":1}},"tcbDate":"{from}","tcbStatus":"UpToDate"}}]}}"#
    )
}

/// Of the quoting enclave; the program's is the same.
fn report() -> ReportBody {
    let mut report = ReportBody::parse(&[0; ReportBody::SIZE]).unwrap();
    report.mrsigner.0 = [7; 32];
    report.isv_prod_id = 1;
    report.isv_svn = 1;
    report
}
