//! The simulated platform, behind a socket that its host holds.

use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};

use link::report::{Answer, Counter, Progress, REPORT_DATA, Request, TARGET_INFO};
use sgx::quote::Tee as QuotedTee;
use sgx::{Attributes, KeyName, KeyPolicy, KeyRequest, Kind, Miscselect, Report, ReportBody};
use zeroize::Zeroizing;

use crate::quoted;
use crate::seal::{Binding, PlatformVersion, SealingKey, Wanted};
use crate::{Error, Tee};

/// The simulated platform. It protects nothing: its host has all its keys.
///
/// The socket carries [`link::report`]. After a fault of the connection nothing more is asked.
pub struct Sim<S> {
    /// `None` once it can't be used any more.
    socket: Mutex<Option<S>>,
}

/// What the socket is called in errors.
const SOCKET: &str = "the report socket";

impl<S: Read + Write + Send> Sim<S> {
    /// With the socket that the program was started with.
    pub fn new(socket: S) -> Self {
        let socket = Mutex::new(Some(socket));
        Self { socket }
    }

    /// What the platform says of this program, to nobody: its MAC is for an enclave that does not exist.
    ///
    /// # Errors
    ///
    /// [`Error`] if the platform does not say it.
    pub fn own_report(&self) -> Result<ReportBody, Error> {
        let target = Box::new([0; TARGET_INFO]);
        let report_data = Box::new([0; REPORT_DATA]);
        match self.ask(&Request::Report {
            target,
            report_data,
        })? {
            Answer::Report(report) => Report::parse(&report)
                .map(|report| report.body)
                .map_err(|_| wrong("no REPORT")),
            other => Err(unexpected(other)),
        }
    }

    fn count(&self, request: &Request) -> Result<Counter, Error> {
        match self.ask(request)? {
            Answer::Counter(counter) => Ok(counter),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&self, request: &Request) -> Result<Answer, Error> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = socket
            .take()
            .ok_or_else(|| wrong("a fault before, and is not asked any more"))?;
        let answer = exchange(&mut taken, request)?;
        *socket = Some(taken);
        Ok(answer)
    }
}

/// Writes a request and reads exactly its answer.
fn exchange(socket: &mut (impl Read + Write), request: &Request) -> Result<Answer, Error> {
    let fault = |action| {
        move |source| Error::Device {
            action,
            device: SOCKET.to_owned(),
            source,
        }
    };
    socket
        .write_all(&request.encode())
        .map_err(fault("write to"))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    loop {
        match Answer::decode(&bytes).map_err(|_| wrong("what no host sends"))? {
            Progress::Whole(answer) => return Ok(answer),
            Progress::Lacks(more) => {
                let read = bytes.len();
                bytes.resize(read + more, 0);
                socket
                    .read_exact(&mut bytes[read..])
                    .map_err(fault("read from"))?;
            }
        }
    }
}

impl<S: Read + Write + Send> Tee for Sim<S> {
    fn kind(&self) -> Kind {
        Kind::Sim
    }

    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
        let report_data = Box::new(*report_data);
        match self.ask(&Request::Quote {
            report_data: report_data.clone(),
        })? {
            Answer::Quote(quote) => {
                quoted::check(&quote, QuotedTee::Sgx, &report_data).map_err(wrong)?;
                Ok(quote)
            }
            other => Err(unexpected(other)),
        }
    }

    fn sealing_key(&self, wanted: &Wanted) -> Result<SealingKey, Error> {
        let platform = match wanted.platform {
            PlatformVersion::Present => self.own_report()?.cpusvn,
            PlatformVersion::At(version) => version,
        };
        let request = key_request(wanted, platform).to_bytes();
        match self.ask(&Request::Key(Box::new(request)))? {
            Answer::Key(key) => SealingKey::derive(Kind::Sim, &*key, wanted, platform)
                .ok_or_else(|| wrong("a secret that makes no key")),
            other => Err(unexpected(other)),
        }
    }

    fn collateral(&self) -> Result<String, Error> {
        match self.ask(&Request::Collateral)? {
            Answer::Collateral(text) => {
                String::from_utf8(text).map_err(|_| wrong("collateral that is no text"))
            }
            other => Err(unexpected(other)),
        }
    }

    fn counter(&self) -> Result<Counter, Error> {
        self.count(&Request::Counter)
    }

    fn advance(&self, to: &Counter) -> Result<(), Error> {
        if self.count(&Request::Advance(*to))? == *to {
            Ok(())
        } else {
            Err(wrong("another counter than was asked for"))
        }
    }
}

/// A seal key that programs with other rights, as debugged ones, don't get; processor features that
/// the program has make no difference.
fn key_request(wanted: &Wanted, cpusvn: [u8; 16]) -> KeyRequest {
    KeyRequest {
        name: KeyName::SEAL,
        policy: match wanted.bound_to {
            Binding::Measurement => KeyPolicy::MRENCLAVE,
            Binding::Signer => KeyPolicy::MRSIGNER,
        },
        isv_svn: wanted.svn,
        cet_attributes_mask: 0,
        cpusvn,
        attributes_mask: Attributes {
            flags: u64::MAX,
            xfrm: 0,
        },
        key_id: [0; 32],
        miscselect_mask: Miscselect(0),
        config_svn: 0,
    }
}

fn wrong(what: &'static str) -> Error {
    Error::Answer {
        device: SOCKET.to_owned(),
        what,
    }
}

fn unexpected(answer: Answer) -> Error {
    match answer {
        Answer::Refused(refusal) => Error::Refused(refusal),
        _ => wrong("the answer to another request"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use link::report::Refusal;

    use super::*;
    use crate::quoted::tests::{quote, report};

    /// A driver whose host answers by `answer`, one request after the other.
    fn with_host(mut answer: impl FnMut(Request) -> Vec<u8> + Send + 'static) -> Sim<UnixStream> {
        let (program, mut host) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            loop {
                match Request::decode(&bytes).unwrap() {
                    Progress::Whole(request) => {
                        bytes.clear();
                        if host.write_all(&answer(request)).is_err() {
                            return;
                        }
                    }
                    Progress::Lacks(more) => {
                        let read = bytes.len();
                        bytes.resize(read + more, 0);
                        if host.read_exact(&mut bytes[read..]).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Sim::new(program)
    }

    /// As the simulated platform answers.
    fn honest(request: Request) -> Vec<u8> {
        let answer = match request {
            Request::Quote { report_data } => Answer::Quote(quote(QuotedTee::Sgx, *report_data)),
            Request::Report { report_data, .. } => {
                let report = Report {
                    body: report(*report_data),
                    key_id: [0; 32],
                    mac: [0; 16],
                };
                Answer::Report(Box::new(report.to_bytes()))
            }
            Request::Key(request) => {
                let request = KeyRequest::parse(&request).unwrap();
                assert_eq!(request.name, KeyName::SEAL);
                if request.isv_svn > report([0; 64]).isv_svn {
                    Answer::Refused(Refusal::InvalidIsvSvn)
                } else {
                    let first = u8::from(request.policy == KeyPolicy::MRSIGNER);
                    Answer::Key(Zeroizing::new([first; 16]))
                }
            }
            Request::Collateral => Answer::Collateral(b"{}".to_vec()),
            Request::Counter => Answer::Counter(Counter::NONE),
            Request::Advance(to) if to.number == 1 => Answer::Counter(to),
            Request::Advance(_) => Answer::Refused(Refusal::NotNext),
        };
        answer.encode().to_vec()
    }

    fn wanted(svn: u16) -> Wanted {
        Wanted {
            bound_to: Binding::Signer,
            svn,
            platform: PlatformVersion::Present,
        }
    }

    #[test]
    fn quotes_and_reports_come_back() {
        let sim = with_host(honest);
        assert_eq!(sim.kind(), Kind::Sim);
        let found = sim.evidence(&[3; 64]).unwrap();
        assert_eq!(found, quote(QuotedTee::Sgx, [3; 64]));
        assert_eq!(sim.own_report().unwrap(), report([0; 64]));
        assert!(sim.evidence(&[4; 64]).is_ok(), "the socket is kept");
    }

    #[test]
    fn a_key_is_found_again_by_what_it_was_made_for() {
        let sim = with_host(honest);
        let key = sim.sealing_key(&wanted(4)).unwrap();
        assert_eq!(key.platform(), [5; 16]);
        let again = Wanted {
            platform: PlatformVersion::At([5; 16]),
            ..wanted(4)
        };
        assert_eq!(sim.sealing_key(&again).unwrap().expose(), key.expose());
        let measurement = Wanted {
            bound_to: Binding::Measurement,
            ..again
        };
        assert_ne!(
            sim.sealing_key(&measurement).unwrap().expose(),
            key.expose()
        );
        let refused = sim.sealing_key(&wanted(5)).err().unwrap();
        assert!(matches!(refused, Error::Refused(Refusal::InvalidIsvSvn)));
        assert!(sim.sealing_key(&again).is_ok(), "a refusal is no fault");
    }

    #[test]
    fn collateral_and_the_counter_come_back() {
        let sim = with_host(honest);
        assert_eq!(sim.collateral().unwrap(), "{}");
        assert_eq!(sim.counter().unwrap(), Counter::NONE);
        let at = |number| Counter {
            number,
            digest: [1; 32],
        };
        sim.advance(&at(1)).unwrap();
        let refused = sim.advance(&at(3)).unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::NotNext)));

        let sim = with_host(|_| Answer::Counter(Counter::NONE).encode().to_vec());
        assert_eq!(sim.advance(&at(1)).unwrap_err().code(), "tee.answer");
        assert_eq!(sim.collateral().unwrap_err().code(), "tee.answer");
    }

    #[test]
    fn what_was_not_asked_for_is_not_used() {
        let quotes = [quote(QuotedTee::Sgx, [9; 64]), vec![1]];
        for given in quotes {
            let sim = with_host(move |_| Answer::Quote(given.clone()).encode().to_vec());
            assert_eq!(sim.evidence(&[3; 64]).unwrap_err().code(), "tee.answer");
            assert_eq!(
                sim.sealing_key(&wanted(4)).err().unwrap().code(),
                "tee.answer"
            );
        }
    }

    #[test]
    fn after_a_fault_of_the_connection_nothing_is_asked() {
        let sim = with_host(|_| vec![0xFF; 5]);
        assert_eq!(sim.evidence(&[3; 64]).unwrap_err().code(), "tee.answer");
        let again = sim.evidence(&[3; 64]).unwrap_err();
        assert!(again.to_string().contains("a fault before"), "{again}");

        let (program, host) = UnixStream::pair().unwrap();
        drop(host);
        let sim = Sim::new(program);
        assert_eq!(sim.evidence(&[3; 64]).unwrap_err().code(), "tee.device");
    }
}
