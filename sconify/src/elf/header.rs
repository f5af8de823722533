//! The ELF header and the program headers: what is accepted, and the form in which they're measured.

use object::LittleEndian as LE;
use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, ELFOSABI_GNU, ELFOSABI_SYSV, EM_X86_64, ET_DYN, ET_EXEC,
    FileHeader64, ProgramHeader64,
};
use object::pod;
use sgx::PAGE_SIZE;

use super::Error;

pub(super) type Header = FileHeader64<LE>;
pub(super) type ProgramHeader = ProgramHeader64<LE>;

const HEADER: usize = size_of::<Header>();
const PROGRAM_HEADER: usize = size_of::<ProgramHeader>();

/// So many that ELF header and program headers fit into the first page.
const MAX_PROGRAM_HEADERS: u16 = ((PAGE_SIZE - HEADER) / PROGRAM_HEADER) as u16;

/// Offset of the program headers: all linkers put them there.
const PROGRAM_HEADERS_AT: u64 = HEADER as u64;

/// Offsets of `e_shoff` and of `e_shentsize`, `e_shnum`, `e_shstrndx`.
const SECTION_TABLE: std::ops::Range<usize> = 40..48;
const SECTION_COUNTS: std::ops::Range<usize> = 58..64;

/// Both kinds of headers, checked.
pub(super) fn parse(file: &[u8]) -> Result<(&Header, &[ProgramHeader]), Error> {
    let refuse = |what, offset| Err(Error::Format { what, offset });
    let Ok((header, rest)) = pod::from_bytes::<Header>(file) else {
        return refuse("it ends within the ELF header", file.len() as u64);
    };
    let ident = header.e_ident;
    if ident.magic != ELFMAG {
        return refuse("it does not begin with 7f 45 4c 46", 0);
    }
    if ident.class != ELFCLASS64 || ident.data != ELFDATA2LSB {
        return Err(Error::Kind("it is not 64 bits, little-endian"));
    }
    if header.e_machine.get(LE) != EM_X86_64 {
        return Err(Error::Kind("it is for another processor than x86-64"));
    }
    if ident.version.0 != 1 || header.e_version.get(LE) != 1 {
        return refuse("its ELF version is not 1", 6);
    }
    if ![ELFOSABI_SYSV, ELFOSABI_GNU].contains(&ident.os_abi) || ident.abi_version != 0 {
        return Err(Error::Kind("it is for another operating system than Linux"));
    }
    match header.e_type.get(LE) {
        ET_DYN => {}
        ET_EXEC => return Err(Error::Kind("it must stand at a fixed address (ET_EXEC)")),
        _ => return Err(Error::Kind("it is an object file or a core dump")),
    }
    if usize::from(header.e_ehsize.get(LE)) != HEADER
        || usize::from(header.e_phentsize.get(LE)) != PROGRAM_HEADER
    {
        return refuse("its headers have another size than ELF64 gives them", 52);
    }
    if header.e_phoff.get(LE) != PROGRAM_HEADERS_AT {
        return refuse("its program headers don't follow the ELF header", 32);
    }
    let count = header.e_phnum.get(LE);
    if !(1..=MAX_PROGRAM_HEADERS).contains(&count) {
        return refuse("it has no program header, or more than fit into a page", 56);
    }
    match pod::slice_from_bytes(rest, count.into()) {
        Ok((headers, _)) => Ok((header, headers)),
        Err(()) => refuse("it ends within the program headers", file.len() as u64),
    }
}

/// Both kinds of headers as they're measured. What depends on the file and not on the program in memory
/// is gone: where sections are, and at which offset of the file a segment stands. In this form a
/// segment's offset is its address.
pub(super) fn canonical(file: &[u8], headers: &[ProgramHeader]) -> Vec<u8> {
    let mut head = file[..HEADER].to_vec();
    head[SECTION_TABLE].fill(0);
    head[SECTION_COUNTS].fill(0);
    for header in headers {
        let mut header = *header;
        header.p_offset = header.p_vaddr;
        header.p_paddr = header.p_vaddr;
        head.extend_from_slice(pod::bytes_of(&header));
    }
    head
}
