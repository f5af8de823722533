//! Drivers of platforms, with what Intel's processors have made. The quotes were recorded elsewhere; the
//! files that stand for the device are ordinary ones, so its own behaviour is not what is tested.

use std::fs;
use std::path::Path;

use sconce_tests::quotes;
use sconce_tests::skipped::skipped;
use sgx::quote::{Body, Quote};
use tee::{Gramine, Tee as _};

/// `/dev/attestation` as it is after something had this quoted.
fn device(folder: &Path, quote: &[u8]) -> Gramine {
    fs::write(folder.join("attestation_type"), "dcap").unwrap();
    fs::write(folder.join("user_report_data"), [0; 64]).unwrap();
    fs::write(folder.join("quote"), quote).unwrap();
    Gramine::new(folder)
}

#[test]
fn quotes_of_processors_pass_if_they_are_over_what_was_asked() {
    let Some(cases) = quotes::cases() else {
        skipped("quotes of processors", "there are no vectors");
        return;
    };
    let mut passed = 0;
    for case in cases.iter().filter(|case| case.intel) {
        let Ok(quote) = Quote::parse(&case.quote) else {
            continue;
        };
        let said = *quote.body().report_data();
        let folder = tempfile::tempdir().unwrap();
        let driver = device(folder.path(), &case.quote);
        match quote.body() {
            Body::Sgx(_) => {
                assert_eq!(driver.evidence(&said).unwrap(), case.quote, "{}", case.name);
                let asked = fs::read(folder.path().join("user_report_data")).unwrap();
                assert_eq!(asked, said);
                passed += 1;
            }
            Body::Tdx(_) => {
                let refused = driver.evidence(&said).unwrap_err();
                assert_eq!(refused.code(), "tee.answer", "{}", case.name);
            }
        }
        let mut other = said;
        other[63] ^= 1;
        let refused = driver.evidence(&other).unwrap_err();
        assert_eq!(refused.code(), "tee.answer", "{}", case.name);
    }
    assert!(passed > 0, "no quote of an enclave among the vectors");
}
