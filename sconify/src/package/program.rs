//! A program beside an enclave, or alone: it must run where there is nothing else.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use object::Endianness;
use object::elf::{EM_X86_64, FileHeader64, PT_INTERP, ProgramType};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use super::Error;
use crate::image::Reader;

/// Where the headers of a program are that a linker has written.
const HEADERS: u64 = 64 << 10;

/// Opens a program; its name in the package is that of its file.
pub(super) fn open(path: &Path) -> Result<(String, Reader), crate::Error> {
    let refusal = |what| Error::Program {
        path: path.to_owned(),
        what,
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.filter(|name| crate::image::name_fault(name).is_none());
    let name = name.ok_or_else(|| refusal("has no name that can be printed"))?;
    let file = File::open(path).map_err(crate::Error::io("read", path))?;
    let metadata = file.metadata().map_err(crate::Error::io("read", path))?;
    if !metadata.is_file() {
        return Err(refusal("is no file").into());
    }
    let program = Reader::whole(Arc::new(file), metadata.len());
    let fault = fault(&program).map_err(crate::Error::io("read", path))?;
    match fault {
        Some(what) => Err(refusal(what).into()),
        None => Ok((name.to_owned(), program)),
    }
}

/// Why it would not start; only its headers are read.
fn fault(program: &Reader) -> std::io::Result<Option<&'static str>> {
    let mut start = Vec::new();
    program.clone().take(HEADERS).read_to_end(&mut start)?;
    let Some(kinds) = segment_kinds(&start) else {
        return Ok(Some("is no program for x86-64 Linux"));
    };
    let is_dynamic = kinds.contains(&PT_INTERP);
    Ok(is_dynamic.then_some("is dynamically linked, and a package has no C library"))
}

fn segment_kinds(start: &[u8]) -> Option<Vec<ProgramType>> {
    let header = FileHeader64::<Endianness>::parse(start).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, start).ok()?;
    let kinds = segments.iter().map(|segment| segment.p_type(endian));
    (header.e_machine(endian) == EM_X86_64).then(|| kinds.collect())
}
