//! The report socket: what a launched program may ask of the platform, and who answers.
//!
//! The program says what it wants said (REPORTDATA), to whom (TARGETINFO), or which key it wants
//! (KEYREQUEST). Which program it is, the host says: it fills in the SECS that launch control left.

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use link::report::{self, Answer, Progress, Refusal, Request};
use sgx::{KeyRequest, TargetInfo};
use simulator::{CounterError, Counters, KeyError, Platform, Secs};
use zeroize::Zeroizing;

use super::now;

/// Answers a program's requests on a thread of its own. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Reports {
    socket: UnixStream,
}

impl Reports {
    /// Answers on `socket` what the enclave with this SECS asks, one request after the other.
    pub(super) fn serve(
        socket: UnixStream,
        platform: Platform,
        counters: Counters,
        secs: Secs,
    ) -> io::Result<Self> {
        let service = Service {
            platform,
            counters,
            secs,
        };
        let mut ours = socket.try_clone()?;
        thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || {
                if let Err(error) = service.run(&mut ours) {
                    tracing::warn!(%error, "closed the program's report socket");
                }
                // The other end may have been handed on, and this one is held for the drop.
                let _: io::Result<()> = ours.shutdown(Shutdown::Both);
            })?;
        Ok(Self { socket })
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        // It fails if the program has gone: that's the end of the service too.
        let _: io::Result<()> = self.socket.shutdown(Shutdown::Both);
    }
}

/// Why a report socket is closed by the host.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the program broke the protocol: {0}")]
    Message(#[from] report::Error),
    #[error("the program closed it in the middle of a request")]
    Cut,
    #[error("it failed: {0}")]
    Failed(#[from] io::Error),
}

struct Service {
    platform: Platform,
    counters: Counters,
    secs: Secs,
}

impl Service {
    fn run(&self, socket: &mut UnixStream) -> Result<(), Error> {
        while let Some(request) = receive(socket)? {
            socket.write_all(&self.answer(&request, now()).encode())?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request, now: u64) -> Answer {
        let answer = match request {
            Request::Report {
                target,
                report_data,
            } => self.report(target, report_data, now),
            Request::Quote { report_data } => self.quote(report_data, now),
            Request::Key(request) => self.key(request, now),
            Request::Collateral => self.collateral(now),
            Request::Counter => counted(self.counters.read(&self.secs)),
            Request::Advance(to) => self.advance(to),
        };
        answer.unwrap_or_else(|refusal| {
            tracing::debug!(%refusal, "refused what the program asked of the platform");
            Answer::Refused(refusal)
        })
    }

    fn report(
        &self,
        target: &[u8; report::TARGET_INFO],
        report_data: &[u8; report::REPORT_DATA],
        now: u64,
    ) -> Result<Answer, Refusal> {
        let target = TargetInfo::parse(target).map_err(|_| Refusal::Fault)?;
        let made = self.platform.ereport(&self.secs, &target, report_data, now);
        Ok(Answer::Report(Box::new(made.to_bytes())))
    }

    fn quote(&self, report_data: &[u8; report::REPORT_DATA], now: u64) -> Result<Answer, Refusal> {
        match self.platform.quote(&self.secs, report_data, now) {
            Ok(quote) if (1..=report::MAX_QUOTE).contains(&quote.len()) => Ok(Answer::Quote(quote)),
            Ok(quote) => Err(failed(&format!("a quote of {} bytes", quote.len()))),
            Err(error) => Err(failed(&error.to_string())),
        }
    }

    fn collateral(&self, now: u64) -> Result<Answer, Refusal> {
        let collateral = self.platform.collateral(now);
        let text = collateral.map_err(|error| failed(&error.to_string()))?;
        let text = text.to_json().into_bytes();
        if text.len() > report::MAX_COLLATERAL {
            return Err(failed(&format!("collateral of {} bytes", text.len())));
        }
        Ok(Answer::Collateral(text))
    }

    fn advance(&self, to: &report::Counter) -> Result<Answer, Refusal> {
        let report::Counter { number, digest } = *to;
        let to = simulator::Counter { number, digest };
        counted(self.counters.advance(&self.secs, &to))
    }

    fn key(&self, request: &[u8; report::KEY_REQUEST], now: u64) -> Result<Answer, Refusal> {
        let request = KeyRequest::parse(request).map_err(|_| Refusal::Fault)?;
        match self.platform.egetkey(&self.secs, &request, now) {
            Ok(key) => Ok(Answer::Key(Zeroizing::new(*key.expose()))),
            Err(error) => Err(refusal(error)),
        }
    }
}

/// What the program is told of its counter.
fn counted(counter: Result<simulator::Counter, CounterError>) -> Result<Answer, Refusal> {
    match counter {
        Ok(simulator::Counter { number, digest }) => {
            Ok(Answer::Counter(report::Counter { number, digest }))
        }
        Err(error @ CounterError::NotNext { .. }) => {
            tracing::warn!(%error, "refused to advance the program's counter");
            Err(Refusal::NotNext)
        }
        Err(error) => Err(failed(&error.to_string())),
    }
}

/// What the platform failed at is for the operator to read, not for the program.
fn failed(why: &str) -> Refusal {
    tracing::error!(why, "the simulated platform failed");
    Refusal::Failed
}

fn refusal(error: KeyError) -> Refusal {
    let number = error.number().and_then(Refusal::from_number);
    number.unwrap_or(Refusal::Fault)
}

/// The next request; `None` if the program has closed the socket.
fn receive(socket: &mut impl Read) -> Result<Option<Request>, Error> {
    let mut read = Vec::new();
    loop {
        match Request::decode(&read)? {
            Progress::Whole(request) => return Ok(Some(request)),
            Progress::Lacks(bytes) => {
                // Never more than the longest request: longer ones are refused by their length.
                let begin = read.len();
                read.resize(begin + bytes, 0);
                match socket.read(&mut read[begin..]) {
                    Ok(0) if begin == 0 => return Ok(None),
                    Ok(0) => return Err(Error::Cut),
                    Ok(count) => read.truncate(begin + count),
                    Err(error) if error.kind() == ErrorKind::Interrupted => read.truncate(begin),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}
