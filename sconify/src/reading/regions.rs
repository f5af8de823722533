//! Parts of a program that its headers name: tables that linker and compiler make, and the rest.

use object::LittleEndian as LE;
use object::elf::{
    DT_RELA, DT_RELASZ, Dyn64, FileHeader64, PT_DYNAMIC, PT_GNU_EH_FRAME, ProgramHeader64, Rela64,
};
use object::pod;

use super::Reading;
use crate::elf::Program;

/// Bytes of the program, all of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// What they are.
    pub(crate) sort: Sort,
    /// From the enclave's base.
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) length: u64,
}

/// What bytes of a program are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    /// ELF header and program headers.
    Headers,
    /// The relocations, which hold the addresses that data has.
    Relocations,
    /// The dynamic table.
    Dynamic,
    /// How to unwind the stack, for each function.
    Unwinding,
    /// What can only be read.
    Constants,
    /// What runs.
    Code,
    /// What can be written, for a time at least.
    Data,
}

impl Sort {
    /// What a person calls it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Headers => "headers of the program",
            Self::Relocations => "relocations",
            Self::Dynamic => "dynamic table",
            Self::Unwinding => "unwinding tables",
            Self::Constants => "constants",
            Self::Code => "code",
            Self::Data => "data",
        }
    }

    /// Whether linker and compiler derive it from the rest.
    pub(crate) const fn is_derived(self) -> bool {
        matches!(
            self,
            Self::Headers | Self::Relocations | Self::Dynamic | Self::Unwinding
        )
    }
}

impl Region {
    const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

impl Reading {
    /// All bytes of the program that come from its file, in ascending order.
    pub(crate) fn regions(&self) -> Vec<Region> {
        let Some(program) = &self.program else {
            return Vec::new();
        };
        let mut derived = derived(program).unwrap_or_default();
        derived.sort_by_key(|region| region.offset);
        let mut regions = Vec::new();
        for segment in program.segments() {
            let sort = if segment.permissions.contains(sgx::Permissions::X) {
                Sort::Code
            } else if segment.permissions.contains(sgx::Permissions::W) {
                Sort::Data
            } else {
                Sort::Constants
            };
            cut(
                sort,
                segment.address,
                segment.file_end(),
                &derived,
                &mut regions,
            );
        }
        regions
    }
}

/// Relocations of a program as they stand in its table: where, type, what is added.
pub(crate) fn relocations(bytes: &[u8]) -> Vec<[u64; 3]> {
    let whole = bytes.len() - bytes.len() % size_of::<Rela64<LE>>();
    let entries: &[Rela64<LE>] = pod::slice_from_all_bytes(&bytes[..whole]).unwrap_or_default();
    entries
        .iter()
        .map(|one| {
            let addend = one.r_addend.get(LE) as u64;
            [one.r_offset.get(LE), one.r_info.get(LE), addend]
        })
        .collect()
}

/// What lies between `from` and `to`, cut at what is derived.
fn cut(sort: Sort, from: u64, to: u64, derived: &[Region], regions: &mut Vec<Region>) {
    let mut at = from;
    let mut push = |sort, offset: u64, end: u64| {
        if offset < end {
            regions.push(Region {
                sort,
                offset,
                length: end - offset,
            });
        }
    };
    let inside = |region: &&Region| region.offset < to && from < region.end();
    for table in derived.iter().filter(inside) {
        let (offset, end) = (table.offset.max(at), table.end().min(to));
        push(sort, at, offset);
        push(table.sort, offset, end);
        at = at.max(end);
    }
    push(sort, at, to);
}

/// The tables that the headers name; `None` if the headers can't be read.
fn derived(program: &Program) -> Option<Vec<Region>> {
    const HEADER: u64 = size_of::<FileHeader64<LE>>() as u64;
    let (header, _) = pod::from_bytes::<FileHeader64<LE>>(program.bytes(0, HEADER)?).ok()?;
    let start = header.e_phoff.get(LE);
    let size = u64::from(header.e_phnum.get(LE)) * size_of::<ProgramHeader64<LE>>() as u64;
    let headers: &[ProgramHeader64<LE>] =
        pod::slice_from_all_bytes(program.bytes(start, size)?).ok()?;
    let region = |sort, offset, length| Region {
        sort,
        offset,
        length,
    };
    let mut regions = vec![region(Sort::Headers, 0, start.saturating_add(size))];
    for header in headers {
        let (at, length) = (header.p_vaddr.get(LE), header.p_filesz.get(LE));
        match header.p_type.get(LE) {
            PT_DYNAMIC => {
                regions.push(region(Sort::Dynamic, at, length));
                let table = program.bytes(at, length).and_then(relocation_table);
                regions.extend(table.map(|(at, length)| region(Sort::Relocations, at, length)));
            }
            PT_GNU_EH_FRAME => {
                regions.push(region(Sort::Unwinding, at, length));
                let frames = frames(program, at, length);
                regions.extend(frames.map(|(at, length)| region(Sort::Unwinding, at, length)));
            }
            _ => {}
        }
    }
    Some(regions)
}

fn relocation_table(table: &[u8]) -> Option<(u64, u64)> {
    let entries: &[Dyn64<LE>] = pod::slice_from_all_bytes(table).ok()?;
    let value = |tag| {
        let entry = entries.iter().find(|entry| entry.d_tag.get(LE) == tag);
        entry.map(|entry| entry.d_val.get(LE))
    };
    Some((value(DT_RELA)?, value(DT_RELASZ)?))
}

/// `.eh_frame`, to which its header points: it ends with the segment, or where its header begins.
fn frames(program: &Program, header: u64, length: u64) -> Option<(u64, u64)> {
    /// The pointer is a distance from itself, of 4 bytes.
    const PCREL_SDATA4: u8 = 0x1b;
    let bytes = program.bytes(header, length.min(8))?;
    let (&[_, encoding, _, _], distance) = bytes.split_first_chunk::<4>()?;
    if encoding != PCREL_SDATA4 {
        return None;
    }
    let distance = i32::from_le_bytes(*distance.first_chunk()?);
    let start = (header + 4).checked_add_signed(distance.into())?;
    let segment = program
        .segments()
        .iter()
        .find(|segment| segment.holds(start, 1))?;
    let end = if start < header {
        header
    } else {
        segment.file_end()
    };
    Some((start, end.checked_sub(start)?))
}
