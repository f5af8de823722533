//! Roots that nobody has to trust.

use attestation::{Fingerprint, INTEL_ROOT};
use simulator::Forgery;

use crate::case::Case;
use crate::sample::{evidence, fingerprint, forged};

pub(crate) fn cases() -> Vec<Case> {
    let foreign = format!("sim:{}", "5".repeat(64));
    let posing = forged(Forgery::RootName);
    let chain = &evidence().collateral.pck_crl_issuer_chain;
    vec![
        Case::verify("a simulated root without its fingerprint", "root").without("--trust-root"),
        Case::verify("a root that bears Intel's name", "root")
            .evidence(&posing)
            .without("--trust-root"),
        Case::verify("a root that bears Intel's name, instead of Intel's", "crl")
            .evidence(&posing)
            .without("--trust-root")
            .without("--root"),
        Case::verify("the fingerprint of another root", "root").option("--trust-root", foreign),
        Case::verify("simulated evidence under Intel's root", "crl")
            .without("--trust-root")
            .without("--root"),
        Case::verify("the same, and Intel's root given", "crl")
            .without("--trust-root")
            .file("root.der", INTEL_ROOT),
        Case::verify("Intel's root as a simulated one", "root")
            .file("root.der", INTEL_ROOT)
            .option("--trust-root", Fingerprint::of(INTEL_ROOT).to_string()),
        Case::verify("Intel's root, and the fingerprint of another", "root")
            .file("root.der", INTEL_ROOT)
            .says("this is Intel's"),
        Case::verify("a byte behind the root", "root").changed("root.der", |root| root.push(0)),
        Case::unusable("a fingerprint and no root", "quote.input").without("--root"),
        Case::unusable("no certificate", "quote.input")
            .without("--trust-root")
            .file("root.der", "root"),
        Case::unusable("an empty root", "quote.input")
            .without("--trust-root")
            .file("root.der", ""),
        Case::unusable("a root in PEM", "quote.input")
            .without("--trust-root")
            .file("root.der", chain.as_bytes())
            .says("it is PEM"),
        Case::unusable("a root in PEM, and a fingerprint", "quote.input")
            .file("root.der", chain.as_bytes())
            .says("it is PEM"),
        Case::unusable("a root of a megabyte", "quote.input")
            .file("root.der", vec![0x30; 1 << 20])
            .says("more than"),
        Case::usage("a fingerprint without its kind")
            .option("--trust-root", &fingerprint()["sim:".len()..]),
        Case::usage("a short fingerprint").option("--trust-root", "sim:1234"),
        Case::usage("a fingerprint in capitals")
            .option("--trust-root", fingerprint().to_uppercase()),
    ]
}
