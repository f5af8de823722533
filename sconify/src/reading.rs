//! An image as it is read back: what its measured pages hold, and what stands beside them.
//!
//! The stream is read once, checked and measured on the way; everything that is told of the enclave
//! comes from its pages. What else an image holds (symbols, provenance, parameters as given) is not
//! measured, and is told apart.

mod beside;
mod error;
mod pages;
mod regions;
mod stream;
mod table;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sgx::sgxs::Summary;
use sgx::{Digest, Kind, PAGE_SIZE};

use crate::elf::{self, Program};
use crate::image;
use crate::manifest::{self, Manifest};

pub use beside::Beside;
pub use error::Error;
pub(crate) use pages::PAGE;
pub use pages::{Pages, Run};
pub(crate) use regions::{Region, Sort, relocations};
pub(crate) use stream::each_page;
pub use table::{Input, Workload};

/// A stream, alone or in an image, whole and measured.
#[derive(Debug)]
pub struct Reading {
    /// How the user called it.
    pub name: String,
    /// What ECREATE says, and the measurement.
    pub summary: Summary,
    /// The pages.
    pub pages: Pages,
    /// The program, rebuilt from the measured pages, if they hold one.
    pub program: Option<Program>,
    /// The enclave's manifest, from its measured pages, if they hold one.
    pub manifest: Option<Manifest>,
    /// The table of workloads, from the measured pages, if the manifest says where it is.
    pub workloads: Option<Vec<Workload>>,
    /// Why one of these three can't be read, though it seems to be there.
    pub faults: Vec<String>,
    /// What stands beside the stream, if it is in an image.
    pub beside: Option<Beside>,
}

impl Reading {
    /// Reads a file that is a stream, or the stream of an image.
    ///
    /// # Errors
    ///
    /// [`enum@Error`] if it isn't canonical or no stream at all; [`image::Error`] if it's no image.
    pub fn open(path: &Path) -> Result<Self, crate::Error> {
        let name = path.display().to_string();
        if is_stream(path)? {
            let file = File::open(path).map_err(crate::Error::io("read", path))?;
            return Self::new(name, file, None);
        }
        let image = image::open(path)?;
        let member = image::stream(image.name()?);
        let stream = image.reader(&member)?;
        let mut reading = Self::new(format!("{name}/{member}"), stream, None)?;
        reading.name = name;
        reading.beside = Some(Beside::of(image)?);
        Ok(reading)
    }

    /// Reads a stream. `name` is for messages.
    ///
    /// # Errors
    ///
    /// [`enum@Error`] if it can't be read or isn't canonical.
    pub fn new(
        name: String,
        stream: impl std::io::Read,
        beside: Option<Beside>,
    ) -> Result<Self, crate::Error> {
        let (pages, summary) = stream::read(&name, stream)?;
        let mut reading = Self {
            name,
            summary,
            pages,
            program: None,
            manifest: None,
            workloads: None,
            faults: Vec::new(),
            beside,
        };
        reading.look()?;
        Ok(reading)
    }

    /// The measurement, with its kind.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        Digest::Mrenclave(Kind::Sim, self.summary.mrenclave)
    }

    /// The bytes of pages that follow each other, if all of them are measured.
    ///
    /// # Errors
    ///
    /// Those of the temporary file.
    pub fn measured(&self, offset: u64, length: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut at = offset;
        let end = offset.saturating_add(length);
        while at < end {
            match self.pages.run_at(at) {
                Some(run) if run.measured == sgx::sgxs::Chunks::ALL => at = run.end(),
                _ => return Ok(None),
            }
        }
        let Ok(length) = usize::try_from(length) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        self.pages
            .read(offset, &mut bytes)
            .map_err(Error::Scratch)?;
        Ok(Some(bytes))
    }

    /// Looks for program, manifest and table in the measured pages.
    fn look(&mut self) -> Result<(), Error> {
        let Some(first) = self.measured(0, PAGE)? else {
            return Ok(());
        };
        if !first.starts_with(b"\x7fELF") {
            return Ok(());
        }
        match self.rebuild(&first)? {
            Ok(program) => self.program = Some(program),
            Err(error) => {
                self.faults
                    .push(format!("the program in its pages can't be used: {error}"));
                return Ok(());
            }
        }
        match self.find_manifest()? {
            None => {}
            Some(Ok(manifest)) => self.manifest = Some(manifest),
            Some(Err(error)) => self.faults.push(error.to_string()),
        }
        self.find_workloads()
    }

    fn rebuild(&self, first: &[u8]) -> Result<Result<Program, elf::Error>, Error> {
        let end = self.pages.runs().last().map_or(0, Run::end);
        let length = match first
            .first_chunk()
            .map(|page| elf::program_length(page, end))
        {
            Some(Ok(length)) => length.min(end).min(elf::MAX_FILE),
            Some(Err(error)) => return Ok(Err(error)),
            None => 0,
        };
        // A few bytes of headers must not make a gigabyte of zeros.
        if length - self.measured_before(length) > elf::MAX_GAPS {
            let what = "over 16 MiB of its segments are in no measured page";
            let offset = length;
            return Ok(Err(elf::Error::Format { what, offset }));
        }
        let mut file = vec![0; length as usize];
        self.pages.read(0, &mut file).map_err(Error::Scratch)?;
        Ok(Program::parse(file))
    }

    /// Bytes of whole measured pages before `end`.
    fn measured_before(&self, end: u64) -> u64 {
        let runs = self.pages.runs().iter();
        let measured = runs.filter(|run| run.measured == sgx::sgxs::Chunks::ALL);
        measured
            .map(|run| run.end().min(end).saturating_sub(run.offset))
            .sum()
    }

    /// The manifest follows the program.
    fn find_manifest(&self) -> Result<Option<Result<Manifest, manifest::Error>>, Error> {
        let offset = self.program.as_ref().map_or(0, Program::end);
        let Some(first) = self.measured(offset, PAGE)? else {
            return Ok(None);
        };
        let Some(first) = first.first_chunk::<PAGE_SIZE>() else {
            return Ok(None);
        };
        if !first.starts_with(manifest::MAGIC) {
            return Ok(None);
        }
        let length = match Manifest::pages_length(first) {
            Ok(length) => length as u64,
            Err(error) => return Ok(Some(Err(error))),
        };
        let pages = self.measured(offset, length)?.unwrap_or_default();
        Ok(Some(Manifest::parse(&pages)))
    }

    fn find_workloads(&mut self) -> Result<(), Error> {
        let Some(table) = self.manifest.as_ref().and_then(|one| one.table.clone()) else {
            return Ok(());
        };
        let bytes = self.measured(table.offset, table.length.min(table::MAX_LENGTH + 1))?;
        match table::parse(bytes.as_deref(), &table) {
            Ok(workloads) => self.workloads = Some(workloads),
            Err(fault) => self.faults.push(fault),
        }
        Ok(())
    }
}

/// Whether it's a file that begins as streams do.
pub(crate) fn is_stream(path: &Path) -> Result<bool, crate::Error> {
    let cannot = |source| crate::Error::io("read", path)(source);
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Ok(false);
    }
    let mut begin = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(8).read_to_end(&mut begin).map_err(cannot)?;
    if begin.starts_with(b"\x7fELF") {
        return Err(Error::Program(path.to_owned()).into());
    }
    // The rules of streams say best what is wrong with one that begins otherwise but is called so.
    let called_so = path
        .extension()
        .is_some_and(|extension| extension == "sgxs");
    Ok(called_so || begin == *b"ECREATE\0" || begin == *b"UNSIZED\0")
}

#[cfg(test)]
mod tests {
    use sgx::sgxs::{Parameters, Writer};
    use sgx::{Permissions, SecInfo};

    use super::*;
    use crate::diff::sample::Sample;

    /// Five kilobytes that say they were a program of a gigabyte.
    #[test]
    fn a_program_that_is_not_there_is_not_rebuilt() {
        const END: u64 = 1 << 30;
        let program = Program::parse(Sample::new().program().0).unwrap();
        let mut first = [0; PAGE_SIZE];
        program.read_page(0, &mut first);
        // The last segment ends where programs end.
        let last = program.segments().last().unwrap();
        let at = elf::sample::PROGRAM_HEADERS + elf::sample::PROGRAM_HEADER * last.number;
        let size = (END - last.address).to_le_bytes();
        first[at + 32..at + 40].copy_from_slice(&size);
        first[at + 40..at + 48].copy_from_slice(&size);
        let parameters = Parameters {
            ssa_frame_size: 1,
            size: 2 * END,
        };
        let (mut writer, begin) = Writer::create(parameters).unwrap();
        let mut stream = begin.to_vec();
        let r = SecInfo::reg(Permissions::R);
        stream.extend_from_slice(writer.page(0, r, &first).unwrap());
        stream.extend_from_slice(writer.add(END - PAGE, r).unwrap());
        let reading = Reading::new("stream".to_owned(), &stream[..], None).unwrap();
        assert!(reading.program.is_none());
        let fault = reading.faults.first().unwrap();
        assert!(fault.contains("in no measured page"), "{fault}");
    }
}
