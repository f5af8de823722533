//! What is compiled only where it is wanted.

use std::process::Command;

use sconce_tests::vectors::checkout;

/// The programs that are run, and whether a key directory is in them.
const PROGRAMS: &[(&str, bool)] = &[
    ("sconce", true),
    ("sconce-vault", false),
    ("sconce-worker", false),
];

/// Proofs that don't prove that a user has one place only are for tests; tables take space in an enclave.
#[test]
fn programs_have_the_forms_of_key_transparency_that_they_need() {
    for (package, directory) in PROGRAMS {
        let features = features(package);
        assert!(
            features.contains("sconce-transparency v"),
            "{package} verifies nothing"
        );
        assert!(
            !features.contains("\"plain-vrf\""),
            "{package} takes plain proofs of the VRF"
        );
        assert_eq!(
            features.contains("feature \"base-point-table\""),
            *directory,
            "{package}: tables"
        );
    }
}

/// Everything that a package is made of, with the features that are switched on for it.
fn features(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", package])
        .args(["--edges", "normal,features", "--prefix", "none"])
        .current_dir(checkout())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}
