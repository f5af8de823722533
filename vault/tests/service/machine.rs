//! A simulated platform at the present time, whose counter is in memory.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use link::report::{Answer, Counter, Progress, Request};
use sgx::{KeyRequest, TargetInfo};
use simulator::{Platform, Secs};
use tee::Sim;

/// A report socket whose other end is the platform itself.
pub(crate) struct Machine {
    platform: Platform,
    secs: Secs,
    counter: Arc<Mutex<Counter>>,
    asked: Vec<u8>,
    answer: VecDeque<u8>,
}

impl Machine {
    /// The platform as a program of this identity sees it.
    pub(crate) fn of(platform: &Platform, secs: Secs, counter: &Arc<Mutex<Counter>>) -> Sim<Self> {
        Sim::new(Self {
            platform: platform.clone(),
            secs,
            counter: Arc::clone(counter),
            asked: Vec::new(),
            answer: VecDeque::new(),
        })
    }

    fn answer(&self, request: &Request) -> Answer {
        let (platform, secs) = (&self.platform, &self.secs);
        match request {
            Request::Report {
                target,
                report_data,
            } => {
                let target = TargetInfo::parse(target).unwrap();
                let report = platform.ereport(secs, &target, report_data, now());
                Answer::Report(Box::new(report.to_bytes()))
            }
            Request::Quote { report_data } => {
                Answer::Quote(platform.quote(secs, report_data, now()).unwrap())
            }
            Request::Key(request) => {
                let request = KeyRequest::parse(request).unwrap();
                let key = platform.egetkey(secs, &request, now()).unwrap();
                Answer::Key((*key.expose()).into())
            }
            Request::Collateral => {
                Answer::Collateral(platform.collateral(now()).unwrap().to_json().into_bytes())
            }
            Request::Counter => Answer::Counter(*self.counter.lock().unwrap()),
            Request::Advance(to) => {
                let mut counter = self.counter.lock().unwrap();
                assert_eq!(counter.number + 1, to.number);
                *counter = *to;
                Answer::Counter(*counter)
            }
        }
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

impl Write for Machine {
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

impl Read for Machine {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.answer.read(to)
    }
}
