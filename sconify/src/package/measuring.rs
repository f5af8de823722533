//! The enclave's stream, measured while it passes by.

use std::ops::ControlFlow;

use ring::digest::{Context, SHA256};
use sgx::sgxs::{Error, MeasuringReader, Record};
use sgx::{CHUNK_SIZE, Mrenclave, PAGE_SIZE};

use crate::elf::{self, MAX_FILE};
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
    /// SHA-256 of the program that its measured pages are, if they are one.
    pub(super) program: Option<[u8; 32]>,
}

/// Takes a stream in pieces of any size.
pub(super) struct Measuring {
    reader: MeasuringReader,
    refused: Option<Error>,
    pages: ManifestPages,
    program: ProgramPages,
}

impl Measuring {
    pub(super) fn new() -> Self {
        Self {
            reader: MeasuringReader::new(),
            refused: None,
            pages: ManifestPages::default(),
            program: ProgramPages::First(Vec::with_capacity(PAGE_SIZE)),
        }
    }

    /// What breaks a rule is passed over, and what follows it.
    pub(super) fn take(&mut self, mut piece: &[u8]) {
        if self.refused.is_some() {
            return;
        }
        let (pages, program) = (&mut self.pages, &mut self.program);
        let outcome = self.reader.read(&mut piece, |record| {
            if let Record::Extend { offset, data } = record {
                pages.take(*offset, data);
                program.take(*offset, data);
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
            program: self.program.finish(),
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

/// Hashes the pages that are the program, as it's rebuilt from them: one after the other from the
/// base, with zeros where there are none.
enum ProgramPages {
    /// What there is of the first page, which says how long the program is.
    First(Vec<u8>),
    Program(Box<Hashed>),
    /// The enclave does not begin with a program.
    Other,
}

/// The program as far as it has passed by.
struct Hashed {
    context: Context,
    /// Bytes that were hashed, and that the program has.
    at: u64,
    length: u64,
}

impl ProgramPages {
    fn take(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) {
        match self {
            Self::First(page) if page.len() as u64 == offset => {
                page.extend_from_slice(data);
                if let Some(page) = page.first_chunk() {
                    *self = Hashed::begin(page)
                        .map_or(Self::Other, |program| Self::Program(Box::new(program)));
                }
            }
            Self::First(_) => *self = Self::Other,
            Self::Program(program) => program.take(offset, data),
            Self::Other => {}
        }
    }

    fn finish(self) -> Option<[u8; 32]> {
        match self {
            Self::Program(program) => Some(program.finish()),
            Self::First(_) | Self::Other => None,
        }
    }
}

impl Hashed {
    /// By the first page, if that's one of a program.
    fn begin(first: &[u8; PAGE_SIZE]) -> Option<Self> {
        let length = elf::program_length(first, MAX_FILE).ok()?;
        let mut context = Context::new(&SHA256);
        context.update(first);
        let at = PAGE_SIZE as u64;
        Some(Self {
            context,
            at,
            length,
        })
    }

    fn take(&mut self, offset: u64, data: &[u8; CHUNK_SIZE]) {
        if offset < self.length {
            self.skip_to(offset);
            self.context.update(data);
            self.at = offset + CHUNK_SIZE as u64;
        }
    }

    /// Zeros up to `offset`, a whole number of chunks away.
    fn skip_to(&mut self, offset: u64) {
        while self.at < offset {
            self.context.update(&[0; CHUNK_SIZE]);
            self.at += CHUNK_SIZE as u64;
        }
    }

    fn finish(mut self) -> [u8; 32] {
        self.skip_to(self.length);
        let mut digest = [0; 32];
        digest.copy_from_slice(self.context.finish().as_ref());
        digest
    }
}
