//! What is accepted, what is refused, and what comes of it.

use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::sample::{self, CODE, PROGRAM_HEADER, PROGRAM_HEADERS, RELOCATIONS, SHIFT};
use super::*;

fn parse(file: &[u8]) -> Result<Program, Error> {
    Program::parse(file.to_vec())
}

fn sample() -> Vec<u8> {
    sample::program(100)
}

/// The sample with these bytes at an offset.
fn edited(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = sample();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// The sample with this number in a program header: a field by its offset.
fn with_header(number: usize, field: usize, value: u64) -> Vec<u8> {
    let at = PROGRAM_HEADERS + number * PROGRAM_HEADER + field;
    edited(at, &value.to_le_bytes())
}

/// Type and flags share a word.
fn with_kind(number: usize, kind: u32, flags: u32) -> Vec<u8> {
    with_header(number, 0, u64::from(kind) | u64::from(flags) << 32)
}

fn pages(program: &Program) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    for run in program.pages() {
        for offset in (run.offset..run.offset + run.length).step_by(PAGE_SIZE) {
            let mut page = [0; PAGE_SIZE];
            program.read_page(offset, &mut page);
            all.push((offset, page.to_vec()));
        }
    }
    all
}

fn rebuilt(program: &Program) -> Vec<u8> {
    let mut file = Vec::new();
    program.write_rebuilt(&mut file).unwrap();
    file
}

#[test]
fn the_sample_is_accepted() {
    let program = parse(&sample()).unwrap();
    assert_eq!(program.entry(), (CODE + SHIFT) as u64);
    assert_eq!(program.segments().len(), 3);
    let runs = program.pages().iter();
    let runs: Vec<_> = runs
        .map(|run| (run.offset, run.length, run.permissions.to_string()))
        .collect();
    let run = |offset, length, permissions: &str| (offset, length, permissions.to_owned());
    assert_eq!(
        runs,
        [
            run(0, 0x1000, "r--"),
            run(0x2000, 0x1000, "r-x"),
            run(0x3000, 0x2000, "rw-"),
        ]
    );
    let relocations = program.relocations();
    assert_eq!((relocations.relative, relocations.irelative), (1, 1));
    let (address, table) = program.section(registry::SECTION).unwrap().unwrap();
    assert_eq!((address, table), (0x400, sample::TABLE));
    let symbols = program.symbols().unwrap();
    let symbol = &symbols.all()[0];
    assert_eq!(symbol.name, "sample::main");
    assert_eq!((symbol.offset, symbol.size), (0x2000, 100));
}

#[test]
fn pages_hold_what_segments_have_and_zeros() {
    let file = sample();
    let program = parse(&file).unwrap();
    let pages = pages(&program);
    let offsets: Vec<_> = pages.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [0, 0x2000, 0x3000, 0x4000]);
    let table_end = 0x400 + sample::TABLE.len();
    assert_eq!(pages[0].1[0x400..table_end], file[0x400..table_end]);
    assert_eq!(pages[0].1[table_end..], vec![0; 0x1000 - table_end]);
    assert_eq!(pages[1].1[..100], file[CODE..CODE + 100]);
    assert_eq!(pages[1].1[100..], [0; 0x1000 - 100]);
    let data = sample::data(100);
    assert_eq!(pages[2].1[data - CODE..][..0x100], file[data..data + 0x100]);
    assert_eq!(pages[3].1, [0; 0x1000]);
}

#[test]
fn what_is_not_loaded_does_not_count() {
    let whole = parse(&sample()).unwrap();
    // Without sections and symbols, and with bytes between the segments.
    let mut bare = sample();
    bare.truncate(sample::data(100) + 0x100);
    bare[40..48].fill(0);
    bare[58..64].fill(0);
    bare[0xfff] = 7;
    let bare = parse(&bare).unwrap();
    assert_eq!(pages(&bare), pages(&whole));
    assert_eq!(bare.section(registry::SECTION), Ok(None));
    assert!(bare.symbols().unwrap().is_empty());
}

#[test]
fn what_is_rebuilt_is_the_same_program_and_runs() {
    let program = parse(&sample()).unwrap();
    let file = rebuilt(&program);
    assert_eq!(file.len() as u64, program.rebuilt_length());
    let again = parse(&file).unwrap();
    assert_eq!(pages(&again), pages(&program));
    assert_eq!(rebuilt(&again), file);
    let first = file.first_chunk().unwrap();
    assert_eq!(
        program_length(first, file.len() as u64),
        Ok(file.len() as u64)
    );
    // The operating system finds the pages at their addresses.
    for (offset, page) in pages(&program) {
        if let Some(found) = file.get(offset as usize..offset as usize + PAGE_SIZE) {
            assert_eq!(found, page);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, file) in [("built", sample()), ("rebuilt", file)] {
        let path = folder.path().join(name);
        std::fs::write(&path, file).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let ended = run(&path);
        assert!(ended.success(), "{name}: {ended}");
    }
}

/// A file that another thread's child process still has open for writing can't be run for a moment.
fn run(path: &Path) -> std::process::ExitStatus {
    loop {
        match std::process::Command::new(path).status() {
            Ok(status) => return status,
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_is_unfit_is_refused() {
    let data = sample::data(100);
    let dynamic = |entry: usize, tag: u64| edited(data + 16 * entry, &tag.to_le_bytes());
    let relocation = |number: usize, word: usize, value: u64| {
        edited(RELOCATIONS + 24 * number + 8 * word, &value.to_le_bytes())
    };
    let mut nothing_loaded = sample();
    for number in 0..3 {
        nothing_loaded[PROGRAM_HEADERS + number * PROGRAM_HEADER] = 4;
    }
    let cases = [
        (
            "elf.format",
            "within the ELF header",
            sample()[..63].to_vec(),
        ),
        (
            "elf.format",
            "within the program headers",
            sample()[..300].to_vec(),
        ),
        ("elf.format", "does not begin with", edited(0, b"MZ")),
        ("elf.format", "ELF version", edited(6, &[2])),
        ("elf.format", "another size", edited(52, &[63])),
        ("elf.format", "don't follow", edited(32, &[65])),
        ("elf.format", "no program header", edited(56, &[0])),
        ("elf.format", "more than fit", edited(56, &[73])),
        ("elf.kind", "64 bits", edited(4, &[1])),
        ("elf.kind", "little-endian", edited(5, &[2])),
        ("elf.kind", "operating system", edited(7, &[9])),
        ("elf.kind", "fixed address", edited(16, &[2])),
        ("elf.kind", "object file", edited(16, &[1])),
        ("elf.kind", "processor", edited(18, &[183])),
        ("elf.kind", "entry point", edited(24, &[0, 0])),
        ("elf.kind", "PT_INTERP", with_kind(4, 3, 4)),
        ("elf.kind", "nothing to load", nothing_loaded),
        ("elf.kind", "PT_DYNAMIC", with_kind(3, 4, 4)),
        ("elf.kind", "PT_GNU_STACK", with_kind(4, 4, 4)),
        ("elf.kind", "DT_NEEDED", dynamic(4, 1)),
        ("elf.kind", "packed", dynamic(4, 36)),
        ("elf.kind", "DF_1_PIE", dynamic(3, 21)),
        ("elf.kind", "24 bytes", edited(data + 40, &[16])),
        (
            "elf.segments",
            "writable and executable",
            with_kind(2, 1, 7),
        ),
        ("elf.segments", "not readable", with_kind(2, 1, 2)),
        ("elf.segments", "other than R, W and X", with_kind(2, 1, 14)),
        ("elf.segments", "executable", with_kind(4, 0x6474_e551, 7)),
        ("elf.segments", "no meaning", with_kind(4, 5, 4)),
        ("elf.segments", "overlaps", with_header(2, 16, 0x1070)),
        (
            "elf.segments",
            "16 MiB are missing",
            with_header(2, 16, 0x0200_3070),
        ),
        (
            "elf.segments",
            "differ within the page",
            with_header(1, 16, 0x2001),
        ),
        ("elf.segments", "than in memory", with_header(1, 40, 99)),
        (
            "elf.segments",
            "end of the file",
            with_header(2, 8, 0x0fff_f070),
        ),
        (
            "elf.segments",
            "end of the file",
            with_header(2, 8, u64::MAX - 0xf8f),
        ),
        ("elf.segments", "beyond 1 GiB", with_header(2, 40, 1 << 40)),
        ("elf.segments", "beyond 1 GiB", with_header(2, 40, u64::MAX)),
        ("elf.segments", "alignment", with_header(1, 48, 3)),
        ("elf.segments", "alignment", with_header(1, 48, 4 << 20)),
        ("elf.segments", "not writable", with_header(1, 40, 101)),
        (
            "elf.segments",
            "must stand at address 0",
            with_header(0, 16, 0x1000),
        ),
        (
            "elf.segments",
            "outside of what is loaded",
            with_header(3, 8, 0x4),
        ),
        ("elf.format", "no whole number", with_header(3, 32, 95)),
        ("elf.format", "no end", with_header(3, 32, 80)),
        ("elf.format", "lie outside", edited(data + 8, &[0, 0, 1])),
        ("elf.format", "whole number", edited(data + 24, &[47])),
        ("elf.format", "says twice", dynamic(4, 7)),
        ("elf.format", "no address", dynamic(0, 21)),
        ("elf.relocations", "DT_TEXTREL", dynamic(4, 22)),
        (
            "elf.relocations",
            "text relocation",
            relocation(0, 0, 0x2000),
        ),
        (
            "elf.relocations",
            "text relocation",
            relocation(1, 0, u64::MAX),
        ),
        ("elf.relocations", "type 6", relocation(0, 1, 6)),
        (
            "elf.relocations",
            "names a symbol",
            relocation(0, 1, 8 | 1 << 32),
        ),
        ("elf.relocations", "no code", relocation(1, 2, 0x3000)),
    ];
    for (code, said, file) in cases {
        let error = parse(&file).expect_err(said);
        let text = error.to_string();
        assert_eq!(crate::Fault::code(&error), code, "{said}: {text}");
        assert!(text.contains(said), "{said}: {text}");
    }
}

/// GNU ld lets segments share a page.
#[test]
fn a_shared_page_has_the_permissions_of_both() {
    let segment = |number, address, memory_size, permissions| Segment {
        number,
        address,
        file_offset: address,
        file_size: memory_size,
        memory_size,
        permissions,
    };
    let shared = [
        segment(0, 0, 0x1800, Permissions::R),
        segment(1, 0x1800, 0x100, Permissions::RW),
        segment(2, 0x1900, 0x1000, Permissions::R),
        segment(3, 0x5000, 1, Permissions::RX),
    ];
    let run = |offset, length, permissions, segment| PageRun {
        offset,
        length,
        permissions,
        segment,
    };
    assert_eq!(
        segments::pages(&shared),
        Ok(vec![
            run(0, 0x1000, Permissions::R, 0),
            run(0x1000, 0x1000, Permissions::RW, 0),
            run(0x2000, 0x1000, Permissions::R, 2),
            run(0x5000, 0x1000, Permissions::RX, 3),
        ])
    );
    let code = segment(2, 0x1900, 0x1000, Permissions::RX);
    let both = [shared[0], shared[1], code];
    assert!(matches!(
        segments::pages(&both),
        Err(Error::Segment { number: 0, .. })
    ));
}

#[test]
fn damaged_tables_of_names_are_no_reason_to_panic() {
    let file = sample();
    for at in sample::data(100) + 0x100..file.len() {
        for value in [0, 0x7f, 0xff] {
            let mut file = file.clone();
            file[at] = value;
            let program = parse(&file).unwrap();
            let _ = (program.section(registry::SECTION), program.symbols());
        }
    }
}

/// A file of n bytes could otherwise have names of n² bytes.
#[test]
fn names_that_share_bytes_are_bounded() {
    let file = sample();
    let symbols = file.len();
    let (count, length) = (100_u64, 10_000);
    let mut file = file;
    for _ in 0..count {
        file.extend_from_slice(&[1, 0, 0, 0, 2, 0, 2, 0]);
        file.extend_from_slice(&[0; 16]);
    }
    let strings = file.len();
    file.push(0);
    file.resize(strings + length, b'a');
    file.push(0);
    let table = u64::from_le_bytes(*file[40..].first_chunk().unwrap()) as usize;
    for (section, at, size) in [(2, symbols, count * 24), (3, strings, length as u64 + 1)] {
        let header = table + 64 * section;
        file[header + 24..header + 32].copy_from_slice(&(at as u64).to_le_bytes());
        file[header + 32..header + 40].copy_from_slice(&size.to_le_bytes());
    }
    let program = parse(&file).unwrap();
    assert!(matches!(program.raw_symbols(), Err(Error::Format { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(at in 0..0x240_usize, bytes in prop::collection::vec(any::<u8>(), 1..9)) {
        if let Ok(program) = parse(&edited(at, &bytes)) {
            let file = rebuilt(&program);
            let again = parse(&file).unwrap();
            prop_assert_eq!(rebuilt(&again), file);
            prop_assert_eq!(pages(&again), pages(&program));
        }
    }
}
