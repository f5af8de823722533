//! The audit log, read back.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attestation::Time;
use provision::audit::{AuditLine, Audited};
use provision::text::Hex;

use super::Error;
use super::body::{self, Entry, Line, Point};
use super::record::{Kind, Place, Record};
use super::seal::DataKey;

/// Lines that are given at once.
pub(super) const MAX: usize = 1000;
/// Places that the log can be read from; when there are more, every other is forgotten.
const POINTS: usize = 4096;

/// What has been committed, as far as it can be read.
pub(super) struct Log {
    file: File,
    known: Mutex<Known>,
}

/// What is known of the file without reading it.
pub(super) struct Known {
    /// The data keys, each with the place of its record.
    pub(super) keys: Vec<(Place, Arc<DataKey>)>,
    /// Where one can begin to read.
    pub(super) points: Vec<Point>,
    /// Behind the last record that was counted, with the last line before it.
    pub(super) end: Point,
    /// The latest time of a line, seconds since 1970.
    pub(super) floor: u64,
}

impl Known {
    /// Adds a place that one can begin to read from.
    pub(super) fn point(&mut self, point: Point) {
        self.points.push(point);
        if self.points.len() > POINTS {
            let mut number = 0;
            self.points.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
    }

    /// What the record of this number is sealed with, unless it is a data key itself.
    fn key(&self, number: u64) -> Option<Arc<DataKey>> {
        let before = |(place, _): &&(Place, _)| place.number < number;
        self.keys
            .iter()
            .rfind(before)
            .map(|(_, key)| Arc::clone(key))
    }
}

impl Log {
    pub(super) fn new(file: File, known: Known) -> Self {
        let known = Mutex::new(known);
        Self { file, known }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn floor(&self) -> Time {
        Time::from_unix(self.known().floor)
    }

    pub(super) fn lines(&self) -> u64 {
        self.known().end.line.sequence
    }

    /// Lines from this number on.
    pub(super) fn read(&self, from: u64, limit: usize) -> Result<Vec<AuditLine>, Error> {
        let from = from.max(1);
        let (begin, end) = {
            let known = self.known();
            let mut points = known.points.iter();
            let begin = points.rfind(|point| point.line.sequence < from).copied();
            (begin.unwrap_or(Point::FIRST), known.end)
        };
        let mut found = Vec::new();
        let mut at = begin;
        while at.place.number < end.place.number && found.len() < limit.min(MAX) {
            let record = self.record(&at.place)?;
            if record.header.kind == Kind::Commit {
                let commit = self.open(&at.place, &record)?;
                for line in chained(&commit, at) {
                    let line = line?;
                    at.line = end_of(&line);
                    if line.sequence >= from && found.len() < limit.min(MAX) {
                        found.push(line);
                    }
                }
            }
            at.place = at.place.after(&record.bytes);
        }
        self.check(at.place, &end)?;
        Ok(found)
    }

    /// Whether what was read up to a place leads to what is known of the file.
    fn check(&self, mut at: Place, end: &Point) -> Result<(), Error> {
        let known = {
            let known = self.known();
            let mut points = known.points.iter();
            let next = points.find(|point| point.place.number >= at.number);
            next.unwrap_or(end).place
        };
        while at.number < known.number {
            at = at.after(&self.record(&at)?.bytes);
        }
        if at == known {
            return Ok(());
        }
        Err(Error::Damaged {
            offset: known.offset,
            what: "does not follow those before it: one of them was replaced",
        })
    }

    fn record(&self, place: &Place) -> Result<Record, Error> {
        Record::read(&self.file, place)?.ok_or(Error::Damaged {
            offset: place.offset,
            what: "is cut off",
        })
    }

    fn open(&self, place: &Place, record: &Record) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        let key = self.known().key(place.number).ok_or(Error::Damaged {
            offset: place.offset,
            what: "stands before any data key",
        })?;
        key.open(place, record)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = self.known().end;
        f.debug_struct("Log")
            .field("end", &end)
            .finish_non_exhaustive()
    }
}

/// The lines of a commit behind the last line before it.
pub(super) fn chained(commit: &[u8], at: Point) -> impl Iterator<Item = Result<AuditLine, Error>> {
    let offset = at.place.offset;
    let mut last = at.line;
    let line = move |entry| {
        let line = match entry {
            Some(Entry::Event(_)) => return None,
            Some(Entry::Line(json)) => serde_json::from_slice(json).ok(),
            None => None,
        };
        let line = line
            .map(|entry| follow(&last, entry))
            .ok_or(Error::Damaged {
                offset,
                what: "holds what this version of the program does not know",
            });
        if let Ok(line) = &line {
            last = end_of(line);
        }
        Some(line)
    };
    body::entries(commit).filter_map(line)
}

/// The line with this entry behind another.
pub(super) fn follow(last: &Line, entry: Audited) -> AuditLine {
    AuditLine::new(last.sequence.saturating_add(1), entry, Hex(last.hash))
}

pub(super) fn end_of(line: &AuditLine) -> Line {
    Line {
        sequence: line.sequence,
        hash: line.hash.0,
    }
}
