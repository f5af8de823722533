//! Programs that are unfit for an enclave.

use crate::case::{Case, Way, unusable};
use crate::elf::{
    self, CODE, DATA, DYNAMIC, HEADERS, SPARE, STACK, dynamic, field, header, relocation, with,
};
use crate::sandbox::Entry;

const LINE: &str = "measure --program bad --config enclave.toml --out new.sgxs";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = files();
    cases.extend(headers());
    cases.extend(segments());
    cases.extend(relocations());
    cases
}

fn bad(name: &str, program: impl Into<Vec<u8>>, code: &'static str) -> Case {
    unusable(name, LINE, code).file("bad", program)
}

/// What is no ELF file, or can't be read.
fn files() -> Vec<Case> {
    let script = "#!/bin/sh\nexec worker\n";
    vec![
        bad("an empty file", "", "elf.format"),
        bad("a script", script.repeat(9), "elf.format").says("offset 0x0"),
        bad("half of the header", &elf::good()[..40], "elf.format"),
        bad(
            "half of the program headers",
            &elf::good()[..200],
            "elf.format",
        ),
        bad("without its end", &elf::good()[..0x2900], "elf.segments").says("end of the file"),
        unusable("nothing there", LINE, "file.io").says("bad"),
        unusable("a folder", LINE, "file.io").entry("bad", Entry::Folder),
        unusable("a program of somebody else", LINE, "file.io")
            .entry("bad", Entry::Secret(elf::good()))
            .started(Way::Nobody),
    ]
}

/// What is an ELF file of another kind.
fn headers() -> Vec<Case> {
    vec![
        bad("32 bits", with(4, [1]), "elf.kind"),
        bad("big-endian", with(5, [2]), "elf.kind"),
        bad("another processor", with(18, [183]), "elf.kind").says("processor"),
        bad("another system", with(7, [9]), "elf.kind"),
        bad("a fixed address", with(16, [2]), "elf.kind").says("fixed address"),
        bad("an object file", with(16, [1]), "elf.kind"),
        bad("another version", with(6, [2]), "elf.format"),
        bad("headers of another size", with(54, [57]), "elf.format"),
        bad("no program headers", with(56, [0, 0]), "elf.format"),
        bad("65535 program headers", with(56, [0xff; 2]), "elf.format"),
        bad(
            "program headers beyond the file",
            with(32, [0xff; 8]),
            "elf.format",
        ),
        bad(
            "an entry point in its data",
            with(24, 0x2000_u64.to_le_bytes()),
            "elf.kind",
        ),
        bad(
            "an entry point beyond everything",
            with(24, [0xff; 8]),
            "elf.kind",
        ),
    ]
}

fn segments() -> Vec<Case> {
    let at = |place, field, value: u64| with(header(place, field), value.to_le_bytes());
    let flags = |place, flags: u32| with(header(place, field::FLAGS), flags.to_le_bytes());
    let kind = |kind: u32| with(header(SPARE, field::TYPE), kind.to_le_bytes());
    let unsegmented = |name, program| bad(name, program, "elf.segments");
    vec![
        unsegmented("writable and executable", flags(CODE, 7)).says("writable and executable"),
        unsegmented("data that is executable", flags(DATA, 7)).says("at 0x2000"),
        unsegmented("not readable", flags(CODE, 1)),
        unsegmented("unknown flags", flags(CODE, 0x8000_0005)),
        unsegmented("overlapping", at(DATA, field::ADDRESS, 0x1000)).says("overlaps"),
        unsegmented("not ascending", at(HEADERS, field::ADDRESS, 0x8000)),
        unsegmented("an absurd size", at(DATA, field::MEMORY_SIZE, u64::MAX)).says("beyond 1 GiB"),
        unsegmented(
            "an absurd address",
            at(DATA, field::ADDRESS, u64::MAX - 0xfff),
        ),
        unsegmented(
            "larger than any enclave",
            at(DATA, field::MEMORY_SIZE, 1 << 40),
        ),
        unsegmented(
            "more in the file than in memory",
            at(DATA, field::FILE_SIZE, 0x9000),
        ),
        unsegmented(
            "an absurd place in the file",
            at(DATA, field::OFFSET, u64::MAX - 0xfff),
        ),
        unsegmented("beside its page", at(CODE, field::OFFSET, 0x800)).says("within the page"),
        unsegmented("alignment to three", at(CODE, field::ALIGNMENT, 3)),
        unsegmented("alignment to 1 TiB", at(CODE, field::ALIGNMENT, 1 << 40)),
        unsegmented("zeros behind code", at(CODE, field::MEMORY_SIZE, 0x1800)),
        unsegmented("an executable stack", flags(STACK, 7)).says("stack"),
        unsegmented(
            "a table outside of what is loaded",
            at(DYNAMIC, field::ADDRESS, 0x8000),
        ),
        bad("PT_INTERP", kind(3), "elf.kind").says("PT_INTERP"),
        bad("two dynamic tables", kind(2), "elf.segments").says("second"),
        bad(
            "no dynamic table",
            with(header(DYNAMIC, field::TYPE), [0; 4]),
            "elf.kind",
        ),
        bad(
            "nothing about the stack",
            with(header(STACK, field::TYPE), [0; 4]),
            "elf.kind",
        ),
    ]
}

fn relocations() -> Vec<Case> {
    let tag = |place, tag: u64| with(dynamic(place), tag.to_le_bytes());
    let value = |place, value: u64| with(dynamic(place) + 8, value.to_le_bytes());
    let at = |word: usize, value: u64| with(relocation(0) + word * 8, value.to_le_bytes());
    let unrelocated = |name, program| bad(name, program, "elf.relocations");
    vec![
        unrelocated("DT_TEXTREL", tag(0, 22)).says("text relocations"),
        unrelocated("in code", at(0, 0x1000)).says("text relocation"),
        unrelocated("beyond the end of the data", at(0, 0x3ffc)),
        unrelocated("at the last address", at(0, u64::MAX)),
        unrelocated("R_X86_64_GLOB_DAT", at(1, 6)).says("of type 6"),
        unrelocated("R_X86_64_COPY", at(1, 5)),
        unrelocated("with a symbol", at(1, 1 << 32 | 8)),
        unrelocated(
            "chosen by what is no code",
            with(relocation(1) + 16, [0, 0x20]),
        ),
        bad("DT_NEEDED", tag(0, 1), "elf.kind").says("shared library"),
        bad("DT_RELR", tag(0, 36), "elf.kind"),
        bad("a library", value(4, 0), "elf.kind").says("DF_1_PIE"),
        bad(
            "a table beyond everything",
            value(1, u64::MAX - 8),
            "elf.format",
        ),
        bad(
            "a table without end",
            value(2, u64::MAX / 24 * 24),
            "elf.format",
        ),
        bad("half an entry", value(2, 47), "elf.format"),
        bad("a table twice", tag(0, 7), "elf.format").says("twice"),
        bad("a dynamic table without end", tag(5, 21), "elf.format").says("no end"),
    ]
}
