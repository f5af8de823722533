//! From descriptors to serving: `--report-socket N --journal N --listen N`, and for pools `--pool N`.
//!
//! ```text
//! platform ─▶ journal: sealing key, counter ─▶ state ─▶ realm
//!     └─────▶ key for TLS and releases, made now ─▶ quote over key and realm ─▶ doors open ─▶ Ready
//! ```

mod arguments;

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use attestation::Time;
use link::Kind;
use protocol::{Entropy, SystemEntropy};
use provision::audit::{Audited, Outcome};
use provision::text::Text;
use provision::{Realm, VaultKey};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_type;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use serde::Serialize;
use tee::{Sim, Tee, descriptors};

use self::arguments::{Arguments, USAGE};
use crate::cas::{Cas, Limits as CasLimits};
use crate::journal::{self, Journal, Position, Replay};
use crate::kme::Spares;
use crate::kme::pool::Desk;
use crate::server::{Certified, Doors, Limits, Server};
use crate::service::{Clock, OwnEvidence, Parts, Problem, Service};
use crate::state::{Event, State, Unknown};

/// Exit codes that the host understands.
pub mod exit {
    /// The host closed the connection, or asked for the end.
    pub const END_OF_FILE: u8 = 0;
    /// A fault of the program's own, or of its journal while it ran.
    pub const INTERNAL: u8 = 70;
    /// The arguments, the platform or the journal can't be used.
    pub const CONFIGURATION: u8 = 78;
}

/// Keys of workers that are made ahead.
const SPARES: usize = 2;

/// How long that waits in a vault whose workers have keys: they all want theirs now, and the processor.
const PAUSE: Duration = Duration::from_secs(20);

/// How often the vault looks after what nobody asks for.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// Runs the program until its host closes the link. Messages go to standard error.
#[must_use]
pub fn run() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::from(exit::END_OF_FILE),
        Err(fault) => {
            tell(&*fault);
            ExitCode::from(exit::CONFIGURATION)
        }
    }
}

/// Writes into the log why the program ends.
fn tell(fault: &(dyn Error + 'static)) {
    let journal = fault.downcast_ref::<journal::Error>();
    let unknown = fault.downcast_ref::<Unknown>();
    let code = journal
        .map(journal::Error::code)
        .or_else(|| unknown.map(Unknown::code))
        .or_else(|| fault.downcast_ref().map(Problem::code))
        .or_else(|| fault.downcast_ref().map(tee::Error::code));
    match code {
        Some(code) => eprintln!("error[{code}]: {fault}"),
        None => eprintln!("{fault}"),
    }
    let advice = unknown.map(Unknown::advice);
    if let Some(advice) = advice.or_else(|| journal.and_then(journal::Error::advice)) {
        eprintln!("  {advice}");
    }
    let mut source = fault.source();
    while let Some(inner) = source {
        eprintln!("  because: {inner}");
        source = inner.source();
    }
}

fn start() -> Result<(), Box<dyn Error>> {
    // Nobody but root may look into it from now on, and it leaves no core.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    silence_panics();
    let arguments = Arguments::parse(std::env::args().skip(1)).ok_or(USAGE)?;
    let host = connection()?;
    let platform = Sim::new(UnixStream::from(descriptors::take(
        arguments.report_socket,
    )?));
    let file = File::from(descriptors::take(arguments.journal)?);
    let listener = TcpListener::from(descriptors::take(arguments.listen)?);
    let pool = arguments.pool.map(descriptors::take).transpose()?;

    let own = platform.own_report()?;
    let (service, certified) = open(Arc::new(platform), own.isv_svn, file)?;
    let realm = service.realm().clone();
    let service = Arc::new(service);
    let doors = Doors {
        attested: (listener, Arc::new(certified)),
        plain: pool.map(TcpListener::from),
    };
    let server = Server::start(doors, Arc::clone(&service) as _, Limits::default())?;
    ready(&host, &realm)?;
    keep(&host, &service);
    drop(server);
    Ok(())
}

/// Opens the vault of a platform: its state, as the journal in `file` has it, under keys of its own. `svn` is the
/// program's security version.
///
/// # Errors
///
/// What the journal, the platform or the system refuse.
pub fn open(
    tee: Arc<dyn Tee>,
    svn: u16,
    file: File,
) -> Result<(Service, Certified), Box<dyn Error>> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let (journal, replay) = Journal::open(file, Arc::clone(&tee), svn, Arc::clone(&entropy))?;
    let (mut state, position) = state_of(replay)?;
    let key = Arc::new(VaultKey::generate()?);
    let certified = Certified::new(key.expose_pkcs8())?;
    let now = Clock::start().now(journal.floor());
    let (realm, position) = name(&mut state, position, &journal, &*entropy, now)?;
    let evidence = OwnEvidence::new(tee, key.public_der(), realm)?;
    let has_workers = state.kme.workers().next().is_some();
    let pause = if has_workers { PAUSE } else { Duration::ZERO };
    let service = Service::new(Parts {
        state,
        position,
        journal,
        cas: Cas::new(key, Arc::clone(&entropy), CasLimits::default())?,
        spares: Spares::new(SPARES, pause, Box::new(SystemEntropy::new()))?,
        desk: Desk::new(entropy),
        evidence,
    });
    Ok((service, certified))
}

/// The state that a journal brings back.
fn state_of(replay: Replay) -> Result<(State, Position), Box<dyn Error>> {
    let mut state = match &replay.snapshot {
        Some(snapshot) => State::restore(snapshot)?,
        None => State::default(),
    };
    for event in &replay.events {
        state.apply(Event::decode(event)?);
    }
    Ok((state, replay.position))
}

/// Puts the vault's start into the audit log; when it is the first, the vault gives itself a name.
fn name(
    state: &mut State,
    position: Position,
    journal: &Journal,
    entropy: &dyn Entropy,
    now: Time,
) -> Result<(Realm, Position), Box<dyn Error>> {
    let (realm, events) = match &state.realm {
        Some(realm) => (realm.clone(), Vec::new()),
        None => {
            let realm = Realm::generate(entropy)?;
            (realm.clone(), vec![Event::Named(realm)])
        }
    };
    let encoded: Result<Vec<_>, _> = events.iter().map(Event::encode).collect();
    let encoded = encoded?;
    let started = Audited {
        time: Text(now),
        event: "vault.start".to_owned(),
        outcome: Outcome::Done,
        session: None,
        service: None,
        code: None,
        detail: Some(format!("realm {realm}")),
        measurement: None,
        who: None,
    };
    let after = journal.commit(&encoded, &[started])?;
    let position = if events.is_empty() { position } else { after };
    events.into_iter().for_each(|event| state.apply(event));
    Ok((realm, position))
}

/// Standard input, if it's the socket that a host gives.
fn connection() -> Result<UnixStream, Box<dyn Error>> {
    let stdin = rustix::stdio::stdin();
    socket_type(stdin).map_err(|_| USAGE)?;
    Ok(UnixStream::from(stdin.try_clone_to_owned()?))
}

#[derive(Serialize)]
struct Ready<'a> {
    realm: &'a Realm,
}

fn ready(mut host: &UnixStream, realm: &Realm) -> Result<(), Box<dyn Error>> {
    let body = serde_json::to_vec(&Ready { realm })?;
    let mut frame = Vec::new();
    link::encode(Kind::Ready, 0, &body, &mut frame)?;
    Ok(host.write_all(&frame)?)
}

/// Looks after the vault until the host closes the link.
fn keep(host: &UnixStream, service: &Service) {
    let pause = Timespec {
        tv_sec: HOUSEKEEPING.as_secs().try_into().unwrap_or(1),
        tv_nsec: 0,
    };
    loop {
        match poll(&mut [PollFd::new(host, PollFlags::RDHUP)], Some(&pause)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return,
        }
        if let Err(problem) = service.keep_house() {
            eprintln!("error[{}]: {problem}", problem.code());
        }
    }
}

/// A panic's message may hold anything: say where, and never what.
fn silence_panics() {
    std::panic::set_hook(Box::new(|info| {
        if let Some(place) = info.location() {
            eprintln!("panicked at {}:{}", place.file(), place.line());
        }
    }));
}
