//! What commits and checkpoints hold, before they are sealed.
//!
//! A commit is a row of entries: what it is (1 event, 2 entry of the audit log), its length (4 bytes), itself.
//! A checkpoint has these, numbers big-endian and rows with their count before them (4 bytes):
//!
//! | bytes | what |
//! |---|---|
//! | 8 | events so far |
//! | 8, 32 | number and hash of the last line of the audit log |
//! | 8 | its latest time, seconds since 1970 |
//! | 48 each | where the data keys are |
//! | 88 each | where former checkpoints are, with number and hash of the last line before each |
//! | n | the snapshot |

use zeroize::Zeroizing;

use super::record::Place;

/// Bytes of a commit's entries at most.
pub(super) const MAX: usize = 16 << 20;
/// Bytes of a snapshot at most.
pub(super) const MAX_SNAPSHOT: usize = 64 << 20;

/// Bytes before an entry.
pub(super) const ENTRY: usize = 5;
const EVENT: u8 = 1;
const LINE: u8 = 2;

/// A part of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A change of the state.
    Event(&'a [u8]),
    /// JSON of what an audit line is about.
    Line(&'a [u8]),
}

impl Entry<'_> {
    /// Puts it behind others.
    pub(super) fn write(self, to: &mut Vec<u8>) {
        let (kind, bytes) = match self {
            Self::Event(bytes) => (EVENT, bytes),
            Self::Line(bytes) => (LINE, bytes),
        };
        to.push(kind);
        to.extend(count(bytes.len()));
        to.extend(bytes);
    }
}

/// The entries of a commit. `None` stands for bytes that are none, and is the last.
pub(super) fn entries(commit: &[u8]) -> impl Iterator<Item = Option<Entry<'_>>> {
    let mut rest = Some(commit);
    std::iter::from_fn(move || {
        let mut reader = Reader(rest.take().filter(|rest| !rest.is_empty())?);
        let entry = reader.take::<1>().and_then(|[kind]| {
            let bytes = reader.counted(1)?;
            match kind {
                EVENT => Some(Entry::Event(bytes)),
                LINE => Some(Entry::Line(bytes)),
                _ => None,
            }
        });
        rest = entry.is_some().then_some(reader.0);
        Some(entry)
    })
}

/// The last line of an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sequence: u64,
    pub(super) hash: [u8; 32],
}

impl Line {
    /// Of a log without any.
    pub(super) const NONE: Self = Self {
        sequence: 0,
        hash: [0; 32],
    };
}

/// Where the log can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) place: Place,
    /// The last line before it.
    pub(super) line: Line,
}

impl Point {
    /// The begin of every journal.
    pub(super) const FIRST: Self = Self {
        place: Place::FIRST,
        line: Line::NONE,
    };
}

/// What a checkpoint holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checkpoint<'a> {
    pub(super) events: u64,
    pub(super) line: Line,
    pub(super) floor: u64,
    pub(super) keys: Vec<Place>,
    pub(super) points: Vec<Point>,
    pub(super) snapshot: &'a [u8],
}

impl<'a> Checkpoint<'a> {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let rows = self.keys.len() * Place::SIZE + self.points.len() * (Place::SIZE + 40);
        // All at once, and room for the tag: what is moved would leave secrets behind.
        let room = 128 + rows + self.snapshot.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        bytes.extend(self.events.to_be_bytes());
        write_line(&mut bytes, &self.line);
        bytes.extend(self.floor.to_be_bytes());
        bytes.extend(count(self.keys.len()));
        for key in &self.keys {
            bytes.extend(key.to_bytes());
        }
        bytes.extend(count(self.points.len()));
        for point in &self.points {
            bytes.extend(point.place.to_bytes());
            write_line(&mut bytes, &point.line);
        }
        bytes.extend(count(self.snapshot.len()));
        bytes.extend(self.snapshot);
        bytes
    }

    /// `None` if the bytes are no checkpoint.
    pub(super) fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let events = reader.number()?;
        let line = reader.line()?;
        let floor = reader.number()?;
        let keys = reader.counted(Place::SIZE)?;
        let (keys, _) = keys.as_chunks();
        let keys = keys.iter().map(Place::from_bytes).collect::<Option<_>>()?;
        let mut points = Reader(reader.counted(Place::SIZE + 40)?);
        let mut found = Vec::with_capacity(points.0.len() / (Place::SIZE + 40));
        while !points.0.is_empty() {
            let place = Place::from_bytes(&points.take()?)?;
            let line = points.line()?;
            found.push(Point { place, line });
        }
        let snapshot = reader.counted(1)?;
        reader.0.is_empty().then_some(Self {
            events,
            line,
            floor,
            keys,
            points: found,
            snapshot,
        })
    }
}

fn write_line(to: &mut Vec<u8>, line: &Line) {
    to.extend(line.sequence.to_be_bytes());
    to.extend(line.hash);
}

/// Lengths are bounded far below this before anything is written.
fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn line(&mut self) -> Option<Line> {
        Some(Line {
            sequence: self.number()?,
            hash: self.take()?,
        })
    }

    /// So many times `size` bytes as is said before them.
    fn counted(&mut self, size: usize) -> Option<&'a [u8]> {
        let count = u32::from_be_bytes(self.take()?);
        let length = usize::try_from(count).ok()?.checked_mul(size)?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoint() -> Checkpoint<'static> {
        let place = Place {
            offset: 1,
            number: 2,
            before: [3; 32],
        };
        let line = Line {
            sequence: 4,
            hash: [5; 32],
        };
        Checkpoint {
            events: 6,
            line,
            floor: 7,
            keys: vec![Place::FIRST, place],
            points: vec![Point::FIRST, Point { place, line }],
            snapshot: b"state",
        }
    }

    #[test]
    fn a_checkpoint_comes_back_and_no_part_of_one_does() {
        let bytes = checkpoint().to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes), Some(checkpoint()));
        for cut in 0..bytes.len() {
            assert_eq!(Checkpoint::from_bytes(&bytes[..cut]), None, "{cut}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Checkpoint::from_bytes(&longer), None);
    }

    proptest! {
        #[test]
        fn entries_come_back(given: Vec<(bool, Vec<u8>)>) {
            let given: Vec<_> = given.iter().map(|(event, bytes)| match event {
                true => Entry::Event(bytes),
                false => Entry::Line(bytes),
            }).collect();
            let mut bytes = Vec::new();
            given.iter().for_each(|entry| entry.write(&mut bytes));
            let found: Option<Vec<_>> = entries(&bytes).collect();
            prop_assert_eq!(found.as_ref(), Some(&given));
            if !bytes.is_empty() {
                bytes.pop();
                let found: Option<Vec<_>> = entries(&bytes).collect();
                prop_assert_ne!(found, Some(given));
            }
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = entries(&bytes).count();
            let _ = Checkpoint::from_bytes(&bytes);
        }
    }
}
