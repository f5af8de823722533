//! What became of each vector, told as it is known and counted as cargo counts tests.

use std::process::ExitCode;
use std::time::Instant;

/// What was checked, or what did not hold.
pub type Verdict = Result<Vec<String>, String>;

/// Fails the vector unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}

/// The vectors so far.
#[derive(Debug)]
pub struct Verdicts {
    begun: Instant,
    passed: usize,
    failed: usize,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            passed: 0,
            failed: 0,
        }
    }
}

impl Verdicts {
    /// Says that there are no vectors here.
    #[must_use]
    pub fn skipped() -> ExitCode {
        println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        ExitCode::SUCCESS
    }

    /// Tells what became of a vector.
    pub fn tell(&mut self, name: &str, verdict: Verdict) {
        match verdict {
            Ok(checked) => {
                self.passed += 1;
                println!("ok     {name}: {}", checked.join("; "));
            }
            Err(fault) => {
                self.failed += 1;
                println!("FAILED {name}: {fault}");
            }
        }
    }

    /// Tells the sums, in the form of cargo's tests.
    #[must_use]
    pub fn end(self) -> ExitCode {
        let Self {
            begun,
            passed,
            failed,
        } = self;
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        println!(
            "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 \
             measured; 0 filtered out; finished in {:.2}s",
            begun.elapsed().as_secs_f64()
        );
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
