//! Policies of every kind, in both forms.

use attestation::policy::{Bits, PlatformRules, Program, SgxProgram, TdxProgram};
use attestation::{Fingerprint, Policy, Status, Time};
use sgx::{Digest, Kind, Mrenclave, Mrsigner, TdDigest, TdMeasurement, TdRegister};

pub(super) fn all() -> Vec<Vec<u8>> {
    let policies = [
        Policy::strict(Program::Any),
        taken(),
        signed(),
        Policy::strict(Program::Tdx(domain())),
    ];
    policies.iter().flat_map(both).collect()
}

fn both(policy: &Policy) -> [Vec<u8>; 2] {
    [
        serde_json::to_vec(policy).expect("a policy is JSON"),
        toml::to_string(policy).expect("a policy is TOML").into(),
    ]
}

/// Takes the quote that the target judges.
fn taken() -> Policy {
    Policy {
        program: Program::Sgx(SgxProgram {
            measurements: vec![Digest::Mrenclave(Kind::Sim, Mrenclave([0x11; 32]))],
            ..SgxProgram::default()
        }),
        platform: PlatformRules {
            statuses: vec![Status::UpToDate, Status::OutOfDate],
            advisories: vec!["INTEL-SA-00615".into()],
            minimum_evaluation_data_number: Some(1),
            minimum_validity: 3600,
        },
        allow_debug: true,
        allow_sim: true,
        simulated_roots: vec![Fingerprint::of(crate::policy::platform().root_der())],
        expires: Some(Time::from_unix(1_900_000_000)),
    }
}

fn signed() -> Policy {
    Policy::strict(Program::Sgx(SgxProgram {
        signers: vec![Digest::Mrsigner(Kind::Sgx, Mrsigner([0x22; 32]))],
        product: Some(1),
        minimum_svn: Some(2),
        attributes: Some(Bits {
            mask: 0x10,
            value: 0,
        }),
        xfrm: Some(Bits {
            mask: !0xe7,
            value: 0,
        }),
        config_id: Some([3; 64]),
        ..SgxProgram::default()
    }))
}

fn domain() -> TdxProgram {
    TdxProgram {
        registers: vec![TdDigest {
            kind: Kind::Tdx,
            register: TdRegister::MrTd,
            value: TdMeasurement([4; 48]),
        }],
        unchecked: vec![TdRegister::Rtmr0, TdRegister::MrOwner],
        xfam: Some(Bits { mask: 3, value: 3 }),
        ..TdxProgram::default()
    }
}
