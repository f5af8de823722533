//! What a vault says that can't use its journal or its platform.
//!
//! It says the same at each start, so it is held back until it's known how the start ends, and told once.

use provision::api::Fault;

/// So many starts in a row that end with the same words: there will be no other. The journal that
/// another vault still has open for a moment, while it is killed, is not the end.
const ENOUGH: u32 = 4;

/// Longest text that is held back, in lines: a program may write anything.
const LINES: usize = 32;

/// What is said at the starts of a vault.
#[derive(Default)]
pub(crate) struct Pleas {
    /// Of the present start.
    words: Vec<String>,
    /// Of the start before, if it ended with a refusal.
    before: Vec<String>,
    /// Starts in a row that ended with these words.
    times: u32,
    was_ready: bool,
}

impl Pleas {
    /// Takes in a line of a vault that is not ready yet; what is too much goes to `tell`.
    pub(crate) fn hear(&mut self, line: &str, tell: impl FnOnce(&str)) {
        if self.words.len() < LINES {
            self.words.push(line.to_owned());
        } else {
            tell(line);
        }
    }

    /// The vault is ready: nothing that it said was a refusal.
    pub(crate) fn ready(&mut self, tell: impl FnMut(&str)) {
        self.tell(tell);
        self.before.clear();
        self.times = 0;
        self.was_ready = true;
    }

    /// The vault has ended, with a refusal or otherwise. `false` if there is nothing to say that has not been
    /// said, or that [`last`](Self::last) has not.
    pub(crate) fn ended(&mut self, refused: bool, tell: impl FnMut(&str)) -> bool {
        if !refused {
            self.tell(tell);
            self.before.clear();
            self.times = 0;
            return true;
        }
        let is_new = self.words != self.before;
        self.times = if is_new { 1 } else { self.times + 1 };
        self.before = self.words.clone();
        if is_new && self.was_ready {
            self.tell(tell);
            return true;
        }
        self.words.clear();
        false
    }

    /// Why a vault that was never ready will not be.
    pub(crate) fn last(&self) -> Option<Fault> {
        (!self.was_ready && self.times >= ENOUGH).then(|| fault(&self.before))
    }

    fn tell(&mut self, tell: impl FnMut(&str)) {
        let words = std::mem::take(&mut self.words);
        words.iter().map(String::as_str).for_each(tell);
    }
}

/// The lines `error[code]: message`, `  advice` and `  because: …`, as a vault writes them.
fn fault(lines: &[String]) -> Fault {
    let begin = lines.iter().position(|line| line.starts_with("error["));
    let mut lines = lines.iter().skip(begin.unwrap_or(0)).map(String::as_str);
    let first = lines.next().unwrap_or("the vault ends before it is ready");
    let split = first.strip_prefix("error[");
    let (code, message) = split
        .and_then(|rest| rest.split_once("]: "))
        .unwrap_or(("", first));
    let mut fault = Fault {
        code: code.to_owned(),
        message: message.to_owned(),
        advice: None,
    };
    for line in lines.map_while(|line| line.strip_prefix("  ")) {
        match line.strip_prefix("because: ") {
            Some(cause) => fault.message = format!("{}: {cause}", fault.message),
            None => fault.advice = Some(line.to_owned()),
        }
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 2] = [
        "error[vault.rollback]: the journal is older",
        "  put it back",
    ];

    /// One start with these words, and what is told of it.
    fn start(pleas: &mut Pleas, words: &[&str], refused: bool) -> Vec<String> {
        for line in words {
            pleas.hear(line, |_| ());
        }
        let mut told = Vec::new();
        pleas.ended(refused, |line| told.push(line.to_owned()));
        told
    }

    #[test]
    fn the_same_refusal_a_few_times_is_the_last() {
        let mut pleas = Pleas::default();
        for _ in 0..ENOUGH {
            assert!(pleas.last().is_none());
            assert_eq!(start(&mut pleas, &WORDS, true), [""; 0]);
        }
        let last = pleas.last().unwrap();
        assert_eq!(last.code, "vault.rollback");
        assert_eq!(last.message, "the journal is older");
        assert_eq!(last.advice.as_deref(), Some("put it back"));
    }

    #[test]
    fn another_end_in_between_is_told_and_begins_anew() {
        let mut pleas = Pleas::default();
        for _ in 1..ENOUGH {
            start(&mut pleas, &WORDS, true);
        }
        assert_eq!(start(&mut pleas, &["panicked"], false), ["panicked"]);
        start(&mut pleas, &WORDS, true);
        assert!(pleas.last().is_none());
    }

    #[test]
    fn one_that_was_ready_is_told_once_and_goes_on() {
        let mut pleas = Pleas::default();
        pleas.ready(|_| ());
        assert_eq!(start(&mut pleas, &WORDS, true), WORDS);
        for _ in 0..2 * ENOUGH {
            assert_eq!(start(&mut pleas, &WORDS, true), [""; 0]);
        }
        assert!(pleas.last().is_none());
        assert_eq!(start(&mut pleas, &["error[tee.x]: other"], true).len(), 1);
    }

    #[test]
    fn causes_belong_to_the_text() {
        let lines = ["noise", "error[tee.x]: no", "  because: a", "  because: b"];
        let fault = fault(&lines.map(str::to_owned));
        assert_eq!((&*fault.code, &*fault.message), ("tee.x", "no: a: b"));
        assert_eq!(fault.advice, None);
    }
}
