//! SGXS: the log of an enclave's construction as a file.
//!
//! A stream is a sequence of records. `ECREATE`, `EADD` and `EEXTEND` stand there exactly as the
//! processor measures them; `UNMEASRD` is content that is loaded and not measured. What is read and
//! what is written here is *canonical*: every [`Rule`] holds, so that one enclave has one stream.
//!
//! - [`Reader`]: bytes in any pieces to [`Record`]s;
//! - [`MeasuringReader`]: the same, and the measurement;
//! - [`PageReader`]: the same to whole [`Page`]s, and the measurement;
//! - [`Writer`]: pages to bytes, and the measurement.

mod measuring;
mod pages;
mod reader;
mod record;
mod rules;
mod writer;

pub use measuring::MeasuringReader;
pub use pages::{Chunks, Page, PageReader, Parameters, Summary};
pub use reader::Reader;
pub use record::{HEADER_SIZE, PAGE_RECORDS_SIZE, Record};
pub use rules::{Error, Rule};
pub use writer::Writer;
