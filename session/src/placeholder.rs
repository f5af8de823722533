//! `$$SCONE::name:format$$`: where a text gets the value of a secret.

use crate::Located;

/// How one begins.
pub(super) const OPEN: &str = "$$SCONE::";
const CLOSE: &str = "$$";

/// The place of a secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// What stands between the marks: the secret's name, or name and format.
    pub text: &'a str,
    /// Where the whole mark is in the text, in bytes.
    pub start: usize,
    /// Behind its end.
    pub end: usize,
}

impl<'a> Placeholder<'a> {
    /// All of a text, in order.
    ///
    /// # Errors
    ///
    /// A mark that doesn't end, or that names nothing.
    pub fn all(text: &'a str) -> Result<Vec<Self>, Located> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(start) = text[from..].find(OPEN).map(|at| from + at) {
            let inside = start + OPEN.len();
            let Some(length) = text[inside..].find(CLOSE) else {
                return Err(Located::text("a $$SCONE:: does not end with $$"));
            };
            let (name, end) = (
                &text[inside..inside + length],
                inside + length + CLOSE.len(),
            );
            if name.is_empty() || name.chars().any(char::is_whitespace) {
                return Err(Located::text("a $$SCONE::…$$ names no secret"));
            }
            found.push(Self {
                text: name,
                start,
                end,
            });
            from = end;
        }
        Ok(found)
    }

    /// The secret's name and the format, by the mark between them: `:`, or `.` as in the older form,
    /// for a secret that isn't itself called so.
    #[must_use]
    pub fn name_and_format(&self, is_secret: impl Fn(&str) -> bool) -> (&'a str, Option<&'a str>) {
        if let Some((name, format)) = self.text.split_once(':') {
            return (name, Some(format));
        }
        match self.text.rsplit_once('.') {
            Some((name, format)) if !is_secret(self.text) => (name, Some(format)),
            _ => (self.text, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_where_they_are() {
        let text = "a $$SCONE::one$$ b $$SCONE::two:crt$$";
        let found = Placeholder::all(text).unwrap();
        let texts: Vec<_> = found.iter().map(|mark| mark.text).collect();
        assert_eq!(texts, ["one", "two:crt"]);
        assert_eq!(&text[found[0].start..found[0].end], "$$SCONE::one$$");
        assert_eq!(&text[found[1].start..], "$$SCONE::two:crt$$");
        assert_eq!(Placeholder::all("no $$ mark, no SCONE::x$$"), Ok(vec![]));
    }

    #[test]
    fn broken_marks_are_refused() {
        for text in [
            "$$SCONE::a",
            "$$SCONE::$$",
            "$$SCONE::a b$$",
            "$$SCONE::a$$$$SCONE::b",
        ] {
            assert!(Placeholder::all(text).is_err(), "{text}");
        }
    }

    #[test]
    fn formats_stand_behind_a_colon_or_a_point() {
        let split = |text: &'static str| {
            Placeholder {
                text,
                start: 0,
                end: 0,
            }
            .name_and_format(|name| name == "my.key")
        };
        assert_eq!(split("a"), ("a", None));
        assert_eq!(split("a:crt:pem"), ("a", Some("crt:pem")));
        assert_eq!(split("tls.key"), ("tls", Some("key")));
        assert_eq!(split("my.key"), ("my.key", None));
    }
}
