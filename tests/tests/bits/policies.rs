//! One bit of a policy's text.
//!
//! Nobody signs a policy: whoever can change it chooses what is accepted. What is shown here is that
//! no slip is taken for something else: a policy with one bit changed is no policy, or its verdict is
//! the same, or it differs in a number or a date that the changed digit is part of.

use attestation::{Claims, Policy};
use serde_json::{Value, json};
use sgx::quote::Body;
use sgx::{Digest, Kind, Mrenclave, Mrsigner};

use crate::evidence::{self, Evidence};
use crate::flips::Flips;
use crate::outside::is_value_of;

/// Members whose digits are the policy's own choice: outside of every signature, as all of it is.
const CHOICES: [&str; 4] = [
    "minimum_svn",
    "minimum_evaluation_data_number",
    "minimum_validity",
    "expires",
];

#[test]
fn no_bit_of_a_policy_lets_in_what_it_refuses() {
    let evidence = simulated();
    let claims = evidence.genuine().expect("genuine evidence");
    for (rule, change) in REFUSING {
        let mut policy = accepting(&claims);
        change(&mut policy);
        let text = policy.to_string().into_bytes();
        let verdict = judge(&evidence, &text).map(|verdict| verdict.is_ok());
        assert_eq!(verdict, Some(false), "{rule}: not refused: {policy}");

        let mut outside = 0;
        for flip in Flips::all().of(&text) {
            let changed = flip.apply(&text);
            if let Some(Ok(found)) = judge(&evidence, &changed) {
                let chosen = CHOICES
                    .iter()
                    .any(|member| is_value_of(&text, member, flip.at));
                assert!(chosen, "{rule}: {}: accepted", flip.place(&text));
                assert_eq!(found, claims, "{rule}: {}", flip.place(&text));
                outside += 1;
            }
        }
        println!("{rule}: {outside} bits outside, in the policy's own numbers");
    }
}

#[test]
fn no_bit_of_a_policy_changes_what_is_said() {
    let evidence = simulated();
    let claims = evidence.genuine().expect("genuine evidence");
    let text = accepting(&claims).to_string().into_bytes();
    assert_eq!(judge(&evidence, &text), Some(Ok(claims.clone())));
    let policy = Policy::from_json(&text).expect("a policy");
    for flip in Flips::all().of(&text) {
        let changed = flip.apply(&text);
        let Some(Ok(found)) = judge(&evidence, &changed) else {
            continue;
        };
        assert_eq!(found, claims, "{}", flip.place(&text));
        // It is the same policy, or another by its own choice.
        let same = Policy::from_json(&changed).is_ok_and(|changed| changed == policy);
        let chosen = CHOICES
            .iter()
            .any(|member| is_value_of(&text, member, flip.at));
        assert!(same || chosen, "{}", flip.place(&text));
    }
}

/// A rule, and how a policy is changed so that it does not hold: by more than a bit.
type Refusing = (&'static str, fn(&mut Value));

const REFUSING: [Refusing; 10] = [
    ("measurement", |policy| {
        let other = Digest::Mrenclave(Kind::Sim, Mrenclave([0x3c; 32]));
        policy["sgx"]["measurements"] = json!([other.to_string()]);
    }),
    ("signer", |policy| {
        let other = Digest::Mrsigner(Kind::Sim, Mrsigner([0x3c; 32]));
        policy["sgx"]["signers"] = json!([other.to_string()]);
    }),
    ("kind", |policy| {
        let digest = policy["sgx"]["measurements"][0].as_str().map(str::to_owned);
        let digest = digest.unwrap_or_default().replace("sim:", "sgx:");
        policy["sgx"]["measurements"] = json!([digest]);
    }),
    ("product", |policy| policy["sgx"]["product"] = json!(7777)),
    ("minimum_svn", |policy| {
        policy["sgx"]["minimum_svn"] = json!(60_000);
    }),
    ("attributes", |policy| {
        policy["sgx"]["attributes"] = json!({"mask": "0xff", "value": "0xaa"});
    }),
    ("status", |policy| {
        policy["platform"]["statuses"] = json!(["OutOfDate", "SWHardeningNeeded"]);
    }),
    ("simulation", |policy| {
        let members = policy.as_object_mut().expect("an object");
        members.remove("allow_sim");
        members.remove("simulated_roots");
        members.remove("sgx");
        members.insert("any_program".to_owned(), json!(true));
    }),
    ("root", |policy| {
        policy["simulated_roots"] = json!([format!("sim:{}", "c3".repeat(32))]);
    }),
    ("expires", |policy| {
        policy["expires"] = json!("1971-01-01T00:00:00Z");
    }),
];

/// A policy that names everything that it can.
fn accepting(claims: &Claims) -> Value {
    let Body::Sgx(report) = &claims.body else {
        panic!("no enclave");
    };
    let attestation::Origin::Simulated(root) = claims.origin else {
        panic!("no simulated platform");
    };
    json!({
        "allow_sim": true,
        "simulated_roots": [root.to_string()],
        "expires": "2031-01-01T00:00:00Z",
        "sgx": {
            "measurements": [Digest::Mrenclave(Kind::Sim, report.mrenclave).to_string()],
            "signers": [Digest::Mrsigner(Kind::Sim, report.mrsigner).to_string()],
            "product": report.isv_prod_id,
            "minimum_svn": report.isv_svn,
        },
        "platform": {
            "statuses": [claims.status.to_string()],
            "advisories": claims.advisories,
            "minimum_evaluation_data_number": claims.evaluation.tcb_info,
            "minimum_validity": 60,
        },
    })
}

fn simulated() -> Evidence {
    let mut all = evidence::accepted();
    all.find(|one| one.anchor.simulated_fingerprint().is_some())
        .expect("simulated evidence")
}

/// What is said, or that it is refused; nothing where the text is no policy.
fn judge(evidence: &Evidence, policy: &[u8]) -> Option<Result<Claims, ()>> {
    let policy = Policy::from_json(policy).ok()?;
    let quote = evidence.verify().expect("genuine evidence");
    let accepted = policy.appraise(quote, evidence.now, None);
    Some(
        accepted
            .map(|accepted| accepted.claims().clone())
            .map_err(|_| ()),
    )
}
