//! Loadable segments: which are accepted, and which pages they make.

use object::LittleEndian as LE;
use object::elf::{
    PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_SHLIB, ProgramType,
};
use sgx::{PAGE_SIZE, Permissions};

use super::Error;
use super::header::ProgramHeader;

const PAGE: u64 = PAGE_SIZE as u64;

/// The address behind the last byte of a program: beyond any that a linker makes.
pub(super) const MAX_END: u64 = 1 << 30;

/// Alignment that linkers ask for; it's at most that of the smallest huge page.
const MAX_ALIGNMENT: u64 = 2 << 20;

/// What may be missing in the file between segments, of all of them together: many times what
/// alignment leaves. What's rebuilt of a program has zeros there, so a small file could make a huge one.
pub(crate) const MAX_GAPS: u64 = 16 << 20;

/// A loadable segment, as its program header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its place among the program headers, from 0.
    pub number: usize,
    /// Where it begins, from the enclave's base.
    pub address: u64,
    /// Where its bytes begin in the file.
    pub file_offset: u64,
    /// How many bytes the file has of it.
    pub file_size: u64,
    /// How many bytes it has in memory; those that the file has not are zero.
    pub memory_size: u64,
    /// What the program may do there.
    pub permissions: Permissions,
}

/// Pages that follow each other, are of the same segments, and have the same permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRun {
    /// Offset of the first page from the enclave's base.
    pub offset: u64,
    /// How many bytes they have together.
    pub length: u64,
    /// Those of the segment; if two share the page, those of both.
    pub permissions: Permissions,
    /// The (first) segment, as a place in [`super::Program::segments`].
    pub segment: usize,
}

impl Segment {
    /// The address behind its last byte in memory.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.address + self.memory_size
    }

    /// The address behind the last byte that the file has.
    #[must_use]
    pub const fn file_end(&self) -> u64 {
        self.address + self.file_size
    }

    /// Whether the file has the bytes of this range.
    #[must_use]
    pub fn holds(&self, address: u64, length: u64) -> bool {
        address >= self.address
            && address
                .checked_add(length)
                .is_some_and(|end| end <= self.file_end())
    }
}

/// The loadable segments, in ascending order, apart from each other.
pub(super) fn parse(headers: &[ProgramHeader], file_length: u64) -> Result<Vec<Segment>, Error> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut gaps = 0;
    for (number, header) in of_type(headers, PT_LOAD) {
        let segment = segment(number, header, file_length)?;
        if let Some(last) = segments.last() {
            if segment.address < last.end() {
                let rule = "it overlaps the one before, or stands below it";
                return Err(refusal(number, header, rule));
            }
            gaps += segment.address - last.file_end();
        }
        if segment.file_size > 0 && gaps > MAX_GAPS {
            let rule =
                "it stands far behind the one before: over 16 MiB are missing between segments";
            return Err(refusal(number, header, rule));
        }
        if segment.memory_size > 0 {
            segments.push(segment);
        }
    }
    let Some(first) = segments.first() else {
        return Err(Error::Kind("it has nothing to load"));
    };
    let heads = (size_of::<super::header::Header>() + size_of_val(headers)) as u64;
    if first.address != 0 || first.file_offset != 0 || first.file_size < heads {
        return Err(Error::Segment {
            number: first.number,
            address: first.address,
            rule: "the first must stand at address 0 and begin with the file's headers",
        });
    }
    check_others(headers, &segments)?;
    Ok(segments)
}

/// The pages that the segments make.
pub(super) fn pages(segments: &[Segment]) -> Result<Vec<PageRun>, Error> {
    let pages = |segment: &Segment| {
        let first = segment.address / PAGE * PAGE;
        (first, segment.end().next_multiple_of(PAGE))
    };
    let mut cuts: Vec<u64> = segments
        .iter()
        .map(pages)
        .flat_map(|(a, b)| [a, b])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut runs = Vec::new();
    for cut in cuts.windows(2) {
        let (offset, end) = (cut[0], cut[1]);
        let inside = |(_, segment): &(usize, &Segment)| {
            let (first, last) = pages(segment);
            first < end && offset < last
        };
        let mut parts = segments.iter().enumerate().filter(inside);
        let Some((segment, first)) = parts.next() else {
            continue;
        };
        let permissions = parts.fold(first.permissions, |all, (_, one)| {
            all.union(one.permissions)
        });
        if permissions.contains(Permissions::W.union(Permissions::X)) {
            return Err(Error::Segment {
                number: first.number,
                address: offset,
                rule: "it shares this page with another one: it would be writable and executable",
            });
        }
        runs.push(PageRun {
            offset,
            length: end - offset,
            permissions,
            segment,
        });
    }
    Ok(runs)
}

/// The only one of its type.
pub(super) fn single<'a>(
    headers: &'a [ProgramHeader],
    of: ProgramType,
    twice: &'static str,
) -> Result<Option<&'a ProgramHeader>, Error> {
    let mut found = of_type(headers, of);
    let first = found.next();
    match found.next() {
        None => Ok(first.map(|(_, header)| header)),
        Some((number, header)) => Err(refusal(number, header, twice)),
    }
}

fn of_type(
    headers: &[ProgramHeader],
    of: ProgramType,
) -> impl Iterator<Item = (usize, &ProgramHeader)> {
    let fits = move |header: &ProgramHeader| header.p_type.get(LE) == of;
    headers
        .iter()
        .enumerate()
        .filter(move |(_, header)| fits(header))
}

fn segment(number: usize, header: &ProgramHeader, file_length: u64) -> Result<Segment, Error> {
    let refuse = |rule| Err(refusal(number, header, rule));
    let (address, file_offset) = (header.p_vaddr.get(LE), header.p_offset.get(LE));
    let (file_size, memory_size) = (header.p_filesz.get(LE), header.p_memsz.get(LE));
    if file_size > memory_size {
        return refuse("it has more bytes in the file than in memory");
    }
    if file_offset
        .checked_add(file_size)
        .is_none_or(|end| end > file_length)
    {
        return refuse("its bytes go beyond the end of the file");
    }
    if address
        .checked_add(memory_size)
        .is_none_or(|end| end > MAX_END)
    {
        return refuse("it goes beyond 1 GiB");
    }
    if address % PAGE != file_offset % PAGE {
        return refuse("address and file offset differ within the page");
    }
    let alignment = header.p_align.get(LE);
    if alignment > MAX_ALIGNMENT || !(alignment == 0 || alignment.is_power_of_two()) {
        return refuse("its alignment is no power of two up to 2 MiB");
    }
    let permissions = permissions(number, header)?;
    if memory_size > file_size && !permissions.contains(Permissions::W) {
        // Linux can't clear them, and fails or not by its version.
        return refuse("it has zeros beyond its bytes, and is not writable");
    }
    Ok(Segment {
        number,
        address,
        file_offset,
        file_size,
        memory_size,
        permissions,
    })
}

fn permissions(number: usize, header: &ProgramHeader) -> Result<Permissions, Error> {
    let flags = header.p_flags.get(LE).0;
    if flags & !(PF_R.0 | PF_W.0 | PF_X.0) != 0 {
        return Err(refusal(
            number,
            header,
            "it has flags other than R, W and X",
        ));
    }
    if flags & PF_R.0 == 0 {
        return Err(refusal(number, header, "it is not readable"));
    }
    let mut permissions = Permissions::R;
    if flags & PF_W.0 != 0 {
        permissions = permissions.union(Permissions::W);
    }
    if flags & PF_X.0 != 0 {
        permissions = permissions.union(Permissions::X);
    }
    if permissions.contains(Permissions::W.union(Permissions::X)) {
        return Err(refusal(number, header, "it is writable and executable"));
    }
    Ok(permissions)
}

/// Headers of other types: some must not be there, and the rest must lie in what is loaded.
fn check_others(headers: &[ProgramHeader], segments: &[Segment]) -> Result<(), Error> {
    for (number, header) in headers.iter().enumerate() {
        let kind = header.p_type.get(LE);
        if kind == PT_INTERP {
            return Err(Error::Kind("it asks for a dynamic loader (PT_INTERP)"));
        }
        if kind == PT_SHLIB {
            return Err(refusal(
                number,
                header,
                "its type has no meaning (PT_SHLIB)",
            ));
        }
        if kind == PT_GNU_STACK && header.p_flags.get(LE).0 & PF_X.0 != 0 {
            return Err(refusal(number, header, "its stack would be executable"));
        }
        let (offset, address) = (header.p_offset.get(LE), header.p_vaddr.get(LE));
        let length = header.p_filesz.get(LE);
        let loaded = |segment: &Segment| {
            segment.holds(address, length)
                && Some(offset) == (address - segment.address).checked_add(segment.file_offset)
        };
        if kind != PT_LOAD && length > 0 && !segments.iter().any(loaded) {
            return Err(refusal(number, header, "it lies outside of what is loaded"));
        }
    }
    if of_type(headers, PT_GNU_STACK).next().is_none() {
        return Err(Error::Kind(
            "its stack would be executable (no PT_GNU_STACK)",
        ));
    }
    if of_type(headers, PT_DYNAMIC).next().is_none() {
        return Err(Error::Kind(
            "it has no PT_DYNAMIC, so it can't be relocated",
        ));
    }
    Ok(())
}

fn refusal(number: usize, header: &ProgramHeader, rule: &'static str) -> Error {
    Error::Segment {
        number,
        address: header.p_vaddr.get(LE),
        rule,
    }
}
