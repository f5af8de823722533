//! From a file to the state and the log's end.

use std::fs::{File, TryLockError};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use protocol::Entropy;
use tee::{Binding, Counter, PlatformVersion, Tee, Wanted};
use zeroize::Zeroizing;

use super::body::{self, Checkpoint, Entry, Point};
use super::group::Writer;
use super::hint::Hint;
use super::lines::{self, Known, Log};
use super::record::{BEGIN, Kind, MAGIC, Place, Record};
use super::seal::{DataKey, KEY_RECORD, Versions};
use super::{Error, Position, Replay};

/// An opened journal, in its parts.
pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) log: Log,
    pub(super) replay: Replay,
}

pub(super) fn open(
    file: File,
    tee: &dyn Tee,
    svn: u16,
    entropy: &dyn Entropy,
) -> Result<Opened, Error> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Locked),
        Err(TryLockError::Error(error)) => return Err(Error::file("lock")(error)),
    }
    let platform = Platform { tee, svn };
    let counted = tee.counter()?;
    let new = counted.number == 0;
    let mut walk = if new {
        prepare(&file)?;
        Walk::begin()
    } else {
        let walk = find(&file, &platform, &counted)?;
        // What was written and not counted was never answered.
        file.set_len(walk.at.place.offset)
            .map_err(Error::file("shorten"))?;
        walk
    };
    let aged = walk.take_current_key(&file, &platform, entropy)?;
    walk.opened(file, new, aged)
}

/// What keys are asked of.
struct Platform<'a> {
    tee: &'a dyn Tee,
    svn: u16,
}

/// Makes a file ready for its first record. It may have been left when a first opening was cut short; it may
/// not be anything else.
fn prepare(file: &File) -> Result<(), Error> {
    let length = file.metadata().map_err(Error::file("read"))?.len();
    let mut begin = [0; MAGIC.len()];
    let present = begin
        .len()
        .min(usize::try_from(length).unwrap_or(usize::MAX));
    file.read_exact_at(&mut begin[..present], 0)
        .map_err(Error::file("read"))?;
    let begin = &begin[..present];
    if !MAGIC.starts_with(begin) && begin.iter().any(|byte| *byte != 0) {
        return Err(Error::Foreign("it is another file, and is left as it is"));
    }
    if length > BEGIN + KEY_RECORD as u64 {
        return Err(Error::Foreign(
            "it has commits, and the platform has not counted any",
        ));
    }
    file.set_len(BEGIN)
        .and_then(|()| file.write_all_at(MAGIC, 0))
        .map_err(Error::file("write to"))
}

/// Walks to what was counted: from a checkpoint, or from the begin if that leads nowhere.
fn find(file: &File, platform: &Platform<'_>, counted: &Counter) -> Result<Walk, Error> {
    let mut magic = [0; MAGIC.len()];
    if file.read_exact_at(&mut magic, 0).is_err() {
        return Err(Error::Rollback {
            journal: 0,
            counted: counted.number,
        });
    }
    if magic != *MAGIC {
        return Err(Error::Foreign("it is another file, and is left as it is"));
    }
    for hint in Hint::read(file) {
        if hint.checkpoint.number > counted.number {
            continue;
        }
        let walk = Walk::follow(file, platform, &hint)
            .and_then(|walk| walk.reach(file, platform, counted));
        if let Ok(walk) = walk {
            return Ok(walk);
        }
    }
    Walk::begin().reach(file, platform, counted)
}

/// The way through the records.
struct Walk {
    /// Where the next record stands, and the last audit line before it.
    at: Point,
    known: Known,
    /// Which versions the last data key was sealed for.
    versions: Option<Versions>,
    events: u64,
    snapshot: Option<Zeroizing<Vec<u8>>>,
    replay: Vec<Zeroizing<Vec<u8>>>,
    /// Bytes since the last checkpoint.
    since: u64,
}

impl Walk {
    fn begin() -> Self {
        Self {
            at: Point::FIRST,
            known: Known {
                keys: Vec::new(),
                points: vec![Point::FIRST],
                end: Point::FIRST,
                floor: 0,
            },
            versions: None,
            events: 0,
            snapshot: None,
            replay: Vec::new(),
            since: 0,
        }
    }

    /// From the checkpoint that a hint leads to, and has passed it.
    fn follow(file: &File, platform: &Platform<'_>, hint: &Hint) -> Result<Self, Error> {
        let place = hint.checkpoint;
        let key = unseal(file, platform, &hint.key)?.0;
        let record = read(file, &place)?;
        let bytes = key.open(&place, &record)?;
        let checkpoint = read_checkpoint(&place, &bytes)?;
        let mut walk = Self::begin();
        for place in &checkpoint.keys {
            let (key, versions) = unseal(file, platform, place)?;
            walk.known.keys.push((*place, key));
            walk.versions = Some(versions);
        }
        walk.known.floor = checkpoint.floor;
        walk.known.points = checkpoint.points;
        walk.events = checkpoint.events;
        walk.at = Point {
            place,
            line: checkpoint.line,
        };
        walk.known.point(walk.at);
        walk.snapshot = Some(Zeroizing::new(checkpoint.snapshot.to_vec()));
        walk.at.place = place.after(&record.bytes);
        Ok(walk)
    }

    /// Goes on to the record that was counted last, which has to be the one that was counted.
    fn reach(
        mut self,
        file: &File,
        platform: &Platform<'_>,
        counted: &Counter,
    ) -> Result<Self, Error> {
        while self.at.place.number <= counted.number {
            let place = self.at.place;
            let Some(record) = Record::read(file, &place)? else {
                return Err(Error::Rollback {
                    journal: place.number - 1,
                    counted: counted.number,
                });
            };
            self.pass(platform, &record)?;
            self.at.place = place.after(&record.bytes);
        }
        if self.at.place.before == counted.digest {
            return Ok(self);
        }
        Err(Error::Forked {
            journal: counted.number,
            counted: counted.number,
        })
    }

    fn pass(&mut self, platform: &Platform<'_>, record: &Record) -> Result<(), Error> {
        let place = self.at.place;
        self.since += record.bytes.len() as u64;
        if record.header.kind == Kind::Key {
            let (key, versions) = DataKey::unseal(platform.tee, platform.svn, &place, record)?;
            self.known.keys.push((place, Arc::new(key)));
            self.versions = Some(versions);
            return Ok(());
        }
        let (_, key) = self.known.keys.last().ok_or(Error::Damaged {
            offset: place.offset,
            what: "stands before any data key",
        })?;
        let bytes = key.open(&place, record)?;
        if record.header.kind == Kind::Commit {
            self.commit(&bytes)
        } else {
            self.checkpoint(&bytes)
        }
    }

    fn commit(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for entry in body::entries(bytes) {
            if let Some(Entry::Event(event)) = entry {
                self.replay.push(Zeroizing::new(event.to_vec()));
                self.events += 1;
            }
        }
        for line in lines::chained(bytes, self.at) {
            let line = line?;
            self.known.floor = self.known.floor.max(line.entry.time.0.unix());
            self.at.line = lines::end_of(&line);
        }
        Ok(())
    }

    fn checkpoint(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let checkpoint = read_checkpoint(&self.at.place, bytes)?;
        if checkpoint.events != self.events || checkpoint.line != self.at.line {
            return Err(Error::Damaged {
                offset: self.at.place.offset,
                what: "is not of the records before it",
            });
        }
        self.snapshot = Some(Zeroizing::new(checkpoint.snapshot.to_vec()));
        self.replay.clear();
        self.since = 0;
        self.known.point(self.at);
        Ok(())
    }

    /// Takes a new data key if there is none, or if the last was sealed for other versions than the present:
    /// who had those may know it. Says whether there was one.
    fn take_current_key(
        &mut self,
        file: &File,
        platform: &Platform<'_>,
        entropy: &dyn Entropy,
    ) -> Result<bool, Error> {
        let Platform { tee, svn } = *platform;
        if let Some(versions) = self.versions {
            let present = tee.sealing_key(&Wanted {
                bound_to: Binding::Signer,
                svn,
                platform: PlatformVersion::Present,
            })?;
            let platform = present.platform();
            if versions == (Versions { svn, platform }) {
                return Ok(false);
            }
        }
        let place = self.at.place;
        let (key, record) = DataKey::make(tee, svn, entropy, &place)?;
        self.at.place = append(file, tee, &place, &record)?;
        self.known.keys.push((place, Arc::new(key)));
        Ok(self.versions.is_some())
    }

    fn opened(mut self, file: File, new: bool, aged: bool) -> Result<Opened, Error> {
        self.known.end = self.at;
        let (key_place, key) = self.known.keys.last().ok_or(Error::Damaged {
            offset: BEGIN,
            what: "is no data key",
        })?;
        let writer = Writer {
            file: file.try_clone().map_err(Error::file("open"))?,
            end: self.at,
            key: Arc::clone(key),
            key_place: *key_place,
            floor: self.known.floor,
            since: self.since,
            snapshot: self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len()),
            due: aged,
        };
        let replay = Replay {
            new,
            snapshot: self.snapshot,
            events: self.replay,
            position: Position(self.events),
        };
        let log = Log::new(file, self.known);
        Ok(Opened {
            writer,
            log,
            replay,
        })
    }
}

/// Writes a record, flushes it, and has it counted: then it is behind the place, and not before.
pub(super) fn append(
    file: &File,
    tee: &dyn Tee,
    place: &Place,
    record: &[u8],
) -> Result<Place, Error> {
    file.write_all_at(record, place.offset)
        .and_then(|()| file.sync_data())
        .map_err(Error::file("write to"))?;
    let next = place.after(record);
    let counter = Counter {
        number: place.number,
        digest: next.before,
    };
    match tee.advance(&counter) {
        Ok(()) => Ok(next),
        Err(tee::Error::Refused(link::report::Refusal::NotNext)) => Err(Error::Forked {
            journal: place.number,
            counted: tee.counter()?.number,
        }),
        Err(error) => Err(error.into()),
    }
}

fn read(file: &File, place: &Place) -> Result<Record, Error> {
    Record::read(file, place)?.ok_or(Error::Damaged {
        offset: place.offset,
        what: "is cut off",
    })
}

fn unseal(
    file: &File,
    platform: &Platform<'_>,
    place: &Place,
) -> Result<(Arc<DataKey>, Versions), Error> {
    let record = read(file, place)?;
    let (key, versions) = DataKey::unseal(platform.tee, platform.svn, place, &record)?;
    Ok((Arc::new(key), versions))
}

fn read_checkpoint<'a>(place: &Place, bytes: &'a [u8]) -> Result<Checkpoint<'a>, Error> {
    Checkpoint::from_bytes(bytes).ok_or(Error::Damaged {
        offset: place.offset,
        what: "holds what this version of the program does not know",
    })
}
