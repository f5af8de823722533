//! The enclave's stream, measured while it passes by.

use std::ops::ControlFlow;

use sgx::sgxs::{Error, MeasuringReader, Record};
use sgx::{CHUNK_SIZE, Mrenclave, PAGE_SIZE};

use crate::manifest::{MAGIC, Manifest};

/// What a stream came to, or the rule that it breaks.
pub(super) type Measured = Result<Summary, Error>;

/// What is known of a stream that has passed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    /// The measurement.
    pub(super) mrenclave: Mrenclave,
    /// What the enclave's own manifest says, if it has one.
    pub(super) manifest: Option<Manifest>,
}

/// Takes a stream in pieces of any size.
pub(super) struct Measuring {
    reader: MeasuringReader,
    refused: Option<Error>,
    pages: ManifestPages,
}

impl Measuring {
    pub(super) fn new() -> Self {
        Self {
            reader: MeasuringReader::new(),
            refused: None,
            pages: ManifestPages::default(),
        }
    }

    /// What breaks a rule is passed over, and what follows it.
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        if self.refused.is_some() {
            return;
        }
        let pages = &mut self.pages;
        let outcome = self.reader.read(&mut piece, |record| {
            if let Record::Extend { offset, data } = record {
                pages.take(*offset, data);
            }
            ControlFlow::<()>::Continue(())
        });
        self.refused = outcome.err();
    }

    pub(super) fn finish(self) -> Measured {
        self.refused.map_or(Ok(()), Err)?;
        Ok(Summary {
            mrenclave: self.reader.finish()?,
            manifest: self.pages.found,
        })
    }
}

/// Finds the pages of the manifest: the last ones that can be read as such, since it stands behind the
/// program.
#[derive(Default)]
struct ManifestPages {
    gathered: Vec<u8>,
    next: u64,
    wanted: usize,
    found: Option<Manifest>,
}

impl ManifestPages {
    fn take(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) {
        let begins = offset.is_multiple_of(PAGE_SIZE as u64) && data.starts_with(MAGIC);
        if begins {
            self.gathered.clear();
            self.wanted = PAGE_SIZE;
        } else if self.wanted == 0 || offset != self.next {
            self.wanted = 0;
            return;
        }
        self.gathered.extend_from_slice(data);
        self.next = offset + CHUNK_SIZE as u64;
        if let (PAGE_SIZE, Some(first)) = (self.gathered.len(), self.gathered.first_chunk()) {
            self.wanted = Manifest::pages_length(first).unwrap_or_default();
        }
        if self.wanted == self.gathered.len()
            && let Ok(manifest) = Manifest::parse(&self.gathered)
        {
            self.found = Some(manifest);
            self.wanted = 0;
        }
    }
}
