//! Where the policy for a worker comes from, when it is not named, and what options make of it.

use std::path::Path;

use attestation::Fingerprint;
use client::policy::{Policy, Program, SgxProgram};
use sconify::build::find_checkout;
use sconify::lock::Lock;
use sconify::terminal::harmless;
use sgx::Digest;

use crate::commands::quote::read_policy;
use crate::failure::Failure;
use crate::folders::Exposure;
use crate::vault::REQUESTER_POLICY;

/// Where a checkout says what its worker measures.
const LOCK: &str = "worker/MRENCLAVE.lock";

/// The policy that a platform wrote for its requesters, and where it is.
pub(super) fn of_data_folder(folder: &Path) -> Result<(Policy, String), Failure> {
    let file = folder.join(REQUESTER_POLICY);
    if !file.is_file() {
        return Err(Failure::unusable(format_args!(
            "{} has no {REQUESTER_POLICY} to verify the worker by",
            shown(folder)
        ))
        .advice("`sconce up` writes it there; or give another policy: --policy FILE"));
    }
    refuse_trap(&file)?;
    Ok((read_policy(&file)?, shown(&file)))
}

/// The measurement that the sources around this command, or around the working directory, are locked to.
pub(super) fn of_checkout() -> Result<(Policy, String), Failure> {
    let no_policy = |why: String| {
        Failure::unusable(format_args!("there is no policy to verify the worker by: {why}")).advice(
            "give one: --policy FILE, --data-dir FOLDER of a platform of yours, or --expect-mrenclave \
             DIGEST; without verification: --insecure-skip-verify",
        )
    };
    let here = std::env::current_dir().map_err(Failure::failed)?;
    let checkout = find_checkout(&here)
        .or_else(|error| match std::env::current_exe() {
            Ok(program) => find_checkout(&program).map_err(|_| error),
            Err(_) => Err(error),
        })
        .map_err(|error| no_policy(error.to_string()))?;
    let file = checkout.join(LOCK);
    let lock = Lock::read(&file).map_err(|error| no_policy(error.to_string()))?;
    refuse_trap(&file)?;
    refuse_trap(&checkout)?;
    let wanted = measurement(&lock.mrenclave)
        .map_err(|fault| no_policy(format!("{}: {fault}", shown(&file))))?;
    Ok((pinned(wanted), shown(&file)))
}

/// A file that was only found says whom to trust: nobody else may have put it there.
pub(super) fn refuse_trap(path: &Path) -> Result<(), Failure> {
    let exposure = Exposure::of(path).map_err(|error| {
        Failure::unusable(format_args!("{} cannot be read: {error}", shown(path)))
    })?;
    let what = if exposure.is_foreign {
        "belongs to another user"
    } else if exposure.is_open {
        "can be written to by everybody"
    } else {
        return Ok(());
    };
    Err(
        Failure::unusable(format_args!("{} {what}", shown(path))).advice(
            "it says which worker is trusted: if you trust what it says, name the policy with --policy FILE",
        ),
    )
}

/// The strictest policy for a measurement.
pub(super) fn pinned(wanted: Digest) -> Policy {
    Policy::strict(Program::Sgx(SgxProgram {
        measurements: vec![wanted],
        ..SgxProgram::default()
    }))
}

/// What a policy takes of a measurement alone.
pub(super) fn narrowed(program: Program, wanted: Digest, source: &str) -> Result<Program, Failure> {
    let program = match program {
        Program::Sgx(program) => program,
        Program::Any => SgxProgram::default(),
        _ => {
            return Err(Failure::unusable(format_args!(
                "--expect-mrenclave is for enclaves, and {source} for trust domains"
            )));
        }
    };
    let takes = program
        .measurements
        .iter()
        .any(|one| bytes(one) == bytes(&wanted));
    if !program.measurements.is_empty() && !takes {
        return Err(Failure::unusable(format_args!(
            "--expect-mrenclave {wanted} is not among the measurements that {source} takes"
        ))
        .advice("both have to take it: give a measurement that the policy names, or one of the two alone"));
    }
    Ok(Program::Sgx(SgxProgram {
        measurements: vec![wanted],
        ..program
    }))
}

/// A digest without its kind.
const fn bytes(digest: &Digest) -> &[u8; 32] {
    match digest {
        Digest::Mrenclave(_, mrenclave) => &mrenclave.0,
        Digest::Mrsigner(_, mrsigner) => &mrsigner.0,
    }
}

/// A measurement on the command line.
pub(super) fn measurement(text: &str) -> Result<Digest, String> {
    match text.parse() {
        Ok(digest @ Digest::Mrenclave(..)) => Ok(digest),
        Ok(Digest::Mrsigner(..)) => Err("it is a signer, and no measurement".to_owned()),
        Err(_) => Err(
            "expected a measurement with its kind: sgx:mrenclave: or sim:mrenclave:, and 64 hex digits"
                .to_owned(),
        ),
    }
}

/// The root of a simulated platform on the command line.
pub(super) fn root(text: &str) -> Result<Fingerprint, String> {
    text.parse()
        .map_err(|fault: attestation::NotAFingerprint| fault.to_string())
}

pub(super) fn shown(path: &Path) -> String {
    harmless(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use sgx::{Kind, Mrenclave};

    use super::*;

    fn digest(kind: Kind, byte: u8) -> Digest {
        Digest::Mrenclave(kind, Mrenclave([byte; 32]))
    }

    #[test]
    fn an_expectation_narrows_a_policy_and_widens_none() {
        let both = Program::Sgx(SgxProgram {
            measurements: vec![digest(Kind::Sim, 1), digest(Kind::Sim, 2)],
            product: Some(1),
            ..SgxProgram::default()
        });
        let Program::Sgx(narrow) = narrowed(both.clone(), digest(Kind::Sgx, 2), "p").unwrap()
        else {
            unreachable!("it stays an enclave");
        };
        assert_eq!(narrow.measurements, [digest(Kind::Sgx, 2)]);
        assert_eq!(narrow.product, Some(1));
        let fault = narrowed(both, digest(Kind::Sim, 3), "p").unwrap_err();
        assert!(fault.to_string().contains("not among"), "{fault}");
        let any = narrowed(Program::Any, digest(Kind::Sim, 3), "p").unwrap();
        assert!(matches!(any, Program::Sgx(program) if program.measurements.len() == 1));
    }

    #[test]
    fn measurements_and_roots_say_their_kind() {
        assert!(measurement(&digest(Kind::Sim, 7).to_string()).is_ok());
        for text in [
            "",
            &"07".repeat(32),
            &digest(Kind::Sim, 7).to_string()[..70],
        ] {
            assert!(measurement(text).is_err(), "{text}");
        }
        let signer = format!("sim:mrsigner:{}", "07".repeat(32));
        assert!(measurement(&signer).unwrap_err().contains("signer"));
        assert!(root(&"07".repeat(32)).is_err());
        assert!(root(&format!("sim:{}", "07".repeat(32))).is_ok());
    }
}
