//! Lines of a width.

use super::{NARROWEST, Style};

/// A text that grows line by line.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    style: Style,
}

impl Lines {
    pub(super) const fn new(style: Style) -> Self {
        Self {
            text: String::new(),
            style,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.style.width.max(NARROWEST)
    }

    pub(super) fn push(&mut self, line: impl AsRef<str>) {
        self.text += line.as_ref().trim_end();
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A heading with a line behind it, over the whole width.
    pub(super) fn rule(&mut self, heading: &str) {
        let line = if self.style.unicode { "─" } else { "-" };
        let used = heading.chars().count() + 4;
        let rest = line.repeat(self.width().saturating_sub(used));
        self.push(format!("{line}{line} {heading} {rest}"));
    }

    /// A paragraph behind a label; what does not fit stands below it, as far in. A word that is wider
    /// than a line stays whole; digests are cut.
    pub(super) fn wrapped(&mut self, label: &str, text: &str) {
        let indent = label.chars().count();
        let room = self.width().saturating_sub(indent);
        let mut line = label.to_owned();
        let mut used = 0;
        for word in text.split_whitespace() {
            let word = self.without_digests(word);
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                self.push(&line);
                line = " ".repeat(indent);
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line += &word;
            used += length;
        }
        self.push(&line);
    }

    /// A text of at most so many columns.
    pub(super) fn cut(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let mark = if self.style.unicode { '…' } else { '~' };
        let begin = text.chars().take(width.saturating_sub(1));
        begin.chain([mark]).collect()
    }

    /// A word with 12 digits of each digest in it, which tell it from others.
    fn without_digests(&self, word: &str) -> String {
        const DIGEST: usize = 64;
        const SHOWN: usize = 12;
        let mark = if self.style.unicode { "…" } else { "..." };
        let mut shown = String::with_capacity(word.len());
        let mut rest = word;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
            let (run, after) = rest.split_at(digits);
            shown += run.get(..SHOWN).filter(|_| digits == DIGEST).unwrap_or(run);
            if digits == DIGEST {
                shown += mark;
            }
            let others = after.find(|char: char| char.is_ascii_hexdigit());
            let (others, next) = after.split_at(others.unwrap_or(after.len()));
            shown += others;
            rest = next;
        }
        shown
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A time's length in its two largest units, as in `11 h 40 min`.
pub(super) fn lasting(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.truncate(2);
    match parts.is_empty() {
        true => "0 s".to_owned(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(unicode: bool) -> Lines {
        Lines::new(Style { unicode, width: 60 })
    }

    #[test]
    fn paragraphs_keep_the_width_and_their_indent() {
        let mut lines = lines(false);
        let long = "a-word-that-is-wider-than-any-line-of-this-drawing-and-stays-whole";
        lines.wrapped("  label  ", &format!("{} {long} five", "four ".repeat(11)));
        let text = lines.into_text();
        let indents: Vec<_> = text.lines().map(|line| line.find("four")).collect();
        assert_eq!(indents, [Some(9), Some(9), None, None]);
        assert_eq!(text.lines().nth(2), Some(&*format!("         {long}")));
        assert!(
            text.lines()
                .all(|line| line.len() <= 60 || line.contains(long)),
            "{text}"
        );
    }

    #[test]
    fn headings_fill_the_width() {
        for unicode in [false, true] {
            let mut lines = lines(unicode);
            lines.rule("calm");
            assert_eq!(lines.into_text().trim_end().chars().count(), 60);
        }
    }

    #[test]
    fn digests_are_told_by_their_first_digits() {
        let digest = "0123456789abcdef".repeat(4);
        let shown = lines(false).without_digests(&format!("(sim:mrenclave:{digest},"));
        assert_eq!(shown, "(sim:mrenclave:0123456789ab...,");
        let shown = lines(true).without_digests(&format!("{digest}…é"));
        assert_eq!(shown, "0123456789ab……é");
        let longer = format!("{digest}0");
        assert_eq!(lines(true).without_digests(&longer), longer, "no digest");
        assert_eq!(lines(true).without_digests("SIM-SA-00042"), "SIM-SA-00042");
    }

    #[test]
    fn names_are_cut_where_they_must() {
        assert_eq!(lines(false).cut("production", 8), "product~");
        assert_eq!(lines(true).cut("production", 8), "product…");
        assert_eq!(lines(true).cut("produc", 6), "produc");
    }

    #[test]
    fn lengths_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (3_600, "1 h"),
            (42_000, "11 h 40 min"),
            (90_061, "1 d 1 h"),
            (2_592_001, "30 d 1 s"),
        ] {
            assert_eq!(lasting(seconds), text);
        }
    }
}
