//! The dynamic table and the relocations: a static-pie program relocates itself, with two types only.

use object::LittleEndian as LE;
use object::elf::{
    DF_1_PIE, DF_TEXTREL, DT_FLAGS, DT_FLAGS_1, DT_JMPREL, DT_NEEDED, DT_NULL, DT_PLTREL,
    DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELAENT, DT_RELASZ, DT_RELR, DT_TEXTREL, Dyn64, DynamicTag,
    PT_DYNAMIC, R_X86_64_IRELATIVE, R_X86_64_RELATIVE, Rela64,
};
use object::pod;
use sgx::Permissions;

use super::header::ProgramHeader;
use super::{Error, Segment, segments};

const ENTRY: u64 = size_of::<Rela64<LE>>() as u64;

/// How many relocations of each type a program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relocations {
    /// R_X86_64_RELATIVE: an address within the program.
    pub relative: u64,
    /// R_X86_64_IRELATIVE: an address that the program's own code chooses when it starts, by what
    /// CPUID says. In an enclave the host says that.
    pub irelative: u64,
}

/// What the dynamic table is asked for.
#[derive(Default)]
struct Tables {
    rela: Option<u64>,
    rela_size: Option<u64>,
    plt: Option<u64>,
    plt_size: Option<u64>,
    flags: u64,
    flags_1: u64,
}

/// Reads and checks both.
pub(super) fn parse(
    file: &[u8],
    headers: &[ProgramHeader],
    segments: &[Segment],
) -> Result<Relocations, Error> {
    let Some(header) = segments::single(headers, PT_DYNAMIC, "there is a second PT_DYNAMIC")?
    else {
        return Ok(Relocations::default());
    };
    let (address, length) = (header.p_vaddr.get(LE), header.p_filesz.get(LE));
    let tables = tables(bytes(file, segments, address, length)?, address)?;
    if tables.flags & DF_TEXTREL.0 != 0 {
        return Err(Error::TextRelocations("the dynamic table has DF_TEXTREL"));
    }
    if tables.flags_1 & DF_1_PIE.0 == 0 {
        return Err(Error::Kind("it is a library (DF_1_PIE is not set)"));
    }
    let mut found = Relocations::default();
    let rela = range(tables.rela, tables.rela_size)?;
    let plt = range(tables.plt, tables.plt_size)?;
    for (at, size) in apart(rela, plt) {
        count(file, segments, at, size, &mut found)?;
    }
    Ok(found)
}

fn tables(table: &[u8], address: u64) -> Result<Tables, Error> {
    let damaged = |what| Error::Format {
        what,
        offset: address,
    };
    let entries: &[Dyn64<LE>] = pod::slice_from_all_bytes(table)
        .map_err(|()| damaged("the dynamic table has no whole number of entries"))?;
    let mut tables = Tables::default();
    let mut ended = false;
    for entry in entries {
        let (tag, value) = (entry.d_tag.get(LE), entry.d_val.get(LE));
        if tag == DT_NULL {
            ended = true;
            break;
        }
        take(&mut tables, tag, value)?;
    }
    if ended {
        Ok(tables)
    } else {
        Err(damaged("the dynamic table has no end"))
    }
}

fn take(tables: &mut Tables, tag: DynamicTag, value: u64) -> Result<(), Error> {
    let place = match tag {
        DT_RELA => &mut tables.rela,
        DT_RELASZ => &mut tables.rela_size,
        DT_JMPREL => &mut tables.plt,
        DT_PLTRELSZ => &mut tables.plt_size,
        DT_FLAGS => {
            tables.flags |= value;
            return Ok(());
        }
        DT_FLAGS_1 => {
            tables.flags_1 |= value;
            return Ok(());
        }
        DT_NEEDED => return Err(Error::Kind("it needs a shared library (DT_NEEDED)")),
        DT_TEXTREL => {
            return Err(Error::TextRelocations("the dynamic table has DT_TEXTREL"));
        }
        DT_REL | DT_RELR => {
            return Err(Error::Kind(
                "its relocations are packed or have no addends (DT_RELR, DT_REL)",
            ));
        }
        DT_RELAENT if value != ENTRY => {
            return Err(Error::Kind(
                "its relocations have another size than 24 bytes",
            ));
        }
        DT_PLTREL if value != DT_RELA.0 as u64 => {
            return Err(Error::Kind("its PLT's relocations have no addends"));
        }
        _ => return Ok(()),
    };
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::Format {
            what: "the dynamic table says twice where relocations are",
            offset: value,
        }),
    }
}

/// Address and size of a table; (0, 0) if there is none.
fn range(at: Option<u64>, size: Option<u64>) -> Result<(u64, u64), Error> {
    match (at, size) {
        (Some(at), Some(size)) => Ok((at, size)),
        (None, None | Some(0)) | (Some(_), None) => Ok((0, 0)),
        (None, Some(size)) => Err(Error::Format {
            what: "relocations have a size and no address",
            offset: size,
        }),
    }
}

/// Linkers may count the second table as the end of the first.
fn apart(rela: (u64, u64), plt: (u64, u64)) -> impl Iterator<Item = (u64, u64)> {
    let end = |(at, size): (u64, u64)| at.saturating_add(size);
    let inside = rela.0 <= plt.0 && end(plt) <= end(rela);
    [Some(rela), (!inside).then_some(plt)]
        .into_iter()
        .flatten()
        .filter(|(_, size)| *size > 0)
}

fn count(
    file: &[u8],
    segments: &[Segment],
    at: u64,
    size: u64,
    found: &mut Relocations,
) -> Result<(), Error> {
    let table = bytes(file, segments, at, size)?;
    let entries: &[Rela64<LE>] = pod::slice_from_all_bytes(table).map_err(|()| Error::Format {
        what: "the relocations are no whole number of entries",
        offset: at,
    })?;
    for (number, entry) in (0..).zip(entries) {
        let (address, info) = (entry.r_offset.get(LE), entry.r_info.get(LE));
        let kind = (info & u64::from(u32::MAX)) as u32;
        let refuse = |rule| {
            Err(Error::Relocation {
                number,
                kind,
                address,
                rule,
            })
        };
        let counter = match kind {
            _ if kind == R_X86_64_RELATIVE.0 => &mut found.relative,
            _ if kind == R_X86_64_IRELATIVE.0 => &mut found.irelative,
            _ => return refuse("only R_X86_64_RELATIVE (8) and R_X86_64_IRELATIVE (37) may occur"),
        };
        *counter += 1;
        if info >> 32 != 0 {
            return refuse("it names a symbol, and this type has none");
        }
        if !within(segments, address, 8, Permissions::W) {
            return refuse("it changes what the program can't write (a text relocation)");
        }
        let resolver = entry.r_addend.get(LE).cast_unsigned();
        if kind == R_X86_64_IRELATIVE.0 && !within(segments, resolver, 1, Permissions::X) {
            return refuse("what chooses the address is no code of the program");
        }
    }
    Ok(())
}

/// Whether these bytes of memory are all in one segment that has this permission.
fn within(segments: &[Segment], address: u64, length: u64, permission: Permissions) -> bool {
    let end = address.saturating_add(length);
    segments.iter().any(|segment| {
        segment.address <= address
            && end <= segment.end()
            && segment.permissions.contains(permission)
    })
}

fn bytes<'a>(
    file: &'a [u8],
    segments: &[Segment],
    address: u64,
    length: u64,
) -> Result<&'a [u8], Error> {
    super::at(file, segments, address, length).ok_or(Error::Format {
        what: "the dynamic table or the relocations lie outside of what is loaded",
        offset: address,
    })
}
