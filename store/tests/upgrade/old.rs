//! Writes a file of the first layout, as its release would have left it.

use std::path::Path;

use redb::{Database, Table, TableDefinition, WriteTransaction};

use crate::{BEFORE, Fate, Sample};

type OpenValue<'a> = (u64, u64, bool, u64, u32, [u8; 32], &'a [u8]);
type ClosedValue<'a> = (u32, u64, u64, [u8; 32], &'a [u8]);
type MarkValue<'a> = (u64, &'a [u8], Vec<&'a [u8]>);
type RowValue<'a> = (u64, &'a [u8]);

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const PARTITIONS: TableDefinition<'_, &[u8], u32> = TableDefinition::new("partitions");
const PARTITION_NAMES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("partition_names");
const IDS: TableDefinition<'_, &[u8], (u32, u64)> = TableDefinition::new("ids");
const OPEN: TableDefinition<'_, (u32, u64), OpenValue<'static>> = TableDefinition::new("open");
const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
const DUE: TableDefinition<'_, (u32, u64, u64), ()> = TableDefinition::new("due");
const CLOSED: TableDefinition<'_, u64, ClosedValue<'static>> = TableDefinition::new("closed");
const RESULTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("results");
const FINISHED: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("finished");
const MARKS: TableDefinition<'_, (u32, &[u8]), u64> = TableDefinition::new("marks");
const MARK_AGES: TableDefinition<'_, (u32, u64), MarkValue<'static>> =
    TableDefinition::new("mark_ages");
const ROWS: TableDefinition<'_, (u32, &[u8]), RowValue<'static>> = TableDefinition::new("rows");

/// Writes the orders in the sequence of their submission, and one record.
pub(crate) fn write(path: &Path, samples: &[Sample]) {
    let database = Database::create(path).unwrap();
    let mut transaction = database.begin_write().unwrap();
    transaction.set_quick_repair(false);
    let tables = Tables::open(&transaction);
    let counts = tables.fill(samples);
    let mut meta = transaction.open_table(META).unwrap();
    let all = [
        ("schema", 1),
        ("clock", BEFORE),
        ("next", samples.len() as u64 + 10),
        ("partitions", 2),
        ("queued", counts[0]),
        ("leased", counts[1]),
        ("finished", counts[2]),
        ("open_bytes", 4 * (counts[0] + counts[1])),
    ];
    for (name, number) in all {
        meta.insert(name, number).unwrap();
    }
    drop(meta);
    transaction.commit().unwrap();
}

struct Tables<'t> {
    ids: Table<'t, &'static [u8], (u32, u64)>,
    open: Table<'t, (u32, u64), OpenValue<'static>>,
    bodies: Table<'t, u64, &'static [u8]>,
    due: Table<'t, (u32, u64, u64), ()>,
    closed: Table<'t, u64, ClosedValue<'static>>,
    results: Table<'t, u64, &'static [u8]>,
    finished: Table<'t, (u64, u64), ()>,
    marks: Table<'t, (u32, &'static [u8]), u64>,
    mark_ages: Table<'t, (u32, u64), MarkValue<'static>>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Self {
        let mut partitions = transaction.open_table(PARTITIONS).unwrap();
        let mut names = transaction.open_table(PARTITION_NAMES).unwrap();
        for number in 0..2_u32 {
            let name = crate::partition(number);
            partitions.insert(name.as_bytes(), number).unwrap();
            names.insert(number, name.as_bytes()).unwrap();
        }
        let mut rows = transaction.open_table(ROWS).unwrap();
        let record = (5, &b"record"[..]);
        rows.insert((1, &b"key"[..]), record).unwrap();
        Self {
            ids: transaction.open_table(IDS).unwrap(),
            open: transaction.open_table(OPEN).unwrap(),
            bodies: transaction.open_table(BODIES).unwrap(),
            due: transaction.open_table(DUE).unwrap(),
            closed: transaction.open_table(CLOSED).unwrap(),
            results: transaction.open_table(RESULTS).unwrap(),
            finished: transaction.open_table(FINISHED).unwrap(),
            marks: transaction.open_table(MARKS).unwrap(),
            mark_ages: transaction.open_table(MARK_AGES).unwrap(),
        }
    }

    /// Returns how many are queued, leased and finished.
    fn fill(mut self, samples: &[Sample]) -> [u64; 3] {
        let mut counts = [0; 3];
        for (number, sample) in (10..).zip(samples) {
            let Sample {
                partition, fate, ..
            } = *sample;
            let id = sample.id();
            let place = (partition, number);
            let time = BEFORE - 1_000_000 + number;
            if sample.marked {
                self.mark(sample, number, time);
            }
            if sample.marked || fate != Fate::Evicted {
                self.ids.insert(id.as_bytes(), place).unwrap();
            }
            let (token, id) = (sample.token(number), id.as_bytes());
            match fate {
                Fate::Queued | Fate::Leased => {
                    let leased = fate == Fate::Leased;
                    let row = (time, time, leased, token, 1, sample.digest().0, id);
                    self.open.insert(place, row).unwrap();
                    self.bodies.insert(number, &b"body"[..]).unwrap();
                    self.due.insert((partition, time, number), ()).unwrap();
                    counts[usize::from(leased)] += 1;
                }
                Fate::Finished | Fate::Expired => {
                    let row = (partition, token, time + 1, sample.digest().0, id);
                    self.closed.insert(number, row).unwrap();
                    self.results.insert(number, &b"result"[..]).unwrap();
                    self.finished.insert((time + 1, number), ()).unwrap();
                    counts[2] += 1;
                }
                Fate::Evicted => {}
            }
        }
        counts
    }

    fn mark(&mut self, sample: &Sample, number: u64, time: u64) {
        let (id, replay) = (sample.id(), sample.replay());
        let replays = vec![replay.as_bytes()];
        let mark = (time, id.as_bytes(), replays);
        let partition = sample.partition;
        self.mark_ages.insert((partition, number), mark).unwrap();
        let key = (partition, replay.as_bytes());
        self.marks.insert(key, number).unwrap();
    }
}
