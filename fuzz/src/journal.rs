//! The file of a vault's journal, which its host has: the first byte says whether the others are changes to one,
//! six bytes each, or the file itself.
//!
//! Whatever is in the file, what it opens as is the state that was committed, or nothing.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use attestation::Time;
use link::report::{Answer, Counter, Progress, Refusal, Request};
use provision::audit::{AuditLine, Audited, Outcome};
use provision::text::Text;
use tee::{SealingKey, Sim, Tee, Wanted};
use vault::journal::{Journal, Replay};

use crate::report_socket::answer;
use crate::support::Counted;

/// A journal as it was left, and the counter that belongs to it.
struct Genuine {
    file: Vec<u8>,
    counter: Counter,
    events: Vec<Vec<u8>>,
    lines: Vec<AuditLine>,
}

/// Opens what the bytes make of a journal.
///
/// # Panics
///
/// If it opens as anything but what was committed.
pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let genuine = genuine();
    let file = if mode & 1 == 0 {
        changed(&genuine.file, rest)
    } else {
        rest.to_vec()
    };
    let Ok((journal, replay)) = open(&file, genuine.counter).1 else {
        return;
    };
    assert_eq!(events(&replay), genuine.events);
    if let Ok(lines) = journal.audit(1, 100) {
        assert_eq!(lines, genuine.lines);
    }
}

/// The journal's file, for seeds.
pub(crate) fn file() -> &'static [u8] {
    &genuine().file
}

/// The file after changes: where, how, and a value.
fn changed(file: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    for [a, b, c, d, how, value] in changes.as_chunks().0 {
        let offset = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if file.is_empty() {
            break;
        }
        let offset = offset % file.len();
        match how % 4 {
            0 => file[offset] ^= value,
            1 => file[offset] = *value,
            2 => file.truncate(offset),
            _ => file.extend(std::iter::repeat_n(*value, offset % 300)),
        }
    }
    file
}

/// Key, commits, a checkpoint and a commit behind it, and one that was never counted.
fn genuine() -> &'static Genuine {
    static GENUINE: OnceLock<Genuine> = OnceLock::new();
    GENUINE.get_or_init(|| {
        let (machine, opened) = open(&[], Counter::NONE);
        let (journal, _) = opened.expect("a new journal");
        let commit = |text: &str| journal.commit(&[text], &[entry(text)]).expect("counted");
        commit("one");
        let position = commit("two");
        journal
            .checkpoint(position, b"one two")
            .expect("a checkpoint");
        commit("three");
        let (counter, lines) = (machine.counter(), journal.audit(1, 100).expect("lines"));
        machine.stop();
        let stopped = journal.commit(&["four"], &[entry("four")]);
        assert!(stopped.is_err(), "never counted");
        Genuine {
            file: machine.file(),
            counter,
            events: vec![b"one two".to_vec(), b"three".to_vec()],
            lines,
        }
    })
}

fn entry(event: &str) -> Audited {
    Audited {
        time: Text(Time::from_unix(1_800_000_000)),
        event: event.to_owned(),
        outcome: Outcome::Done,
        session: None,
        service: None,
        code: None,
        detail: None,
        measurement: None,
        who: None,
    }
}

fn events(replay: &Replay) -> Vec<Vec<u8>> {
    let snapshot = replay.snapshot.iter().map(|bytes| bytes.to_vec());
    let events = replay.events.iter().map(|bytes| bytes.to_vec());
    snapshot.chain(events).collect()
}

type Opened = Result<(Journal, Replay), vault::journal::Error>;

/// Opens a file that has no name any more.
fn open(bytes: &[u8], counter: Counter) -> (Arc<Machine>, Opened) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sconce-fuzz-journal-{}-{number}", process::id());
    let path = std::env::temp_dir().join(name);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .expect("a file");
    fs::remove_file(&path).expect("its name");
    file.write_all(bytes).expect("its bytes");
    let machine = Arc::new(Machine {
        sim: Sim::new(Wire::default()),
        counter: Mutex::new(Some(counter)),
        kept: file.try_clone().expect("a descriptor"),
    });
    let entropy = Arc::new(Counted::default());
    let opened = Journal::open(file, Arc::clone(&machine) as _, 0, entropy);
    (machine, opened)
}

/// The simulated platform with a counter, until it is stopped.
struct Machine {
    sim: Sim<Wire>,
    counter: Mutex<Option<Counter>>,
    kept: File,
}

impl Machine {
    fn counter(&self) -> Counter {
        let counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        counter.expect("not stopped")
    }

    fn stop(&self) {
        *self.counter.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn file(&self) -> Vec<u8> {
        use std::os::unix::fs::FileExt as _;
        let length = self.kept.metadata().expect("a file").len();
        let mut bytes = vec![0; usize::try_from(length).expect("small")];
        self.kept.read_exact_at(&mut bytes, 0).expect("its bytes");
        bytes
    }
}

impl Tee for Machine {
    fn kind(&self) -> sgx::Kind {
        sgx::Kind::Sim
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, tee::Error> {
        self.sim.evidence(report_data)
    }

    fn sealing_key(&self, wanted: &Wanted) -> Result<SealingKey, tee::Error> {
        self.sim.sealing_key(wanted)
    }

    fn counter(&self) -> Result<Counter, tee::Error> {
        Ok(self.counter())
    }

    fn advance(&self, to: &Counter) -> Result<(), tee::Error> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        match counter.as_mut() {
            Some(counter) if counter.number + 1 == to.number => {
                *counter = *to;
                Ok(())
            }
            Some(_) => Err(Refusal::NotNext.into()),
            None => Err(Refusal::Failed.into()),
        }
    }
}

/// A report socket whose other end is the platform.
#[derive(Default)]
struct Wire {
    asked: Vec<u8>,
    answered: VecDeque<u8>,
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.asked.extend(bytes);
        if let Ok(Progress::Whole(request)) = Request::decode(&self.asked) {
            self.asked.clear();
            let refused = Answer::Refused(Refusal::InvalidIsvSvn);
            let answer = answer(&request).unwrap_or(refused);
            self.answered.extend(answer.encode().iter());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.answered.read(to)
    }
}
