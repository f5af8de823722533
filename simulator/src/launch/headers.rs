//! The headers of a program in its first page: where its segments stand, and what they may.
//!
//! Everything that Linux acts on is either checked here or does not change which bytes are mapped
//! where: `sconify` checks far more when it makes an image.

use object::LittleEndian as LE;
use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_DYN, FileHeader64, PF_R, PF_W, PF_X,
    PT_GNU_STACK, PT_INTERP, PT_LOAD, ProgramHeader64,
};
use object::pod;
use sgx::{PAGE_SIZE, Permissions};

use super::ProgramFault;

const PAGE: u64 = PAGE_SIZE as u64;

/// The address behind the last byte of a program.
const MAX_END: u64 = 1 << 30;

/// What the largest page asks for.
const MAX_ALIGNMENT: u64 = 2 << 20;

/// What the headers say.
#[derive(Debug, Clone)]
pub(super) struct Headers {
    /// Where it begins to run, from the enclave's base.
    pub(super) entry: u64,
    /// In ascending order, apart from each other.
    segments: Vec<Segment>,
}

/// A loadable segment.
#[derive(Debug, Clone, Copy)]
struct Segment {
    address: u64,
    /// Where its bytes end, and zeros begin.
    file_end: u64,
    /// Where its zeros end.
    end: u64,
    permissions: Permissions,
}

/// What a page is to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    /// Of all segments that have a part of it.
    pub(super) permissions: Permissions,
    /// From here on the operating system clears it, in bytes from its begin.
    pub(super) zeros_from: usize,
}

impl Headers {
    /// From the first page.
    pub(super) fn parse(page: &[u8; PAGE_SIZE]) -> Result<Self, ProgramFault> {
        let refuse = |what| Err(ProgramFault::Header(what));
        let Ok((header, rest)) = pod::from_bytes::<FileHeader64<LE>>(&page[..]) else {
            return refuse("the first page has no room for them");
        };
        let ident = header.e_ident;
        if ident.magic != ELFMAG {
            return refuse("the first page does not begin as an ELF file does");
        }
        if ident.class != ELFCLASS64
            || ident.data != ELFDATA2LSB
            || header.e_machine.get(LE) != EM_X86_64
        {
            return refuse("it is not for x86-64");
        }
        if header.e_type.get(LE) != ET_DYN {
            return refuse("it is not position-independent");
        }
        let size = size_of::<ProgramHeader64<LE>>();
        if header.e_phoff.get(LE) != size_of_val(header) as u64
            || usize::from(header.e_phentsize.get(LE)) != size
        {
            return refuse("program headers do not follow the ELF header");
        }
        let count = usize::from(header.e_phnum.get(LE));
        let Ok((headers, _)) = pod::slice_from_bytes::<ProgramHeader64<LE>>(rest, count) else {
            return refuse("more program headers than the first page holds");
        };
        check_kinds(headers)?;
        let entry = header.e_entry.get(LE);
        let segments = segments(headers)?;
        let is_code = |segment: &Segment| {
            (segment.address..segment.file_end).contains(&entry)
                && segment.permissions.contains(Permissions::X)
        };
        if !segments.iter().any(is_code) {
            return refuse("the entry point is in no executable segment");
        }
        Ok(Self { entry, segments })
    }

    /// The offset behind the last page.
    pub(super) fn end(&self) -> u64 {
        self.segments.last().map_or(0, Segment::last)
    }

    /// The offset behind the last page that has bytes of the file.
    pub(super) fn file_end(&self) -> u64 {
        let with_bytes = self
            .segments
            .iter()
            .filter(|one| one.file_end > one.address);
        let ends = with_bytes.map(|one| one.file_end.next_multiple_of(PAGE));
        ends.max().unwrap_or(0)
    }

    /// What the page at `offset` is to the program, if anything.
    pub(super) fn page(&self, offset: u64) -> Option<Use> {
        let mut found: Option<Use> = None;
        for segment in self.touching(offset, offset + PAGE) {
            let zeros_from = if segment.file_end < segment.end {
                segment.file_end.saturating_sub(offset).min(PAGE) as usize
            } else {
                PAGE_SIZE
            };
            let before = found.map_or(Permissions::NONE, |all| all.permissions);
            found = Some(Use {
                permissions: before.union(segment.permissions),
                zeros_from: found.map_or(zeros_from, |all| all.zeros_from.min(zeros_from)),
            });
        }
        found
    }

    /// Whether some segment has a page from `from` up to `to`.
    pub(super) fn needs(&self, from: u64, to: u64) -> bool {
        from < to && self.touching(from, to).next().is_some()
    }

    fn touching(&self, from: u64, to: u64) -> impl Iterator<Item = &Segment> {
        let touches = move |one: &&Segment| one.first() < to && from < one.last();
        self.segments.iter().filter(touches)
    }
}

impl Segment {
    /// Offset of its first page.
    const fn first(&self) -> u64 {
        self.address / PAGE * PAGE
    }

    /// Offset behind its last page.
    const fn last(&self) -> u64 {
        self.end.next_multiple_of(PAGE)
    }
}

/// Headers that would make Linux load, or allow, what is not measured.
fn check_kinds(headers: &[ProgramHeader64<LE>]) -> Result<(), ProgramFault> {
    let mut has_stack = false;
    for header in headers {
        let kind = header.p_type.get(LE);
        if kind == PT_INTERP {
            return Err(ProgramFault::Header(
                "it asks for a loader that is not measured",
            ));
        }
        if kind == PT_GNU_STACK {
            has_stack = header.p_flags.get(LE).0 & PF_X.0 == 0;
        }
    }
    if has_stack {
        Ok(())
    } else {
        Err(ProgramFault::Header("its stack would be executable"))
    }
}

fn segments(headers: &[ProgramHeader64<LE>]) -> Result<Vec<Segment>, ProgramFault> {
    let mut segments: Vec<Segment> = Vec::new();
    let loadable = |header: &&ProgramHeader64<LE>| header.p_type.get(LE) == PT_LOAD;
    for header in headers.iter().filter(loadable) {
        let address = header.p_vaddr.get(LE);
        let refuse = |what| Err(ProgramFault::Segment { address, what });
        let segment = segment(header)?;
        if segments.last().is_some_and(|last| address < last.end) {
            return refuse("it overlaps the one before, or stands below it");
        }
        if segments.is_empty() && address != 0 {
            return refuse("the first does not stand at the enclave's base");
        }
        if segment.address < segment.end {
            segments.push(segment);
        }
    }
    Ok(segments)
}

fn segment(header: &ProgramHeader64<LE>) -> Result<Segment, ProgramFault> {
    let address = header.p_vaddr.get(LE);
    let refuse = |what| Err(ProgramFault::Segment { address, what });
    if header.p_offset.get(LE) != address {
        return refuse("its place in the file is not its place in the enclave");
    }
    let (file_size, memory_size) = (header.p_filesz.get(LE), header.p_memsz.get(LE));
    if file_size > memory_size {
        return refuse("it has more bytes than memory");
    }
    if address
        .checked_add(memory_size)
        .is_none_or(|end| end > MAX_END)
    {
        return refuse("it goes beyond 1 GiB");
    }
    let alignment = header.p_align.get(LE);
    if alignment > MAX_ALIGNMENT || !(alignment == 0 || alignment.is_power_of_two()) {
        return refuse("its alignment is no power of two up to 2 MiB");
    }
    let flags = header.p_flags.get(LE).0;
    let mut permissions = Permissions::NONE;
    for (flag, permission) in [
        (PF_R, Permissions::R),
        (PF_W, Permissions::W),
        (PF_X, Permissions::X),
    ] {
        if flags & flag.0 != 0 {
            permissions = permissions.union(permission);
        }
    }
    if flags & !(PF_R.0 | PF_W.0 | PF_X.0) != 0 || !permissions.contains(Permissions::R) {
        return refuse("it is not readable, or has flags besides R, W and X");
    }
    if permissions.contains(Permissions::W.union(Permissions::X)) {
        return refuse("it is writable and executable");
    }
    if file_size < memory_size && !permissions.contains(Permissions::W) {
        return refuse("it has zeros that cannot be cleared: it is not writable");
    }
    Ok(Segment {
        address,
        file_end: address + file_size,
        end: address + memory_size,
        permissions,
    })
}
