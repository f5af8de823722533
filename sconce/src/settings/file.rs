//! `sconce.toml`, read so that each value still knows its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::value::Raw;

/// A file's values by their keys, as in `limits.body`.
#[derive(Debug)]
pub(crate) struct File {
    /// As it is shown to people.
    pub(crate) name: String,
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) line: usize,
    pub(crate) raw: Raw,
}

/// More than any file of settings has.
const LONGEST: u64 = 1 << 20;

impl File {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let name = path.display().to_string();
        let fault = |what: String| Fault {
            place: name.clone(),
            key: None,
            what,
        };
        let unreadable = |error: std::io::Error| fault(format!("cannot be read: {error}"));
        if std::fs::metadata(path).map_err(unreadable)?.len() > LONGEST {
            return Err(fault("is longer than any file of settings".to_owned()));
        }
        let text = std::fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(text).map_err(|error| Fault {
            place: place(
                &name,
                line_of(error.as_bytes(), error.utf8_error().valid_up_to()),
            ),
            key: None,
            what: "this is not UTF-8; save the file as UTF-8".to_owned(),
        })?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(name, &text, &base)
    }

    /// Reads a text; relative paths in it start from `base`.
    pub(crate) fn parse(name: String, text: &str, base: &Path) -> Result<Self, Fault> {
        let reader = Reader { text, base };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            Fault {
                place: place(&name, line_of(text.as_bytes(), at)),
                key: None,
                what: format!("this is not TOML: {}", error.message()),
            }
        })?;
        let mut entries = BTreeMap::new();
        for (section, value) in table.get_ref() {
            let line = reader.line(section.span());
            let Some(table) = value.get_ref().as_table() else {
                let raw = reader.raw(value);
                entries.insert(section.get_ref().to_string(), Entry { line, raw });
                continue;
            };
            for (key, value) in table {
                let entry = Entry {
                    line: reader.line(key.span()),
                    raw: reader.raw(value),
                };
                entries.insert(format!("{}.{}", section.get_ref(), key.get_ref()), entry);
            }
        }
        Ok(Self { name, entries })
    }

    /// Where a line of it is.
    pub(crate) fn place(&self, line: usize) -> String {
        place(&self.name, line)
    }

    /// Which line a place is, if it's one of this file.
    pub(crate) fn line_of(&self, place: &str) -> Option<usize> {
        let line = place.strip_prefix(&self.name)?.strip_prefix(':')?;
        line.parse().ok()
    }
}

fn place(name: &str, line: usize) -> String {
    format!("{name}:{line}")
}

fn line_of(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|byte| **byte == b'\n').count()
}

struct Reader<'a> {
    text: &'a str,
    base: &'a Path,
}

impl Reader<'_> {
    fn line(&self, span: Range<usize>) -> usize {
        line_of(self.text.as_bytes(), span.start)
    }

    fn raw(&self, value: &Spanned<DeValue<'_>>) -> Raw {
        let other = || {
            let written = self.text.get(value.span()).unwrap_or_default();
            let written = written.lines().next().unwrap_or_default();
            Raw::Other(value.get_ref().type_str(), written.to_owned())
        };
        match value.get_ref() {
            DeValue::String(text) => Raw::Text(text.to_string(), PathBuf::from(self.base)),
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                i64::from_str_radix(&digits, number.radix()).map_or_else(|_| other(), Raw::Integer)
            }
            DeValue::Boolean(on) => Raw::Switch(*on),
            DeValue::Array(values) => {
                let texts = values.iter().map(|one| one.get_ref().as_str());
                let texts: Option<Vec<_>> = texts.map(|text| text.map(str::to_owned)).collect();
                texts.map_or_else(other, Raw::List)
            }
            _ => other(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, Fault> {
        File::parse("f".to_owned(), text, Path::new("/x"))
    }

    #[test]
    fn values_know_their_lines() {
        let file =
            parse("\n[a]\nb = 1_000\nc = \"t\"\n\n[d]\ne = [\"x\",\n\"y\"]\nf = 1.5\n").unwrap();
        let entry = |key: &str| (file.entries[key].line, file.entries[key].raw.clone());
        assert_eq!(entry("a.b"), (3, Raw::Integer(1000)));
        assert_eq!(entry("a.c"), (4, Raw::Text("t".to_owned(), "/x".into())));
        let list = vec!["x".to_owned(), "y".to_owned()];
        assert_eq!(entry("d.e"), (7, Raw::List(list)));
        assert_eq!(entry("d.f"), (9, Raw::Other("float", "1.5".to_owned())));
        assert_eq!(parse("a.b = true").unwrap().entries["a.b"].line, 1);
    }

    #[test]
    fn what_is_not_toml_has_a_line() {
        let fault = parse("[a]\nb = 1\nc = \n").unwrap_err();
        assert_eq!(fault.place, "f:3");
        assert!(fault.what.starts_with("this is not TOML: "), "{fault}");
        assert_eq!(parse("[a]\nb = 1\nb = 2\n").unwrap_err().place, "f:3");
    }
}
