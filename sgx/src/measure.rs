//! The log that the processor hashes while an enclave is built.

use alloc::vec::Vec;

use ring::digest::{Context, SHA256};

use crate::digest::Mrenclave;
use crate::page::{CHUNK_SIZE, PAGE_SIZE, SecInfo};
use crate::sgxs::Record;

/// Bytes that are gathered before they are hashed: small pieces cost more than their hashing.
const GATHER: usize = 16 * 1024;

/// Computes MRENCLAVE (SDM 3D, 39.1.1): SHA-256 over the log of ECREATE, EADD and EEXTEND.
///
/// It measures what it is told, as the processor does, in that order. The rules of a canonical
/// stream are kept by [`sgxs::Reader`](crate::sgxs::Reader) and
/// [`sgxs::Writer`](crate::sgxs::Writer).
#[derive(Clone)]
pub struct Measurer {
    context: Context,
    gathered: Vec<u8>,
}

impl Measurer {
    /// ECREATE of an enclave of `size` bytes whose frames of saved state have `ssa_frame_size`
    /// pages.
    #[must_use]
    pub fn create(ssa_frame_size: u32, size: u64) -> Self {
        let mut measurer = Self::new();
        measurer.record(&Record::Create {
            ssa_frame_size,
            size,
        });
        measurer
    }

    /// EADD of a page at `offset` bytes from the enclave's base.
    pub fn add(&mut self, offset: u64, info: SecInfo) {
        self.record(&Record::Add { offset, info });
    }

    /// EEXTEND of a chunk at `offset` bytes from the enclave's base.
    pub fn extend(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) {
        self.record(&Record::Extend { offset, data });
    }

    /// EADD of a page and EEXTEND of all its chunks.
    pub fn page(&mut self, offset: u64, info: SecInfo, content: &[u8; PAGE_SIZE]) {
        self.add(offset, info);
        let (chunks, _) = content.as_chunks::<CHUNK_SIZE>();
        for (at, data) in (offset..).step_by(CHUNK_SIZE).zip(chunks) {
            self.extend(at, data);
        }
    }

    /// A record of a stream; what is loaded unmeasured is passed over.
    pub fn record(&mut self, record: &Record<'_>) {
        if matches!(record, Record::Load { .. }) {
            return;
        }
        if self.gathered.len() + record.size() > GATHER {
            self.flush();
        }
        record.encode(&mut self.gathered);
    }

    /// EINIT: the measurement.
    #[must_use]
    pub fn finish(mut self) -> Mrenclave {
        self.flush();
        let mut digest = [0; 32];
        digest.copy_from_slice(self.context.finish().as_ref());
        Mrenclave(digest)
    }

    /// Nothing measured yet.
    pub(crate) fn new() -> Self {
        Self {
            context: Context::new(&SHA256),
            gathered: Vec::with_capacity(GATHER),
        }
    }

    /// Records as they stand in a stream, all measured.
    pub(crate) fn bytes(&mut self, records: &[u8]) {
        if !records.is_empty() {
            self.flush();
            self.context.update(records);
        }
    }

    fn flush(&mut self) {
        self.context.update(&self.gathered);
        self.gathered.clear();
    }
}
