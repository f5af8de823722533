//! The driver against a device that does what the kernel's documentation and its `tsm` module say. It was
//! written from those texts: nothing here was recorded on hardware.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::*;
use crate::quoted::tests::quote;

/// What happens to a request besides what it asks for.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    /// Nothing.
    Quiet,
    /// Another writes to the folder before the quote is read.
    OtherWrites,
    /// Another writes after it was read.
    OtherWritesLate,
    /// The write is refused when the file is closed, of which nobody is told.
    WriteLost,
    /// The file is in use.
    WriteBusy,
    /// The quoting service fails like this.
    Quoting(io::ErrorKind),
    /// The service gives a quote over something else.
    WrongQuote,
    /// The name is taken.
    NameTaken,
}

struct State {
    provider: &'static [u8],
    /// What happens to each try, in this order; nothing to those after the last.
    events: Vec<Event>,
    tries: usize,
    entries: BTreeMap<PathBuf, Entry>,
    names: Vec<PathBuf>,
}

/// A folder's state, named as the kernel's module has it.
struct Entry {
    event: Event,
    inblob: Option<[u8; 64]>,
    write_generation: u64,
}

#[derive(Clone)]
struct Device(Arc<Mutex<State>>);

const FOLDER: &str = "/tsm/report";

impl Device {
    fn new(events: &[Event]) -> Self {
        Self(Arc::new(Mutex::new(State {
            provider: b"tdx_guest\n",
            events: events.to_vec(),
            tries: 0,
            entries: BTreeMap::new(),
            names: Vec::new(),
        })))
    }

    fn driver(&self) -> Tdx {
        Tdx::on(Box::new(self.clone()), FOLDER.into(), Duration::ZERO)
    }

    fn tries(&self) -> usize {
        let state = self.0.lock().unwrap();
        assert!(state.entries.is_empty(), "every folder is removed");
        assert!(state.names.iter().all(|name| name.starts_with(FOLDER)));
        state.tries
    }
}

impl Files for Device {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut state = self.0.lock().unwrap();
        let provider = state.provider;
        let entry = state.entries.get_mut(path.parent().unwrap());
        let entry = entry.ok_or(io::ErrorKind::NotFound)?;
        let content = match path.file_name().unwrap().to_str().unwrap() {
            "provider" => provider.to_vec(),
            "generation" => format!("{}\n", entry.write_generation).into_bytes(),
            "outblob" => {
                match entry.event {
                    Event::Quoting(kind) => return Err(kind.into()),
                    Event::OtherWrites => {
                        entry.inblob = Some([0xEE; 64]);
                        entry.write_generation += 1;
                    }
                    _ => (),
                }
                // Without a write there is nothing to quote (EINVAL).
                let asked = entry.inblob.ok_or(io::ErrorKind::InvalidInput)?;
                let over = match entry.event {
                    Event::WrongQuote => [0xDD; 64],
                    _ => asked,
                };
                if entry.event == Event::OtherWritesLate {
                    entry.write_generation += 1;
                }
                quote(QuotedTee::Tdx, over)
            }
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        assert!(content.len() <= limit);
        Ok(Zeroizing::new(content))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let entry = state.entries.get_mut(path.parent().unwrap()).unwrap();
        assert_eq!(path.file_name().unwrap(), "inblob");
        match entry.event {
            Event::WriteBusy => return Err(io::ErrorKind::ResourceBusy.into()),
            // What a former request has left, perhaps.
            Event::WriteLost => entry.inblob = Some([0xCC; 64]),
            _ => {
                entry.inblob = Some(bytes.try_into().unwrap());
                entry.write_generation += 1;
            }
        }
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let event = state.events.get(state.tries).copied();
        let event = event.unwrap_or(Event::Quiet);
        state.tries += 1;
        assert!(!state.names.contains(&path.to_owned()), "a name of its own");
        state.names.push(path.to_owned());
        if event == Event::NameTaken {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let entry = Entry {
            event,
            inblob: None,
            write_generation: 0,
        };
        state.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let removed = state.entries.remove(path);
        removed.map(drop).ok_or(io::ErrorKind::NotFound.into())
    }
}

#[test]
fn a_quote_takes_one_try_when_nobody_disturbs() {
    let device = Device::new(&[]);
    let found = device.driver().evidence(&[3; 64]).unwrap();
    assert_eq!(found, quote(QuotedTee::Tdx, [3; 64]));
    assert_eq!(device.tries(), 1);
    assert_eq!(device.driver().kind(), Kind::Tdx);
}

#[test]
fn whatever_disturbs_a_try_makes_another() {
    use io::ErrorKind as Kind;
    for event in [
        Event::OtherWrites,
        Event::OtherWritesLate,
        Event::WriteLost,
        Event::WriteBusy,
        Event::Quoting(Kind::ResourceBusy),
        Event::Quoting(Kind::Interrupted),
        Event::Quoting(Kind::TimedOut),
        Event::Quoting(Kind::WouldBlock),
    ] {
        let device = Device::new(&[event, event]);
        let found = device.driver().evidence(&[3; 64]).unwrap();
        assert_eq!(found, quote(QuotedTee::Tdx, [3; 64]));
        assert_eq!(device.tries(), 3);

        let always = Device::new(&[event; 20]);
        let error = always.driver().evidence(&[3; 64]).unwrap_err();
        assert_eq!(error.code(), "tee.busy");
        assert_eq!(always.tries(), TRIES as usize);
    }
}

/// More of them than there are tries: each program that was killed on the way may have left one.
#[test]
fn folders_that_were_left_behind_are_passed_over() {
    let device = Device::new(&[Event::NameTaken; 20]);
    let found = device.driver().evidence(&[3; 64]).unwrap();
    assert_eq!(found, quote(QuotedTee::Tdx, [3; 64]));
    assert_eq!(device.tries(), 21);

    let endless = Device::new(&vec![Event::NameTaken; (NAMES * TRIES) as usize + 1]);
    let error = endless.driver().evidence(&[3; 64]).unwrap_err();
    assert_eq!(error.code(), "tee.busy");
}

#[test]
fn what_another_try_does_not_mend_ends_at_once() {
    let failed = Device::new(&[Event::Quoting(io::ErrorKind::Other)]);
    assert_eq!(
        failed.driver().evidence(&[3; 64]).unwrap_err().code(),
        "tee.device"
    );
    assert_eq!(failed.tries(), 1);
    let wrong = Device::new(&[Event::WrongQuote]);
    assert_eq!(
        wrong.driver().evidence(&[3; 64]).unwrap_err().code(),
        "tee.answer"
    );
    assert_eq!(wrong.tries(), 1);

    let other = Device::new(&[]);
    other.0.lock().unwrap().provider = b"sev_guest\n";
    let error = other.driver().evidence(&[3; 64]).unwrap_err();
    assert_eq!(error.code(), "tee.unavailable");
    assert_eq!(other.tries(), 1);
}

#[test]
fn outside_such_a_machine_the_folder_is_named() {
    let error = Tdx::new("/nonexistent").evidence(&[3; 64]).unwrap_err();
    assert_eq!(error.code(), "tee.device");
    assert!(
        error.to_string().contains("/nonexistent/sconce-"),
        "{error}"
    );
}

#[test]
fn there_is_no_sealing_key() {
    let wanted = Wanted {
        bound_to: crate::Binding::Signer,
        svn: 0,
        platform: crate::PlatformVersion::Present,
    };
    let refused = Device::new(&[]).driver().sealing_key(&wanted);
    assert_eq!(refused.err().unwrap().code(), "tee.unavailable");
}
