//! Sections and symbols: not loaded, not measured, and read only to tell people what stands where.

use std::fmt::{self, Write as _};

use object::elf::{
    SHF_ALLOC, SHT_NOBITS, SHT_PROGBITS, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT, STT_TLS,
    SymbolSection,
};
use object::read::elf::{FileHeader as _, Sym as _};
use object::{LittleEndian as LE, SectionIndex};

use super::header::Header;
use super::{Error, Program};
use crate::symbols::{Symbol, Symbols};

/// Bytes that a name may have once it's demangled.
const LONGEST: usize = 4096;

/// All names together may have so many times the bytes of the file: several may share the same ones.
const NAMES_OF_FILE: usize = 4;

const DAMAGED: Error = Error::Format {
    what: "its section table or symbol table is damaged",
    offset: 40,
};

/// A symbol of the program's symbol table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSymbol {
    /// As in the file; mangled, if the compiler did so.
    pub name: String,
    /// Its address, from the enclave's base; 0 if it has none.
    pub address: u64,
    /// Bytes; 0 if unknown.
    pub size: u64,
    /// Whether it's code or data of the program, and not a file name, a section or undefined.
    pub defined: bool,
}

impl Program {
    /// Address and bytes of a section that is loaded; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if the section table is damaged, or the section lies outside of what is loaded.
    pub fn section(&self, name: &str) -> Result<Option<(u64, &[u8])>, Error> {
        let file = self.file();
        let sections = self.elf_header()?.sections(LE, file).map_err(damaged)?;
        let Some((_, section)) = sections.section_by_name(LE, name.as_bytes()) else {
            return Ok(None);
        };
        let loaded =
            section.sh_flags.get(LE).0 & SHF_ALLOC.0 != 0 && section.sh_type.get(LE) != SHT_NOBITS;
        let (address, length) = (section.sh_addr.get(LE), section.sh_size.get(LE));
        match self.bytes(address, length) {
            Some(bytes) if loaded => Ok(Some((address, bytes))),
            _ => Err(Error::Format {
                what: "a section lies outside of what is loaded",
                offset: address,
            }),
        }
    }

    /// All named entries of the symbol table; none if it was stripped.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if a table is damaged.
    pub fn raw_symbols(&self) -> Result<Vec<RawSymbol>, Error> {
        let file = self.file();
        let sections = self.elf_header()?.sections(LE, file).map_err(damaged)?;
        let table = sections.symbols(LE, file, SHT_SYMTAB).map_err(damaged)?;
        // The linker's warnings are variables that are not loaded: they have no place.
        let is_placed = |index: SymbolSection| {
            let section = sections.section(SectionIndex(index.0.into()));
            let left_out = section.is_ok_and(|one| {
                one.sh_type.get(LE) == SHT_PROGBITS && one.sh_flags.get(LE).0 & SHF_ALLOC.0 == 0
            });
            index != SymbolSection(0) && !left_out
        };
        let mut symbols = Vec::with_capacity(table.len());
        let mut names = NAMES_OF_FILE.saturating_mul(file.len());
        for symbol in table.iter() {
            let name = symbol.name(LE, table.strings()).map_err(damaged)?;
            if name.is_empty() {
                continue;
            }
            names = names.checked_sub(name.len()).ok_or(DAMAGED)?;
            let kind = symbol.st_type();
            // A thread-local variable's is an offset in another space.
            let is_offset = kind == STT_TLS;
            symbols.push(RawSymbol {
                name: String::from_utf8_lossy(name).into_owned(),
                address: if is_offset { 0 } else { symbol.st_value(LE) },
                size: symbol.st_size(LE),
                defined: is_placed(symbol.st_shndx(LE))
                    && [STT_FUNC, STT_GNU_IFUNC, STT_OBJECT].contains(&kind),
            });
        }
        Ok(symbols)
    }

    /// Functions and variables that have a place and a size, their names as in the source.
    ///
    /// # Errors
    ///
    /// As [`Program::raw_symbols`].
    pub fn symbols(&self) -> Result<Symbols, Error> {
        let placed = |symbol: &RawSymbol| {
            symbol.defined
                && symbol.size > 0
                && symbol
                    .address
                    .checked_add(symbol.size)
                    .is_some_and(|end| end <= self.end())
        };
        let symbols = self.raw_symbols()?.into_iter().filter(placed);
        let symbols = symbols.map(|symbol| Symbol {
            offset: symbol.address,
            size: symbol.size,
            name: demangled(&symbol.name),
        });
        Ok(Symbols::new(symbols.collect()))
    }

    fn elf_header(&self) -> Result<&Header, Error> {
        super::header::parse(self.file()).map(|(header, _)| header)
    }
}

/// Without the hash at its end; as it is if that would be too long.
fn demangled(name: &str) -> String {
    let mut text = Short(String::new());
    match write!(text, "{:#}", rustc_demangle::demangle(name)) {
        Ok(()) => text.0,
        Err(fmt::Error) => name.to_owned(),
    }
}

/// A text that takes no more than [`LONGEST`] bytes: a few bytes of a mangled name can stand for any
/// number.
struct Short(String);

impl fmt::Write for Short {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.0.len() + piece.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(piece);
        Ok(())
    }
}

fn damaged(_: object::read::Error) -> Error {
    DAMAGED
}
