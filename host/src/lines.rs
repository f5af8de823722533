//! A program's log, cut into lines that are safe to print.

/// A longer line is cut here, so that a program can't fill the host's memory or its log's screen.
const LONGEST: usize = 2048;

/// Puts lines together from pieces.
#[derive(Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    /// Takes in the next piece and gives every line that it completes.
    pub(crate) fn push(&mut self, piece: &[u8], line: &mut impl FnMut(&str)) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = LONGEST - self.line.len();
            self.cut |= text.len() > room;
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.finish(line);
            }
        }
    }

    /// Gives the line that is there, finished or not.
    pub(crate) fn finish(&mut self, line: &mut impl FnMut(&str)) {
        let mut text: String = String::from_utf8_lossy(&self.line)
            .trim_end()
            .chars()
            .map(|c| {
                if c.is_control() && c != '\t' {
                    '\u{FFFD}'
                } else {
                    c
                }
            })
            .collect();
        if self.cut {
            text.push('…');
        }
        self.line.clear();
        self.cut = false;
        if !text.is_empty() {
            line(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece, &mut |line| found.push(line.to_owned()));
        }
        lines.finish(&mut |line| found.push(line.to_owned()));
        found
    }

    #[test]
    fn pieces_become_lines() {
        assert_eq!(lines(&[b"a\nb", b"c\r\n\n", b"d"]), ["a", "bc", "d"]);
        assert_eq!(lines(&[]), [""; 0]);
    }

    #[test]
    fn what_could_harm_a_terminal_is_replaced() {
        assert_eq!(
            lines(&[b"red \x1b[31m \xff\tend\n"]),
            ["red \u{FFFD}[31m \u{FFFD}\tend"]
        );
    }

    #[test]
    fn long_lines_are_cut() {
        let long = vec![b'x'; 3 * LONGEST];
        let found = lines(&[&long, &long, b"\nnext\n"]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].chars().count(), LONGEST + 1);
        assert_eq!(found[1], "next");
    }
}
