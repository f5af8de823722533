//! Pages to the bytes of a stream, and the measurement.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::pages::Parameters;
use super::record::{EADD, EEXTEND, HEADER_SIZE, PAGE_RECORDS_SIZE, RECORD_SIZE, Record};
use super::rules::{Error, Rule, Rules};
use crate::digest::Mrenclave;
use crate::measure::Measurer;
use crate::page::{CHUNK_SIZE, PAGE_SIZE, SecInfo};

/// Writes a canonical stream, and measures what it writes. Each call gives the bytes that come next
/// in the stream, which the caller stores, sends or drops.
///
/// ```
/// use sgx::sgxs::{Parameters, Writer};
/// use sgx::{PAGE_SIZE, Permissions, SecInfo};
/// # use sconce_sgx as sgx;
///
/// let mut stream = Vec::new();
/// let parameters = Parameters { ssa_frame_size: 1, size: 0x4000 };
/// let (mut writer, begin) = Writer::create(parameters)?;
/// stream.extend_from_slice(&begin);
/// let code = [0x90; PAGE_SIZE];
/// stream.extend_from_slice(writer.page(0, SecInfo::reg(Permissions::RX), &code)?);
/// stream.extend_from_slice(writer.add(0x1000, SecInfo::reg(Permissions::RW))?);
/// let mrenclave = writer.finish();
/// # assert_eq!(ring::digest::digest(&ring::digest::SHA256, &stream).as_ref(), mrenclave.0);
/// # Ok::<(), sgx::sgxs::Error>(())
/// ```
#[derive(Clone)]
pub struct Writer {
    rules: Rules,
    measurer: Measurer,
    /// Bytes written so far.
    offset: u64,
    /// Records of a page whose chunks are all measured; tags and reserved bytes stay.
    page: Box<[u8; PAGE_RECORDS_SIZE]>,
    /// The same for pages of zeros.
    zeros: Box<[u8; PAGE_RECORDS_SIZE]>,
    /// The last record by itself.
    record: Vec<u8>,
}

impl Writer {
    /// ECREATE: the first 64 bytes.
    ///
    /// # Errors
    ///
    /// [`Rule::Size`], [`Rule::SsaFrameSize`].
    pub fn create(parameters: Parameters) -> Result<(Self, [u8; HEADER_SIZE]), Error> {
        let Parameters {
            ssa_frame_size,
            size,
        } = parameters;
        let mut writer = Self {
            rules: Rules::default(),
            measurer: Measurer::create(ssa_frame_size, size),
            offset: 0,
            page: empty_page(),
            zeros: empty_page(),
            record: Vec::with_capacity(RECORD_SIZE),
        };
        let created = writer.rules.create(ssa_frame_size, size);
        created.map_err(|rule| writer.error(rule))?;
        writer.offset = HEADER_SIZE as u64;
        let record = Record::Create {
            ssa_frame_size,
            size,
        };
        Ok((writer, record.header()))
    }

    /// EADD alone: the page's content is not measured, and zeros are loaded unless chunks follow.
    ///
    /// # Errors
    ///
    /// The rule that the page would break; nothing is written then.
    pub fn add(&mut self, offset: u64, info: SecInfo) -> Result<&[u8], Error> {
        let added = self.rules.add(offset, info);
        added.map_err(|rule| self.error(rule))?;
        Ok(self.write(&Record::Add { offset, info }))
    }

    /// EEXTEND of one chunk of the page just added.
    ///
    /// # Errors
    ///
    /// The rule that the chunk would break; nothing is written then.
    pub fn extend(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) -> Result<&[u8], Error> {
        let added = self.rules.chunk(offset);
        added.map_err(|rule| self.error(rule))?;
        Ok(self.write(&Record::Extend { offset, data }))
    }

    /// One chunk of the page just added, which is loaded and not measured.
    ///
    /// # Errors
    ///
    /// The rule that the chunk would break; nothing is written then.
    pub fn load(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) -> Result<&[u8], Error> {
        let added = self.rules.chunk(offset);
        added.map_err(|rule| self.error(rule))?;
        Ok(self.write(&Record::Load { offset, data }))
    }

    /// A page with all its content measured.
    ///
    /// # Errors
    ///
    /// The rule that the page would break; nothing is written then.
    pub fn page(
        &mut self,
        offset: u64,
        info: SecInfo,
        content: &[u8; PAGE_SIZE],
    ) -> Result<&[u8], Error> {
        self.begin_page(offset, info)?;
        place(&mut self.page, offset, info);
        let (chunks, _) = content.as_chunks::<CHUNK_SIZE>();
        for (record, chunk) in extends(&mut self.page).zip(chunks) {
            record[HEADER_SIZE..].copy_from_slice(chunk);
        }
        self.measurer.bytes(&self.page[..]);
        Ok(&self.page[..])
    }

    /// A page of zeros, all measured.
    ///
    /// # Errors
    ///
    /// The rule that the page would break; nothing is written then.
    pub fn zero_page(&mut self, offset: u64, info: SecInfo) -> Result<&[u8], Error> {
        self.begin_page(offset, info)?;
        place(&mut self.zeros, offset, info);
        self.measurer.bytes(&self.zeros[..]);
        Ok(&self.zeros[..])
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The stream is complete: its measurement.
    #[must_use]
    pub fn finish(self) -> Mrenclave {
        self.measurer.finish()
    }

    fn begin_page(&mut self, offset: u64, info: SecInfo) -> Result<(), Error> {
        let added = self.rules.add(offset, info);
        added.map_err(|rule| self.error(rule))?;
        self.rules.all_chunks();
        self.offset += PAGE_RECORDS_SIZE as u64;
        Ok(())
    }

    fn write(&mut self, record: &Record<'_>) -> &[u8] {
        self.record.clear();
        record.encode(&mut self.record);
        self.measurer.record(record);
        self.offset += record.size() as u64;
        &self.record
    }

    fn error(&self, rule: Rule) -> Error {
        Error {
            rule,
            offset: self.offset,
        }
    }
}

/// The records of a measured page of zeros; offsets and SECINFO are to be put in.
fn empty_page() -> Box<[u8; PAGE_RECORDS_SIZE]> {
    let mut page = Box::new([0; PAGE_RECORDS_SIZE]);
    page[..8].copy_from_slice(&EADD);
    for record in extends(&mut page) {
        record[..8].copy_from_slice(&EEXTEND);
    }
    page
}

/// Puts offsets and SECINFO into a page's records.
fn place(page: &mut [u8; PAGE_RECORDS_SIZE], offset: u64, info: SecInfo) {
    page[8..16].copy_from_slice(&offset.to_le_bytes());
    page[16..24].copy_from_slice(&info.flags().to_le_bytes());
    for (record, at) in extends(page).zip((offset..).step_by(CHUNK_SIZE)) {
        record[8..16].copy_from_slice(&at.to_le_bytes());
    }
}

/// The sixteen EEXTEND records of a page.
fn extends(page: &mut [u8; PAGE_RECORDS_SIZE]) -> impl Iterator<Item = &mut [u8; RECORD_SIZE]> {
    let (extends, _) = page[HEADER_SIZE..].as_chunks_mut::<RECORD_SIZE>();
    extends.iter_mut()
}
