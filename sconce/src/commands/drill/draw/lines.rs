//! Lines of a width.

/// A text that grows line by line.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    width: usize,
}

impl Lines {
    pub(super) const fn new(width: usize) -> Self {
        Self {
            text: String::new(),
            width,
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn push(&mut self, line: impl AsRef<str>) {
        self.text += line.as_ref().trim_end();
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A heading with a line behind it, over the whole width.
    pub(super) fn rule(&mut self, heading: &str, unicode: bool) {
        let line = if unicode { "─" } else { "-" };
        let used = heading.chars().count() + 4;
        let rest = line.repeat(self.width.saturating_sub(used));
        self.push(format!("{line}{line} {heading} {rest}"));
    }

    /// A paragraph behind a label; what does not fit stands below it, as far in. A word that is wider
    /// than a line stays whole.
    pub(super) fn wrapped(&mut self, label: &str, text: &str) {
        let indent = label.chars().count();
        let room = self.width.saturating_sub(indent);
        let mut line = label.to_owned();
        let mut used = 0;
        for word in text.split_whitespace() {
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
            line += word;
            used += length;
        }
        self.push(&line);
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

    #[test]
    fn paragraphs_keep_the_width_and_their_indent() {
        let mut lines = Lines::new(20);
        lines.wrapped("  a  ", "one two three four-and-twenty-blackbirds five");
        assert_eq!(
            lines.into_text(),
            "  a  one two three\n     four-and-twenty-blackbirds\n     five\n"
        );
    }

    #[test]
    fn headings_fill_the_width() {
        let mut lines = Lines::new(12);
        lines.rule("calm", false);
        lines.rule("calm", true);
        assert_eq!(lines.into_text(), "-- calm ----\n── calm ────\n");
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
