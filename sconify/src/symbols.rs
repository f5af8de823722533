//! The functions and variables of a program, by offset: for people and for `diff`, never measured.

use std::fmt::{self, Write as _};

/// A function or a variable of the program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// Offset from the enclave's base.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// As in the source, if it was mangled.
    pub name: String,
}

impl Symbol {
    /// Offset behind its last byte.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// All symbols of a program, sorted by offset, size and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbols(Vec<Symbol>);

/// A line of a file of symbols that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not `offset size name`: {what}")]
pub struct NotSymbols {
    /// The first line is 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Symbols {
    /// Sorts them.
    #[must_use]
    pub fn new(mut symbols: Vec<Symbol>) -> Self {
        symbols.sort_unstable();
        symbols.dedup();
        Self(symbols)
    }

    /// Reads what [`fmt::Display`] writes: a line each, of a hex offset, a decimal size and a name.
    ///
    /// # Errors
    ///
    /// [`NotSymbols`] for the first line that has another form or stands out of order.
    pub fn parse(text: &str) -> Result<Self, NotSymbols> {
        let mut symbols: Vec<Symbol> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let refuse = |what| NotSymbols {
                line: number + 1,
                what,
            };
            let symbol = symbol(line).map_err(refuse)?;
            if symbols.last().is_some_and(|last| *last >= symbol) {
                return Err(refuse("it stands out of order"));
            }
            symbols.push(symbol);
        }
        Ok(Self(symbols))
    }

    /// All of them, sorted.
    #[must_use]
    pub fn all(&self) -> &[Symbol] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The symbols that begin at `from` or behind and before `to`.
    pub fn between(&self, from: u64, to: u64) -> impl Iterator<Item = &Symbol> {
        let first = self.0.partition_point(|symbol| symbol.offset < from);
        let rest = self.0[first..].iter();
        rest.take_while(move |symbol| symbol.offset < to)
    }

    /// The symbol that holds this byte: the last to begin, and the smallest of those.
    #[must_use]
    pub fn at(&self, offset: u64) -> Option<&Symbol> {
        /// Symbols overlap seldom and little: aliases, and entry points inside of functions.
        const LOOK_BACK: usize = 64;
        let after = self.0.partition_point(|symbol| symbol.offset <= offset);
        self.0[..after]
            .iter()
            .rev()
            .take(LOOK_BACK)
            .filter(|symbol| offset < symbol.end())
            .max_by_key(|symbol| (symbol.offset, std::cmp::Reverse(symbol.size)))
    }
}

impl fmt::Display for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Symbol { offset, size, name } in &self.0 {
            write!(f, "{offset:x} {size} ")?;
            for letter in name.chars() {
                f.write_char(if letter.is_control() { ' ' } else { letter })?;
            }
            f.write_char('\n')?;
        }
        Ok(())
    }
}

fn symbol(line: &str) -> Result<Symbol, &'static str> {
    let mut parts = line.splitn(3, ' ');
    let (Some(offset), Some(size), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a part is missing");
    };
    if name.is_empty() {
        return Err("the name is missing");
    }
    if offset.starts_with('+') || size.starts_with('+') {
        return Err("a number has a sign");
    }
    let offset = u64::from_str_radix(offset, 16).map_err(|_| "the offset is no hex number")?;
    let size: u64 = size.parse().map_err(|_| "the size is no number")?;
    if offset.checked_add(size).is_none() {
        return Err("it ends beyond 2^64");
    }
    Ok(Symbol {
        offset,
        size,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Symbols {
        let symbol = |offset, size, name: &str| Symbol {
            offset,
            size,
            name: name.to_owned(),
        };
        Symbols::new(vec![
            symbol(0x100, 0x40, "outer"),
            symbol(0x110, 0x10, "inner"),
            symbol(0x200, 0x10, "<a::B as c::D>::e"),
            symbol(0x200, 0x10, "alias"),
        ])
    }

    #[test]
    fn a_file_of_symbols_is_read_as_it_is_written() {
        let text = sample().to_string();
        assert_eq!(
            text,
            "100 64 outer\n110 16 inner\n200 16 <a::B as c::D>::e\n200 16 alias\n"
        );
        assert_eq!(Symbols::parse(&text), Ok(sample()));
    }

    #[test]
    fn the_innermost_symbol_holds_a_byte() {
        let symbols = sample();
        let name = |offset| symbols.at(offset).map(|symbol| symbol.name.as_str());
        assert_eq!(name(0xff), None);
        assert_eq!(name(0x100), Some("outer"));
        assert_eq!(name(0x110), Some("inner"));
        assert_eq!(name(0x120), Some("outer"));
        assert_eq!(name(0x140), None);
        assert!(name(0x20f).is_some());
        assert_eq!(name(0x210), None);
    }

    #[test]
    fn other_lines_are_refused() {
        for (text, line) in [
            ("100 64", 1),
            ("100 64 ", 1),
            ("100  64 a", 1),
            ("0x100 64 a", 1),
            ("100 -1 a", 1),
            ("+100 1 a", 1),
            ("ffffffffffffffff 1 a\n", 1),
            ("100 64 a\n\n", 2),
            ("200 1 a\n100 1 b\n", 2),
            ("100 1 a\n100 1 a\n", 2),
        ] {
            assert_eq!(Symbols::parse(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
