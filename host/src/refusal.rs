//! What the operator is told when a vault gives a program no keys.

use provision::api::{Failure, Fault};
use provision::relay::Told;
use sgx::Digest;

use crate::config::WorkerName;

/// The code of a program that another measurement is expected of.
const MEASUREMENT: &str = "cas.measurement";

/// Longest piece of a vault's words that gets into the log, in characters.
const LONGEST: usize = 512;

/// Logs an answer that is a refusal.
pub(crate) fn report(worker: &WorkerName, measurement: Option<&Digest>, told: &Told) {
    if (200..300).contains(&told.status) {
        return;
    }
    let Ok(Failure { error }) = serde_json::from_str(told.body.get()) else {
        let status = told.status;
        tracing::error!(%worker, status, "the vault refuses, and does not say why");
        return;
    };
    let (code, message) = (plain(&error.code), plain(&error.message));
    let advice = advice(&error, measurement);
    if told.status == 0 {
        tracing::error!(%worker, code, advice, "the worker has no keys: {message}");
    } else {
        tracing::error!(%worker, code, advice, "the vault gives the worker no keys: {message}");
    }
}

/// What to do next.
fn advice(fault: &Fault, measurement: Option<&Digest>) -> Option<String> {
    let own = fault.advice.as_deref().map(plain);
    match measurement {
        Some(measurement) if fault.code == MEASUREMENT => {
            let comparison = format!(
                "this image measures {measurement}: `sconce sconify diff` of it and of the image that \
                 the keys are for says what differs"
            );
            Some(match own {
                Some(own) => format!("{own}; {comparison}"),
                None => comparison,
            })
        }
        _ => own,
    }
}

/// Without what could harm a terminal, and not too much of it: whoever answered may be no vault.
fn plain(text: &str) -> String {
    let shown = text.chars().take(LONGEST);
    shown
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use sgx::{Kind, Mrenclave};

    use super::*;

    fn fault(code: &str, advice: Option<&str>) -> Fault {
        Fault {
            code: code.to_owned(),
            message: "no".to_owned(),
            advice: advice.map(str::to_owned),
        }
    }

    #[test]
    fn another_measurement_is_compared_with_this_one() {
        let digest = Digest::Mrenclave(Kind::Sim, Mrenclave([7; 32]));
        let given = advice(&fault(MEASUREMENT, Some("compare")), Some(&digest)).unwrap();
        assert!(given.starts_with("compare; "), "{given}");
        assert!(given.contains(&digest.to_string()), "{given}");
        assert!(given.contains("sconce sconify diff"), "{given}");
        // Of another refusal the image is not the cause.
        assert_eq!(advice(&fault("cas.debug", None), Some(&digest)), None);
    }

    #[test]
    fn words_of_others_are_cut_and_harmless() {
        assert_eq!(plain("a\x1b[31mb\n"), "a\u{FFFD}[31mb\u{FFFD}");
        assert_eq!(plain(&"x".repeat(9999)).len(), LONGEST);
    }
}
