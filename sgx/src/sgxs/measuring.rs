//! A stream read and measured in one go.

use core::ops::ControlFlow;

use super::reader::Reader;
use super::record::Record;
use super::rules::Error;
use crate::digest::Mrenclave;
use crate::measure::Measurer;

/// Reads a stream that arrives in any pieces, insists on every [`Rule`](super::Rule), and measures it
/// at about the speed of its SHA-256: records that stand whole in a piece are hashed where they stand.
#[derive(Clone)]
pub struct MeasuringReader {
    reader: Reader,
    measurer: Measurer,
    hashed: u64,
}

impl Default for MeasuringReader {
    fn default() -> Self {
        Self::new()
    }
}

impl MeasuringReader {
    /// At the begin of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reader: Reader::new(),
            measurer: Measurer::new(),
            hashed: 0,
        }
    }

    /// Takes records off the front of `input` and shows each to `see`, until that breaks off; `None`
    /// when all of `input` is taken.
    ///
    /// # Errors
    ///
    /// The rule that the stream breaks, from then on at every call.
    pub fn read<T>(
        &mut self,
        input: &mut &[u8],
        mut see: impl FnMut(&Record<'_>) -> ControlFlow<T>,
    ) -> Result<Option<T>, Error> {
        // Measured records that stand whole in `input`, one after another, are hashed in one go.
        let mut run = *input;
        loop {
            let before = *input;
            let gathered = !self.reader.is_between_records();
            let Some(record) = self.reader.next(input)? else {
                self.measurer.bytes(up_to(run, before));
                return Ok(None);
            };
            let measured = !matches!(record, Record::Load { .. });
            if measured {
                self.hashed += record.size() as u64;
            }
            if gathered || !measured {
                self.measurer.bytes(up_to(run, before));
                self.measurer.record(&record);
                run = *input;
            }
            if let ControlFlow::Break(value) = see(&record) {
                self.measurer.bytes(up_to(run, input));
                return Ok(Some(value));
            }
        }
    }

    /// Where the record begins that comes next, in bytes from the stream's begin.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// How many bytes have been measured.
    #[must_use]
    pub const fn hashed(&self) -> u64 {
        self.hashed
    }

    /// The stream has ended: its measurement.
    ///
    /// # Errors
    ///
    /// If it ended before its first record or within one, or had been refused.
    pub fn finish(self) -> Result<Mrenclave, Error> {
        self.reader.finish()?;
        Ok(self.measurer.finish())
    }
}

/// What stands in `run` before `rest`, its end.
fn up_to<'a>(run: &'a [u8], rest: &[u8]) -> &'a [u8] {
    &run[..run.len() - rest.len()]
}
