//! A small static-pie program, and where its parts are, so that each can be spoilt alone.
//!
//! | pages | |
//! |---|---|
//! | 0 | headers; R |
//! | 1 | code; R X |
//! | 2 | dynamic table, relocations, data; R W |
//! | 3 | zeros; R W |

/// Program headers, by their place.
pub(crate) const HEADERS: u16 = 0;
pub(crate) const CODE: u16 = 1;
pub(crate) const DATA: u16 = 2;
pub(crate) const DYNAMIC: u16 = 3;
pub(crate) const STACK: u16 = 4;
/// One that says nothing (PT_NULL).
pub(crate) const SPARE: u16 = 5;

const COUNT: u16 = 6;
const PAGE: u64 = 0x1000;
const DYNAMIC_AT: u64 = 0x2000;
const RELOCATIONS_AT: u64 = 0x2800;

/// Fields of a program header: bytes from its begin.
pub(crate) mod field {
    pub(crate) const TYPE: usize = 0;
    pub(crate) const FLAGS: usize = 4;
    pub(crate) const OFFSET: usize = 8;
    pub(crate) const ADDRESS: usize = 16;
    pub(crate) const FILE_SIZE: usize = 32;
    pub(crate) const MEMORY_SIZE: usize = 40;
    pub(crate) const ALIGNMENT: usize = 48;
}

/// Where a field of a program header is.
pub(crate) fn header(place: u16, field: usize) -> usize {
    64 + usize::from(place) * 56 + field
}

/// Where an entry of the dynamic table is: the tag, and 8 bytes behind it the value.
pub(crate) fn dynamic(place: usize) -> usize {
    DYNAMIC_AT as usize + place * 16
}

/// Where a relocation is: address, type (and symbol), addend, of 8 bytes each.
pub(crate) fn relocation(place: usize) -> usize {
    RELOCATIONS_AT as usize + place * 24
}

/// The program with a number written over what is there.
pub(crate) fn with<const N: usize>(at: usize, bytes: [u8; N]) -> Vec<u8> {
    let mut program = good();
    program[at..at + N].copy_from_slice(&bytes);
    program
}

/// The program that is good.
pub(crate) fn good() -> Vec<u8> {
    let mut file = Vec::new();
    // e_ident: ELF64, little-endian, version 1, System V.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\x00\0\0\0\0\0\0\0\0");
    // ET_DYN, EM_X86_64, version 1.
    put(&mut file, &[(2, 3), (2, 62), (4, 1)]);
    // e_entry, e_phoff, e_shoff, e_flags.
    put(&mut file, &[(8, PAGE), (8, 64), (8, 0), (4, 0)]);
    // e_ehsize, e_phentsize, e_phnum, and no sections.
    put(
        &mut file,
        &[(2, 64), (2, 56), (2, COUNT.into()), (2, 0), (2, 0), (2, 0)],
    );
    let entries = [
        (5, RELOCATIONS_AT - DYNAMIC_AT), // DT_STRTAB, which nobody looks at
        (7, RELOCATIONS_AT),              // DT_RELA
        (8, 48),                          // DT_RELASZ
        (9, 24),                          // DT_RELAENT
        (0x6fff_fffb, 0x0800_0000),       // DT_FLAGS_1: DF_1_PIE
        (0, 0),
    ];
    let dynamic_size = entries.len() as u64 * 16;
    // Type, flags (X = 1, W = 2, R = 4), address, bytes in the file, bytes in memory, alignment.
    for [kind, flags, address, in_file, in_memory, alignment] in [
        [1, 4, 0, PAGE, PAGE, PAGE],
        [1, 5, PAGE, PAGE, PAGE, PAGE],
        [1, 6, 2 * PAGE, PAGE, 2 * PAGE, PAGE],
        [2, 6, DYNAMIC_AT, dynamic_size, dynamic_size, 8],
        [0x6474_e551, 6, 0, 0, 0, 16],
        [0, 0, 0, 0, 0, 0],
    ] {
        put(
            &mut file,
            &[
                (4, kind),
                (4, flags),
                (8, address),
                (8, address),
                (8, address),
            ],
        );
        put(&mut file, &[(8, in_file), (8, in_memory), (8, alignment)]);
    }
    file.resize(PAGE as usize, 0);
    // ret
    file.resize(2 * PAGE as usize, 0xc3);
    for (tag, value) in entries {
        put(&mut file, &[(8, tag), (8, value)]);
    }
    file.resize(RELOCATIONS_AT as usize, 0);
    // R_X86_64_RELATIVE and R_X86_64_IRELATIVE.
    put(&mut file, &[(8, 0x2c00), (8, 8), (8, PAGE)]);
    put(&mut file, &[(8, 0x2c08), (8, 37), (8, PAGE)]);
    file.resize(3 * PAGE as usize, 0);
    file
}

fn put(file: &mut Vec<u8>, numbers: &[(usize, u64)]) {
    for (size, number) in numbers {
        file.extend_from_slice(&number.to_le_bytes()[..*size]);
    }
}
