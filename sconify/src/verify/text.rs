//! The outcome for people.

use std::fmt::{self, Display, Formatter};

use super::Verification;
use crate::inspect::item;

impl Display for Verification {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.mrenclave, self.image)?;
        for check in &self.checks {
            let word = if check.passed { "ok    " } else { "FAILED" };
            writeln!(f, "  {word}  {:11}  {}", check.name, check.found)?;
        }
        let failed = self.checks.iter().filter(|check| !check.passed).count();
        match (failed, self.checks.len()) {
            (0, all) => writeln!(f, "All {all} checks passed.")?,
            (failed, all) => writeln!(f, "{failed} of {all} checks failed.")?,
        }
        writeln!(f, "\nNot proved")?;
        for what in &self.not_proved {
            item(what, f)?;
        }
        Ok(())
    }
}
