//! The enclave's stream, measured while it passes by.

use sgx::sgxs::{Error, Reader, Record};
use sgx::{CHUNK_SIZE, Measurer, Mrenclave, PAGE_SIZE};

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
    reader: Reader,
    measurer: Option<Measurer>,
    refused: Option<Error>,
    pages: ManifestPages,
}

impl Measuring {
    pub(super) fn new() -> Self {
        Self {
            reader: Reader::new(),
            measurer: None,
            refused: None,
            pages: ManifestPages::default(),
        }
    }

    /// What breaks a rule is passed over, and what follows it.
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        while self.refused.is_none() {
            match self.reader.next(&mut piece) {
                Ok(Some(record)) => {
                    if let Record::Create {
                        ssa_frame_size,
                        size,
                    } = record
                    {
                        self.measurer = Some(Measurer::create(ssa_frame_size, size));
                    } else if let Some(measurer) = &mut self.measurer {
                        measurer.record(&record);
                    }
                    if let Record::Extend { offset, data } = record {
                        self.pages.take(offset, data);
                    }
                }
                Ok(None) => return,
                Err(error) => self.refused = Some(error),
            }
        }
    }

    pub(super) fn finish(self) -> Measured {
        if let Some(error) = self.refused {
            return Err(error);
        }
        self.reader.finish()?;
        let measurer = self.measurer;
        #[expect(
            clippy::expect_used,
            reason = "a stream that ends well has begun with ECREATE"
        )]
        let measurer = measurer.expect("a stream begins with ECREATE");
        Ok(Summary {
            mrenclave: measurer.finish(),
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
