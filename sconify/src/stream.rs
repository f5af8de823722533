//! A layout as a canonical SGXS stream, and its measurement. Nothing is held that grows with the
//! enclave.

use sgx::sgxs::Writer;
use sgx::{Digest, Kind, Mrenclave, PAGE_SIZE, SecInfo};

use crate::Error;
use crate::elf::Program;
use crate::layout::{Area, AreaKind, Layout};

/// What an enclave measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// The digest.
    pub mrenclave: Mrenclave,
    /// SIZE: bytes of the enclave's address range.
    pub size: u64,
    /// SSAFRAMESIZE: pages of a frame of saved state.
    pub ssa_frame_size: u32,
    /// Bytes of the stream.
    pub bytes: u64,
    /// Pages that are added.
    pub pages: u64,
    /// Those of them whose content is measured.
    pub measured_pages: u64,
}

impl Measurement {
    /// The digest with its kind.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        Digest::Mrenclave(Kind::Sim, self.mrenclave)
    }
}

/// Hands the stream to `sink`, piece by piece, and measures it.
///
/// # Errors
///
/// Those of `sink`.
pub fn write(
    layout: &Layout,
    program: &Program,
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Measurement, Error> {
    let parameters = layout.parameters();
    let (mut writer, begin) = Writer::create(parameters)?;
    sink(&begin)?;
    let (mut pages, mut measured_pages) = (0, 0);
    for area in layout.areas() {
        let Some(info) = area.info else { continue };
        pages += area.pages();
        if area.measured {
            measured_pages += area.pages();
        }
        write_area(layout, program, area, info, &mut writer, &mut sink)?;
    }
    Ok(Measurement {
        size: parameters.size,
        ssa_frame_size: parameters.ssa_frame_size,
        bytes: writer.offset(),
        pages,
        measured_pages,
        mrenclave: writer.finish(),
    })
}

/// The measurement alone.
///
/// # Errors
///
/// None that a [`Layout`] can cause.
pub fn measure(layout: &Layout, program: &Program) -> Result<Measurement, Error> {
    write(layout, program, |_| Ok(()))
}

fn write_area(
    layout: &Layout,
    program: &Program,
    area: &Area,
    info: SecInfo,
    writer: &mut Writer,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut page = [0; PAGE_SIZE];
    for offset in (area.offset..area.end()).step_by(PAGE_SIZE) {
        if !area.measured {
            sink(writer.add(offset, info)?)?;
            continue;
        }
        match area.kind {
            AreaKind::Program(_) => program.read_page(offset, &mut page),
            AreaKind::Manifest => {
                let at = (offset - area.offset) as usize;
                page.copy_from_slice(&layout.manifest()[at..at + PAGE_SIZE]);
            }
            AreaKind::Tls(thread) => page = layout.tls(thread),
            AreaKind::Tcs(thread) => page = layout.tcs(thread).to_page(),
            AreaKind::Heap | AreaKind::Guard(_) | AreaKind::Stack(_) | AreaKind::Ssa(_) => {
                sink(writer.zero_page(offset, info)?)?;
                continue;
            }
        }
        sink(writer.page(offset, info, &page)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
