//! A simulated platform without sockets between, whose counter can be stopped and copied.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use link::report::{Answer, Counter, Progress, Refusal, Request};
use sgx::{KeyRequest, Mrenclave, Mrsigner, TargetInfo};
use simulator::{Change, Counters, Platform, Secs, Seed, Settings};
use tee::{SealingKey, Sim, Tee, Wanted};

const NOW: u64 = 1_767_225_600;

/// What the program runs on.
pub(crate) struct Machine {
    sim: Sim<Wire>,
    secs: Secs,
    counts: Counts,
    /// A machine that stops before it counts.
    pub(crate) stopped: AtomicBool,
    /// How often it was asked to count.
    pub(crate) asked: AtomicU64,
}

enum Counts {
    Memory(Arc<Mutex<Counter>>),
    Folder(Counters),
}

impl Machine {
    /// With a counter of its own, in memory.
    pub(crate) fn new() -> Arc<Self> {
        Self::with(&platform(1), 1, Counts::Memory(Arc::default_counter()))
    }

    /// With the counter that is kept in a folder.
    pub(crate) fn kept(folder: &Path) -> Arc<Self> {
        Self::with(&platform(1), 1, Counts::Folder(Counters::of(folder)))
    }

    fn with(platform: &Platform, svn: u16, counts: Counts) -> Arc<Self> {
        let mut secs = Secs::new(Mrenclave([1; 32]), Mrsigner([2; 32]));
        secs.isv_prod_id = 2;
        secs.isv_svn = svn;
        let sim = Sim::new(Wire {
            platform: platform.clone(),
            secs,
            asked: Vec::new(),
            answer: VecDeque::new(),
        });
        Arc::new(Self {
            sim,
            secs,
            counts,
            stopped: AtomicBool::new(false),
            asked: AtomicU64::new(0),
        })
    }

    fn counts(&self) -> &Arc<Mutex<Counter>> {
        match &self.counts {
            Counts::Memory(counter) => counter,
            Counts::Folder(_) => panic!("kept in a folder"),
        }
    }

    /// The same machine later, which counts for itself.
    pub(crate) fn copy(&self) -> Arc<Self> {
        let counter = Arc::new(Mutex::new(*self.counts().lock().unwrap()));
        Self::with(&platform(1), self.secs.isv_svn, Counts::Memory(counter))
    }

    /// The same machine and counter, with another version of the program.
    pub(crate) fn program(&self, svn: u16) -> Arc<Self> {
        let counter = Arc::clone(self.counts());
        Self::with(&platform(1), svn, Counts::Memory(counter))
    }

    /// The same machine and counter, with later microcode.
    pub(crate) fn updated(&self) -> Arc<Self> {
        let mut tcb = Settings::new(NOW).tcb;
        tcb.components[0] += 1;
        let platform = platform(1).with(NOW, Change::Tcb(tcb));
        let counter = Arc::clone(self.counts());
        Self::with(&platform, self.secs.isv_svn, Counts::Memory(counter))
    }

    /// Another machine, with the counter as it is.
    pub(crate) fn other(&self) -> Arc<Self> {
        let counter = Arc::clone(self.counts());
        Self::with(&platform(2), self.secs.isv_svn, Counts::Memory(counter))
    }

    /// How far the counter is.
    pub(crate) fn counted(&self) -> u64 {
        self.counts().lock().unwrap().number
    }

    /// The counter of a machine that has not counted yet.
    pub(crate) fn forget(&self) {
        *self.counts().lock().unwrap() = Counter::NONE;
    }
}

trait DefaultCounter {
    fn default_counter() -> Self;
}

impl DefaultCounter for Arc<Mutex<Counter>> {
    fn default_counter() -> Self {
        Self::new(Mutex::new(Counter::NONE))
    }
}

fn platform(seed: u8) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(NOW)).unwrap()
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
        match &self.counts {
            Counts::Memory(counter) => Ok(*counter.lock().unwrap()),
            Counts::Folder(counters) => {
                let simulator::Counter { number, digest } = counters.read(&self.secs).unwrap();
                Ok(Counter { number, digest })
            }
        }
    }

    fn advance(&self, to: &Counter) -> Result<(), tee::Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Refusal::Failed.into());
        }
        match &self.counts {
            Counts::Memory(counter) => {
                let mut counter = counter.lock().unwrap();
                if counter.number + 1 != to.number {
                    return Err(Refusal::NotNext.into());
                }
                *counter = *to;
            }
            Counts::Folder(counters) => {
                let Counter { number, digest } = *to;
                let to = simulator::Counter { number, digest };
                counters.advance(&self.secs, &to).unwrap();
            }
        }
        Ok(())
    }
}

/// A report socket whose other end is the platform itself.
struct Wire {
    platform: Platform,
    secs: Secs,
    asked: Vec<u8>,
    answer: VecDeque<u8>,
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.asked.extend(bytes);
        if let Ok(Progress::Whole(request)) = Request::decode(&self.asked) {
            self.asked.clear();
            self.answer.extend(self.answer(&request).encode().iter());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.answer.read(to)
    }
}

impl Wire {
    fn answer(&self, request: &Request) -> Answer {
        let (platform, secs) = (&self.platform, &self.secs);
        match request {
            Request::Report {
                target,
                report_data,
            } => {
                let target = TargetInfo::parse(target).unwrap();
                let report = platform.ereport(secs, &target, report_data, NOW);
                Answer::Report(Box::new(report.to_bytes()))
            }
            Request::Key(request) => {
                let request = KeyRequest::parse(request).unwrap();
                match platform.egetkey(secs, &request, NOW) {
                    Ok(key) => Answer::Key((*key.expose()).into()),
                    Err(error) => {
                        let number = error.number().unwrap();
                        Answer::Refused(Refusal::from_number(number).unwrap())
                    }
                }
            }
            _ => Answer::Refused(Refusal::Fault),
        }
    }
}
