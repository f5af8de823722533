//! Policies, and how they judge.

use std::sync::LazyLock;

use attestation::policy::{FormError, Outcome, Program, Rule};
use attestation::{Claims, Collateral, Fingerprint, Policy, Status, Time, TrustAnchor, verify};
use sgx::{Digest, Mrenclave, Mrsigner};
use simulator::{Platform, Secs, Seed, Settings};

/// When the quotes are judged.
const NOW: u64 = 1_800_000_000;

/// A debug enclave, on a platform that is up to date: what a policy takes or not.
static CLAIMS: LazyLock<Claims> = LazyLock::new(claims);

/// `data` is a policy: JSON, and TOML if it is UTF-8.
pub fn run(data: &[u8]) {
    check(Policy::from_json(data));
    if let Ok(text) = std::str::from_utf8(data) {
        // Errors of other origin have no bound of their own: who shows them bounds them.
        if let Ok(policy) = toml::from_str::<Policy>(text) {
            check(Ok(policy));
        }
    }
}

fn check(read: Result<Policy, FormError>) {
    let policy = match read {
        Ok(policy) => policy,
        Err(error) => {
            // What it quotes is cut, and then made visible.
            let text = error.to_string();
            assert!(text.lines().count() <= 1 && text.len() < 1600, "{text}");
            return;
        }
    };
    assert!(!policy.platform.statuses.is_empty());
    assert!(!policy.platform.statuses.contains(&Status::Revoked));
    assert_eq!(policy.allow_sim, !policy.simulated_roots.is_empty());

    let json = serde_json::to_vec(&policy).expect("a policy is JSON");
    assert_eq!(Policy::from_json(&json).as_ref(), Ok(&policy));
    let text = toml::to_string(&policy).expect("a policy is TOML");
    assert_eq!(toml::from_str::<Policy>(&text).as_ref(), Ok(&policy));

    judge(&policy);
}

/// Whatever is accepted was asked for.
fn judge(policy: &Policy) {
    let claims = &*CLAIMS;
    let verdict = policy.judge(claims, Time::from_unix(NOW), None);
    let broken = verdict
        .findings()
        .iter()
        .filter(|finding| finding.outcome == Outcome::Broken);
    assert_eq!(broken.count(), verdict.broken().count());
    assert!(verdict.findings()[0].rule == Rule::Debug);
    if !verdict.accepts() {
        return;
    }
    let attestation::Origin::Simulated(root) = claims.origin else {
        panic!("the platform is a simulated one");
    };
    assert!(policy.allow_sim && policy.simulated_roots.contains(&root));
    assert!(policy.allow_debug);
    assert!(policy.platform.statuses.contains(&claims.status));
    assert!(policy.expires.is_none_or(|end| end.unix() > NOW));
    match &policy.program {
        Program::Any => {}
        Program::Sgx(program) => {
            let named = |digest: &Digest| digest.to_string().starts_with("sim:");
            assert!(
                program.measurements.iter().any(named) || program.signers.iter().any(named),
                "{policy:?}"
            );
        }
        other => panic!("an enclave is no {other:?}"),
    }
}

/// The platform that the quotes are of: its seed is known, and so is its root.
pub(crate) fn platform() -> Platform {
    Platform::new(Seed::from_bytes([7; 32]), Settings::new(NOW)).expect("a platform")
}

fn claims() -> Claims {
    let platform = platform();
    let mut secs = Secs::new(Mrenclave([0x11; 32]), Mrsigner([0x22; 32]));
    secs.attributes.flags |= sgx::flags::DEBUG;
    let evidence = platform.evidence(&secs, &[0; 64], NOW).expect("evidence");
    let fingerprint = Fingerprint::of(&evidence.root);
    let anchor = TrustAnchor::simulated(&evidence.root, fingerprint).expect("an anchor");
    let collateral = evidence.collateral.to_json();
    let collateral = Collateral::from_json(collateral.as_bytes()).expect("collateral");
    verify(&evidence.quote, &collateral, &anchor, Time::from_unix(NOW))
        .expect("a genuine quote")
        .into_claims()
}
