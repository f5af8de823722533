//! Sections and symbols: not loaded, not measured, and read only to tell people what stands where.

use object::LittleEndian as LE;
use object::elf::{
    SHF_ALLOC, SHT_NOBITS, SHT_PROGBITS, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT, STT_TLS,
    SymbolSection,
};
use object::read::elf::{FileHeader as _, Sym as _};

use super::header::Header;
use super::{Error, Program};
use crate::symbols::{Symbol, Symbols};

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
        let table = sections
            .symbols(LE, file, object::elf::SHT_SYMTAB)
            .map_err(damaged)?;
        let mut symbols = Vec::with_capacity(table.len());
        for symbol in table.iter() {
            let name = symbol.name(LE, table.strings()).map_err(damaged)?;
            if name.is_empty() {
                continue;
            }
            let kinds = [STT_FUNC, STT_GNU_IFUNC, STT_OBJECT];
            // The linker's warnings are variables that are not loaded: they have no place.
            let is_left_out = |index: SymbolSection| {
                let section = sections.section(object::SectionIndex(index.0.into()));
                section.is_ok_and(|one| {
                    one.sh_type.get(LE) == SHT_PROGBITS && one.sh_flags.get(LE).0 & SHF_ALLOC.0 == 0
                })
            };
            let section = symbol.st_shndx(LE);
            let undefined = section == SymbolSection(0) || is_left_out(section);
            symbols.push(RawSymbol {
                name: String::from_utf8_lossy(name).into_owned(),
                // A thread-local variable's is an offset in another space.
                address: if symbol.st_type() == STT_TLS {
                    0
                } else {
                    symbol.st_value(LE)
                },
                size: symbol.st_size(LE),
                defined: !undefined && kinds.contains(&symbol.st_type()),
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

/// Without the hash at its end.
fn demangled(name: &str) -> String {
    /// The form of a mangled name that another tool can grow without bounds.
    const LONGEST: usize = 4096;
    let mut text = format!("{:#}", rustc_demangle::demangle(name));
    if text.len() > LONGEST {
        name.clone_into(&mut text);
    }
    text
}

fn damaged(_: object::read::Error) -> Error {
    Error::Format {
        what: "its section table or symbol table is damaged",
        offset: 40,
    }
}
