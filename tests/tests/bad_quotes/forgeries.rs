//! Platforms that lie, each in one way.

use simulator::Forgery;

use crate::case::Case;
use crate::sample::{NOW, REPORT_DATA, debug, forged, platform};

pub(crate) fn cases() -> Vec<Case> {
    let lie = |name, forgery, stage| {
        let evidence = forged(forgery);
        let fingerprint = attestation::Fingerprint::of(&evidence.root).to_string();
        let policy = crate::sample::policy().replace(&crate::sample::fingerprint(), &fingerprint);
        Case::verify(name, stage)
            .evidence(&evidence)
            .option("--trust-root", fingerprint)
            .file("policy.toml", policy)
    };
    let debugged = platform().evidence(&debug(), &REPORT_DATA, NOW).unwrap();
    vec![
        lie(
            "another attestation key",
            Forgery::AttestationKey,
            "qe-report-data",
        ),
        lie("version 4", Forgery::HeaderVersion(4), "parse"),
        lie("an unknown vendor", Forgery::Vendor, "header"),
        lie(
            "a quoting enclave for debugging",
            Forgery::QeDebug,
            "policy-debug",
        ),
        lie("somebody's quoting enclave", Forgery::QeSigner, "qe-policy"),
        lie(
            "another enclave of the vendor",
            Forgery::QeProduct,
            "qe-policy",
        ),
        lie(
            "a key that nobody certified",
            Forgery::QeReportKey,
            "qe-report-signature",
        ),
        lie("another family", Forgery::Fmspc, "tcb-match"),
        lie("another PCE", Forgery::PceId, "tcb-match"),
        lie("no levels", Forgery::NoLevels, "tcb-match"),
        lie(
            "TCB info signed by the platform",
            Forgery::TcbInfoSigner,
            "tcb-info-signer",
        ),
        lie(
            "TCB info signed over something else",
            Forgery::TcbInfoSignature,
            "tcb-info-signature",
        ),
        lie("a CA that is none", Forgery::PckCaIsNone, "chain"),
        lie("a list of the wrong issuer", Forgery::PckCrlIssuer, "crl"),
        Case::verify("an enclave for debugging", "policy-debug").evidence(&debugged),
    ]
}
