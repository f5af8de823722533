//! Two programs compared by their functions and variables.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;

use serde::Serialize;

use super::addresses::{Known, Moves, References};
use crate::reading::Pages;
use crate::symbols::{Symbol, Symbols};

/// Bytes compared at once.
const BLOCK: u64 = 64 << 10;

/// Larger ones are compared byte for byte only.
const LARGEST: u64 = 4 << 20;

/// What has become of the functions and variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SymbolDifferences {
    /// Only the second program has them.
    pub added: Vec<Placed>,
    /// Only the first program has them.
    pub removed: Vec<Placed>,
    /// Their size is another one; those that changed most stand first.
    pub resized: Vec<Resized>,
    /// Their size is the same, and what they do is not.
    pub changed: Vec<Changed>,
    /// How many stand elsewhere and are otherwise the same.
    pub moved: u64,
    /// How many stand where they stood and only refer to things that moved.
    pub adjusted: u64,
    /// How many are the same in everything.
    pub same: u64,
}

/// A function or variable, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// Its name.
    pub name: String,
    /// Offset from the enclave's base.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// A function or variable with another size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resized {
    /// Its name.
    pub name: String,
    /// Offset and bytes in the first program.
    pub first: (u64, u64),
    /// Offset and bytes in the second program.
    pub second: (u64, u64),
}

impl Resized {
    /// By how many bytes it grew.
    #[must_use]
    pub fn growth(&self) -> i64 {
        self.second.1 as i64 - self.first.1 as i64
    }
}

/// A function or variable of the same size with other bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its name.
    pub name: String,
    /// Offset in the first program.
    pub first: u64,
    /// Offset in the second program.
    pub second: u64,
    /// Bytes.
    pub size: u64,
    /// Where the first of the differing bytes is, from its begin.
    pub at: u64,
    /// How many bytes differ otherwise than by addresses; 0 if it's too large to say.
    pub bytes: u64,
}

/// A program to compare.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) pages: &'a Pages,
    pub(crate) symbols: &'a Symbols,
}

impl<'a> Side<'a> {
    /// Symbols with a size and a name of their own.
    pub(crate) fn named(self) -> impl Iterator<Item = &'a Symbol> {
        let all = self.symbols.all().iter();
        all.filter(|symbol| symbol.size > 0 && !is_anonymous(&symbol.name))
    }

    fn is_code(&self, offset: u64) -> bool {
        let run = self.pages.run_at(offset);
        run.is_some_and(|run| run.info.permissions.contains(sgx::Permissions::X))
    }

    fn bytes(&self, symbol: &Symbol) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(symbol.size.min(LARGEST)).unwrap_or(0)];
        self.pages.read(symbol.offset, &mut bytes)?;
        Ok(bytes)
    }
}

/// Symbols that are in both programs, side by side.
pub(crate) struct Pairs<'a>(Vec<(&'a Symbol, &'a Symbol)>);

impl Pairs<'_> {
    /// Where each is.
    pub(crate) fn known(&self) -> impl Iterator<Item = Known> {
        let both = self.0.iter();
        both.map(|(one, other)| (one.offset, one.size.min(other.size), other.offset))
    }
}

/// Whether it's a name that the compiler gave to a constant without one: it says nothing, and may be
/// another one tomorrow.
pub(crate) fn is_anonymous(name: &str) -> bool {
    ["anon.", ".L", "__unnamed_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The name without what LLVM appends to names that it makes public, which depends on the whole module.
fn stable(name: &str) -> &str {
    name.split_once(".llvm.").map_or(name, |(name, _)| name)
}

/// Says of all that are in both whether they're the same, but for references to what moved.
///
/// # Errors
///
/// Those of the temporary files.
pub(crate) fn compare(
    first: Side<'_>,
    second: Side<'_>,
    pairs: &Pairs<'_>,
    moves: &Moves,
    found: &mut SymbolDifferences,
) -> io::Result<()> {
    let mut told = BTreeSet::new();
    for (one, other) in &pairs.0 {
        // Several names may stand for one thing: it's told once.
        if !told.insert((one.offset, one.size, other.offset, other.size)) {
            continue;
        }
        if one.size == other.size {
            judge((first, one), (second, other), moves, found)?;
        } else {
            found.resized.push(Resized {
                name: one.name.clone(),
                first: (one.offset, one.size),
                second: (other.offset, other.size),
            });
        }
    }
    found
        .resized
        .sort_by_key(|one| (std::cmp::Reverse(one.growth().unsigned_abs()), one.first));
    Ok(())
}

/// Says of two of one name and size whether they're the same.
fn judge(
    (first, one): (Side<'_>, &Symbol),
    (second, other): (Side<'_>, &Symbol),
    moves: &Moves,
    found: &mut SymbolDifferences,
) -> io::Result<()> {
    let stays = one.offset == other.offset;
    let Some(at) = difference((first, one), (second, other))? else {
        let count = if stays {
            &mut found.same
        } else {
            &mut found.moved
        };
        *count += 1;
        return Ok(());
    };
    let mut changed = Changed {
        name: one.name.clone(),
        first: one.offset,
        second: other.offset,
        size: one.size,
        at,
        bytes: 0,
    };
    if one.size <= LARGEST {
        let references = if first.is_code(one.offset) {
            References::Code
        } else {
            References::Data
        };
        let places = (one.offset, other.offset);
        let (left, right) = (first.bytes(one)?, second.bytes(other)?);
        let rest = moves.unexplained(&left, &right, places, references);
        let Some(first) = rest.first() else {
            let count = if stays {
                &mut found.adjusted
            } else {
                &mut found.moved
            };
            *count += 1;
            return Ok(());
        };
        changed.at = first.start as u64;
        changed.bytes = rest.iter().map(|range| range.len() as u64).sum();
    }
    found.changed.push(changed);
    Ok(())
}

/// Where two of one size differ first.
fn difference(
    (first, one): (Side<'_>, &Symbol),
    (second, other): (Side<'_>, &Symbol),
) -> io::Result<Option<u64>> {
    let zero = |side: Side<'_>, symbol: &Symbol| {
        let run = side.pages.run_at(symbol.offset);
        run.is_some_and(|run| run.is_zero() && symbol.end() <= run.end())
    };
    if zero(first, one) && zero(second, other) {
        return Ok(None);
    }
    let length = one.size.min(BLOCK) as usize;
    let (mut left, mut right) = (vec![0; length], vec![0; length]);
    for at in (0..one.size).step_by(length.max(1)) {
        let piece = (one.size - at).min(BLOCK) as usize;
        let (left, right) = (&mut left[..piece], &mut right[..piece]);
        first.pages.read(one.offset + at, left)?;
        second.pages.read(other.offset + at, right)?;
        if let Some(inside) = left.iter().zip(&*right).position(|(a, b)| a != b) {
            return Ok(Some(at + inside as u64));
        }
    }
    Ok(None)
}

/// Finds for each symbol that of the same name, and tells those without. Where several have one name
/// (instances of a generic function have), those with the same bytes belong together, then those of
/// the same size, then the rest in their order.
///
/// # Errors
///
/// Those of the temporary files.
pub(crate) fn pair<'a>(
    first: Side<'a>,
    second: Side<'a>,
    found: &mut SymbolDifferences,
) -> io::Result<Pairs<'a>> {
    let mut groups: BTreeMap<&str, (Vec<&Symbol>, Vec<&Symbol>)> = BTreeMap::new();
    for symbol in first.named() {
        groups
            .entry(stable(&symbol.name))
            .or_default()
            .0
            .push(symbol);
    }
    for symbol in second.named() {
        groups
            .entry(stable(&symbol.name))
            .or_default()
            .1
            .push(symbol);
    }
    let mut pairs = Vec::new();
    for (mut ones, mut others) in groups.into_values() {
        if ones.len() > 1 || others.len() > 1 {
            let with_bytes = |side: Side<'_>, one: &Symbol| Ok((one.size, hash(side, one)?));
            match_by(
                &mut ones,
                &mut others,
                &mut pairs,
                (first, second),
                with_bytes,
            )?;
            let with_size = |_: Side<'_>, one: &Symbol| Ok((one.size, 0));
            match_by(
                &mut ones,
                &mut others,
                &mut pairs,
                (first, second),
                with_size,
            )?;
        }
        let both = ones.len().min(others.len());
        found.removed.extend(ones.drain(both..).map(placed));
        found.added.extend(others.drain(both..).map(placed));
        pairs.extend(ones.into_iter().zip(others));
    }
    pairs.sort_unstable();
    found.removed.sort_by_key(|one| one.offset);
    found.added.sort_by_key(|one| one.offset);
    Ok(Pairs(pairs))
}

/// Moves those with equal keys from both lists to the pairs.
fn match_by<'a>(
    ones: &mut Vec<&'a Symbol>,
    others: &mut Vec<&'a Symbol>,
    pairs: &mut Vec<(&'a Symbol, &'a Symbol)>,
    (first, second): (Side<'a>, Side<'a>),
    key: impl Fn(Side<'a>, &Symbol) -> io::Result<(u64, u64)>,
) -> io::Result<()> {
    let mut waiting: BTreeMap<(u64, u64), VecDeque<&Symbol>> = BTreeMap::new();
    for other in others.drain(..) {
        let same = waiting.entry(key(second, other)?).or_default();
        same.push_back(other);
    }
    let mut rest = Vec::new();
    for one in ones.drain(..) {
        let same = waiting.get_mut(&key(first, one)?);
        match same.and_then(VecDeque::pop_front) {
            Some(other) => pairs.push((one, other)),
            None => rest.push(one),
        }
    }
    *ones = rest;
    others.extend(waiting.into_values().flatten());
    others.sort_unstable();
    Ok(())
}

/// Of a symbol's bytes, its first ones if they're many.
fn hash(side: Side<'_>, symbol: &Symbol) -> io::Result<u64> {
    let mut bytes = vec![0; symbol.size.min(BLOCK) as usize];
    side.pages.read(symbol.offset, &mut bytes)?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Ok(hasher.finish())
}

fn placed(symbol: &Symbol) -> Placed {
    Placed {
        name: symbol.name.clone(),
        offset: symbol.offset,
        size: symbol.size,
    }
}

#[cfg(test)]
mod tests {
    use sgx::sgxs::{Chunks, Page};
    use sgx::{PAGE_SIZE, Permissions, SecInfo};

    use super::super::sample::Part::{self, Bytes, Call};
    use super::super::sample::assemble;
    use super::*;
    use crate::reading::PAGE;

    /// A program of code alone, and its symbols.
    struct Program {
        pages: Pages,
        symbols: Symbols,
    }

    impl Program {
        fn new(functions: &[(&str, &[Part])]) -> Self {
            let (code, symbols) = assemble(0x100, functions);
            let mut bytes = vec![0xcc; (0x100 + code.len()).next_multiple_of(PAGE_SIZE)];
            bytes[0x100..0x100 + code.len()].copy_from_slice(&code);
            let mut pages = Pages::default();
            for (number, content) in bytes.chunks(PAGE_SIZE).enumerate() {
                let page = Page {
                    offset: number as u64 * PAGE,
                    info: SecInfo::reg(Permissions::RX),
                    measured: Chunks::ALL,
                    loaded: Chunks::NONE,
                    content: Box::new(content.try_into().unwrap()),
                };
                pages.push(&page).unwrap();
            }
            Self { pages, symbols }
        }

        fn side(&self) -> Side<'_> {
            Side {
                pages: &self.pages,
                symbols: &self.symbols,
            }
        }
    }

    fn compare(first: Side<'_>, second: Side<'_>) -> io::Result<SymbolDifferences> {
        let mut found = SymbolDifferences::default();
        let pairs = pair(first, second, &mut found)?;
        let moves = Moves::new(pairs.known());
        super::compare(first, second, &pairs, &moves, &mut found)?;
        Ok(found)
    }

    fn names(list: &[Placed]) -> Vec<&str> {
        list.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn one_function_grows_and_all_others_merely_move() {
        let small: &[Part] = &[Bytes(&[0x90; 8])];
        let large: &[Part] = &[Bytes(&[0x90; 40])];
        let calls: &[Part] = &[Bytes(b"UH"), Call(0), Call(2), Call(3), Bytes(b"]\xc3")];
        let leaf: &[Part] = &[Bytes(&[0x31, 0xc0, 0xc3])];
        let program = |grown| {
            Program::new(&[
                ("first", leaf),
                ("caller", calls),
                ("grown", grown),
                ("behind", leaf),
                ("also calls", calls),
            ])
        };
        let (first, second) = (program(small), program(large));
        let found = compare(first.side(), second.side()).unwrap();
        assert_eq!(found.resized.len(), 1);
        assert_eq!(found.resized[0].name, "grown");
        assert_eq!(found.resized[0].growth(), 32);
        assert_eq!(found.changed, []);
        // `behind` and `also calls` moved; `caller` calls what moved; `first` is as it was.
        assert_eq!((found.moved, found.adjusted, found.same), (2, 1, 1));
    }

    #[test]
    fn a_change_is_told_even_where_everything_moved() {
        let program = |pad: &'static [u8], constant: &'static [u8]| {
            Program::new(&[
                ("pad", &[Bytes(pad)]),
                (
                    "changed",
                    &[Call(0), Bytes(b"\xb8"), Bytes(constant), Call(0)],
                ),
                ("rest", &[Call(1), Call(0)]),
            ])
        };
        let first = program(&[0x90; 16], &[5, 0, 0, 0]);
        let second = program(&[0x90; 64], &[6, 0, 0, 0]);
        let found = compare(first.side(), second.side()).unwrap();
        assert_eq!(found.changed.len(), 1);
        let changed = &found.changed[0];
        assert_eq!(
            (changed.name.as_str(), changed.at, changed.bytes),
            ("changed", 6, 1)
        );
        assert_eq!((found.resized.len(), found.moved), (1, 1));
    }

    #[test]
    fn functions_of_one_name_are_told_apart() {
        let first = Program::new(&[
            ("drop", &[Bytes(b"aaaa")]),
            ("drop", &[Bytes(b"bbbb")]),
            ("drop", &[Bytes(b"cc")]),
            ("gone", &[Bytes(b"x")]),
        ]);
        let second = Program::new(&[
            ("drop", &[Bytes(b"bbbb")]),
            ("drop", &[Bytes(b"aXaa")]),
            ("drop", &[Bytes(b"cc")]),
            ("drop", &[Bytes(b"dd")]),
            ("new", &[Bytes(b"y")]),
        ]);
        let found = compare(first.side(), second.side()).unwrap();
        assert_eq!(names(&found.added), ["drop", "new"]);
        assert_eq!(names(&found.removed), ["gone"]);
        assert_eq!(found.changed.len(), 1);
        assert_eq!((found.changed[0].at, found.changed[0].bytes), (1, 1));
        assert_eq!((found.moved, found.same), (1, 1));
    }

    #[test]
    fn a_program_is_the_same_as_itself() {
        let program = Program::new(&[("a", &[Call(1)]), ("b", &[Call(0), Bytes(b"x")])]);
        let found = compare(program.side(), program.side()).unwrap();
        let expected = SymbolDifferences {
            same: 2,
            ..SymbolDifferences::default()
        };
        assert_eq!(found, expected);
    }
}
