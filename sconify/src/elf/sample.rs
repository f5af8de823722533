//! The smallest program that is fit for an enclave, for tests, benches and fuzzers. It can run: it
//! ends at once, with status 0.

use std::ops::Range;

/// Its headers, with the dynamic table's relocations and the table of workloads behind them.
pub const HEADS: Range<usize> = 0..0x1000;

/// Where its program headers stand in the file, each of 56 bytes: R, RX, RW, dynamic, stack.
pub const PROGRAM_HEADERS: usize = 64;

/// Bytes of a program header.
pub const PROGRAM_HEADER: usize = 56;

/// Where its two relocations stand in the file, each of 24 bytes: RELATIVE, IRELATIVE.
pub const RELOCATIONS: usize = 0x200;

/// Where its code begins in the file.
pub const CODE: usize = 0x1000;

/// The code's address is higher by this than its offset in the file, and the data's by twice as much.
pub const SHIFT: usize = 0x1000;

/// What its table of workloads says.
pub const TABLE: &[u8] = br#"[{"id":"none","module":"sample","function":"none","inputs":[]}]"#;

/// Bytes of its data that the file has not.
pub const ZEROS: usize = 0x1800;

/// The name of the symbol that is all of its code.
pub const SYMBOL: &str = "_RNvC6sample4main";

/// Where its table of workloads stands in the file.
const TABLE_AT: usize = 0x400;

/// mov edi, 0; mov eax, 60; syscall
const EXIT: [u8; 12] = [0xbf, 0, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];

const DATA: usize = 0x100;

/// The program, with so many bytes of code.
#[must_use]
pub fn program(code: usize) -> Vec<u8> {
    let code = code.max(EXIT.len());
    let data_at = (CODE + code).next_multiple_of(16);
    let mut file = head(code, data_at);
    file.resize(TABLE_AT, 0);
    file.extend_from_slice(TABLE);
    file.resize(CODE, 0);
    file.extend_from_slice(&EXIT);
    // Not all alike, so that a page is not another's.
    file.extend((EXIT.len()..code).map(|at| (at % 251) as u8));
    file.resize(data_at, 0);
    put(&mut file, &dynamic());
    file.resize(data_at + DATA, 0x55);
    sections(&mut file, code);
    file
}

/// Where its data begins in the file, with so many bytes of code.
#[must_use]
pub fn data(code: usize) -> usize {
    (CODE + code.max(EXIT.len())).next_multiple_of(16)
}

fn head(code: usize, data: usize) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend_from_slice(&[3, 0, 62, 0, 1, 0, 0, 0]);
    put(&mut file, &[(CODE + SHIFT) as u64, 64, 0]);
    file.extend_from_slice(&[0, 0, 0, 0, 64, 0, 56, 0, 5, 0, 64, 0, 0, 0, 0, 0]);
    let mut header = |kind: u64, flags: u64, at: u64, address: u64, sizes: [u64; 2]| {
        let [size, memory] = sizes;
        let words = [kind | flags << 32, at, address, address, size, memory, 8];
        put(&mut file, &words);
    };
    let (code, data, all) = (code as u64, data as u64, DATA as u64);
    let (entry, moved) = ((CODE + SHIFT) as u64, data + 2 * SHIFT as u64);
    header(1, 4, 0, 0, [TABLE_AT as u64 + TABLE.len() as u64; 2]);
    header(1, 5, CODE as u64, entry, [code; 2]);
    header(1, 6, data, moved, [all, all + ZEROS as u64]);
    header(2, 6, data, moved, [16 * 6; 2]);
    header(0x6474_e551, 6, 0, 0, [0; 2]);
    let target = moved + 0x80;
    file.resize(RELOCATIONS, 0);
    put(&mut file, &[target, 8, entry, target + 8, 37, entry]);
    file
}

/// DT_RELA, DT_RELASZ, DT_RELAENT, DT_FLAGS_1 with DF_1_PIE, DT_DEBUG, DT_NULL.
fn dynamic() -> [u64; 12] {
    let relocations = RELOCATIONS as u64;
    [
        7,
        relocations,
        8,
        48,
        9,
        24,
        0x6fff_fffb,
        0x0800_0000,
        21,
        0,
        0,
        0,
    ]
}

/// Sections: none, the table, symbols, their names, the sections' names.
fn sections(file: &mut Vec<u8>, code: usize) {
    const NAMES: &[u8] = b"\0.sconce.workloads\0.symtab\0.strtab\0.shstrtab\0";
    let symbols = file.len();
    let address = (CODE + SHIFT) as u64;
    put(file, &[0; 3]);
    // A function of section 2, whatever that is.
    put(file, &[1 | 2 << 32 | 2 << 48, address, code as u64]);
    let strings = file.len();
    file.push(0);
    file.extend_from_slice(SYMBOL.as_bytes());
    file.push(0);
    let names = file.len();
    file.extend_from_slice(NAMES);
    file.resize(file.len().next_multiple_of(8), 0);
    let table = file.len() as u64;
    let mut section = |name: u64, kind: u64, flags: u64, at: usize, size: usize, more: [u64; 3]| {
        let (at, size) = (at as u64, size as u64);
        let address = if flags == 2 { at } else { 0 };
        let [link, alignment, entry] = more;
        let words = [
            name | kind << 32,
            flags,
            address,
            at,
            size,
            link,
            alignment,
            entry,
        ];
        put(file, &words);
    };
    section(0, 0, 0, 0, 0, [0; 3]);
    section(1, 1, 2, TABLE_AT, TABLE.len(), [0, 1, 0]);
    section(19, 2, 0, symbols, 48, [3 | 1 << 32, 8, 24]);
    section(27, 3, 0, strings, names - strings, [0, 1, 0]);
    section(35, 3, 0, names, NAMES.len(), [0, 1, 0]);
    file[40..48].copy_from_slice(&table.to_le_bytes());
    file[60..64].copy_from_slice(&[5, 0, 4, 0]);
}

fn put(file: &mut Vec<u8>, words: &[u64]) {
    for word in words {
        file.extend_from_slice(&word.to_le_bytes());
    }
}
