//! The program, made of measured pages alone.

use sgx::sgxs::{Chunks, Page};
use sgx::{PAGE_SIZE, PageType, Permissions, SecInfo, Tcs, TcsError};

use super::headers::{Headers, Use};

/// Zeros between segments, of all of them together: a few bytes of headers must not make a gigabyte.
const MAX_GAPS: u64 = 16 << 20;

/// Why measured pages can't be executed as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramFault {
    /// There is nothing at the base.
    #[error("no measured page stands at the enclave's base, where a program begins")]
    NoProgram,
    /// The headers are not those of a program that stands alone.
    #[error("in the program's headers: {0}")]
    Header(&'static str),
    /// A segment would not be mapped as it is measured.
    #[error("in the program's segment at 0x{address:x}: {what}")]
    Segment {
        /// Where it begins, from the enclave's base.
        address: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A page would not be what is measured.
    #[error("at page 0x{offset:x}: {what}")]
    Page {
        /// From the enclave's base.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A thread control structure that no processor takes.
    #[error("at page 0x{offset:x}: {source}")]
    Tcs {
        /// From the enclave's base.
        offset: u64,
        /// Why not.
        source: TcsError,
    },
    /// Nothing can be entered.
    #[error("it has no thread control structure, so no thread could enter it")]
    NoThread,
}

/// Takes pages in ascending order. What is wrong is kept for the end: whether the pages are those that
/// were signed comes first.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    headers: Option<Headers>,
    file: Vec<u8>,
    /// Offset behind the last page that was taken.
    next: u64,
    gaps: u64,
    threads: u64,
    fault: Option<ProgramFault>,
}

impl Rebuild {
    pub(super) fn take(&mut self, page: &Page) {
        if self.fault.is_none() {
            self.fault = self.try_take(page).err();
        }
        if self.fault.is_some() {
            self.file = Vec::new();
        }
    }

    /// The program's file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, ProgramFault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let headers = self.headers.as_ref().ok_or(ProgramFault::NoProgram)?;
        self.missing(headers, u64::MAX)?;
        if self.threads == 0 {
            return Err(ProgramFault::NoThread);
        }
        Ok(self.file)
    }

    fn try_take(&mut self, page: &Page) -> Result<(), ProgramFault> {
        let headers = match self.headers.take() {
            Some(headers) => headers,
            None => first(page)?,
        };
        self.missing(&headers, page.offset)?;
        if page.offset < headers.end() {
            self.of_program(&headers, page)?;
        } else if page.info.page_type == PageType::Tcs {
            self.of_thread(&headers, page)?;
        }
        self.next = page.offset + PAGE_SIZE as u64;
        self.headers = Some(headers);
        Ok(())
    }

    /// Refuses if a page of the program is missing before the one at `offset`.
    fn missing(&self, headers: &Headers, offset: u64) -> Result<(), ProgramFault> {
        if headers.needs(self.next, offset) {
            let what = "the program has a page from there on that the enclave has not";
            return Err(ProgramFault::Page {
                offset: self.next,
                what,
            });
        }
        Ok(())
    }

    fn of_program(&mut self, headers: &Headers, page: &Page) -> Result<(), ProgramFault> {
        let offset = page.offset;
        let refuse = |what| Err(ProgramFault::Page { offset, what });
        let Some(Use {
            permissions,
            zeros_from,
        }) = headers.page(offset)
        else {
            return refuse("it lies between the program's segments and is part of none");
        };
        if permissions.contains(Permissions::W.union(Permissions::X)) {
            return refuse("the segments that share it make it writable and executable");
        }
        if page.info != SecInfo::reg(permissions) {
            return refuse("its type or permissions are not those of its segment");
        }
        if page.measured != Chunks::ALL {
            return refuse("it is the program's, and not all of it is measured");
        }
        if page.content[zeros_from..].iter().any(|byte| *byte != 0) {
            return refuse("it has bytes where the operating system puts zeros");
        }
        if offset < headers.file_end() {
            self.gaps += offset - self.next;
            if self.gaps > MAX_GAPS {
                return refuse("over 16 MiB are missing between the segments before it");
            }
            // Both are below 1 GiB.
            self.file.resize(offset as usize, 0);
            self.file.extend_from_slice(&page.content[..]);
        }
        Ok(())
    }

    fn of_thread(&mut self, headers: &Headers, page: &Page) -> Result<(), ProgramFault> {
        let offset = page.offset;
        let refuse = |what| Err(ProgramFault::Page { offset, what });
        if page.measured != Chunks::ALL {
            return refuse("it is a thread's control structure, and not all of it is measured");
        }
        let tcs =
            Tcs::parse(&page.content).map_err(|source| ProgramFault::Tcs { offset, source })?;
        if tcs.entry != headers.entry {
            return refuse("a thread would be entered elsewhere than the program begins");
        }
        self.threads += 1;
        Ok(())
    }
}

/// The headers, from the first page of the enclave.
fn first(page: &Page) -> Result<Headers, ProgramFault> {
    if page.offset != 0 || page.measured != Chunks::ALL || page.info.page_type != PageType::Reg {
        return Err(ProgramFault::NoProgram);
    }
    Headers::parse(&page.content)
}
