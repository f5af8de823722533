//! Executing measured programs.
//!
//! What is launched is decided once, when the host starts: launch control measures the stream and checks
//! the signature, and the program that comes of it is kept in sealed memory. Every start after that, also
//! of a program that died, executes those very bytes, whatever has become of the files.
//!
//! | module | subject |
//! |---|---|
//! | `memory` | the program's bytes where nobody can change them |
//! | `sandbox` | what the process may ask of the operating system |
//! | `reports` | what it may ask of the simulated platform |

mod error;
mod memory;
mod reports;
mod sandbox;

use std::fs::File;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sched::{CloneFlags, unshare};
use rustix::process::{Resource, Rlimit, setrlimit};
use sgx::{Digest, Kind};
use simulator::launch::{Launched, Options};
use simulator::{Counters, Platform, Secs, Settings};

pub use self::error::Error;
use self::memory::Sealed;
pub(crate) use self::reports::Reports;
pub(crate) use self::sandbox::Profile;
use self::sandbox::Sandbox;
use crate::config::{Enclave, Program};
use crate::outfit::FIRST_OTHER;

/// More bytes no SIGSTRUCT has; one that is longer is refused for it.
const SIGSTRUCT: u64 = 1 << 16;

/// A program that can be started, any number of times.
#[derive(Debug)]
pub(crate) enum Launcher {
    /// The file, whatever it holds at the time.
    Bare(PathBuf),
    /// What launch control has let through.
    Measured(Box<Measured>),
}

/// A measured program, ready to be executed.
#[derive(Debug)]
pub(crate) struct Measured {
    enclave: Enclave,
    program: Sealed,
    secs: Secs,
    sandbox: Sandbox,
}

impl Launcher {
    /// Launch control, if the program is to be measured.
    pub(crate) fn new(program: &Program, profile: Profile) -> Result<Self, Error> {
        match program {
            Program::Bare(path) => Ok(Self::Bare(path.clone())),
            Program::Measured(enclave) => {
                Measured::new(enclave, profile).map(|measured| Self::Measured(Box::new(measured)))
            }
        }
    }
}

impl Launcher {
    /// What platforms report of the program, if it is measured.
    pub(crate) fn measurement(&self) -> Option<Digest> {
        match self {
            Self::Bare(_) => None,
            Self::Measured(measured) => Some(Digest::Mrenclave(Kind::Sim, measured.secs.mrenclave)),
        }
    }
}

impl Measured {
    fn new(enclave: &Enclave, profile: Profile) -> Result<Self, Error> {
        let Launched { program, secs, .. } = control(enclave)?;
        let platform = platform(enclave)?;
        let sandbox = Sandbox::new(profile)?;
        tracing::info!(
            measurement = %Digest::Mrenclave(Kind::Sim, secs.mrenclave),
            signer = %Digest::Mrsigner(Kind::Sim, secs.mrsigner),
            debug = secs.attributes.is_debug(),
            root = %platform.fingerprint(),
            "launches on a simulated platform, which protects nothing"
        );
        no_core_dumps()?;
        Ok(Self {
            enclave: enclave.clone(),
            program: Sealed::new(&program).map_err(Error::system("keep the program in memory"))?,
            secs,
            sandbox,
        })
    }

    /// What executes it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.program.path());
        let stream = &self.enclave.stream;
        command.arg0(stream.file_stem().unwrap_or(stream.as_os_str()));
        command
    }

    /// Starts it in its sandbox: a thread of its own enters that first, and the process inherits it. So
    /// the host itself stays as it is.
    ///
    /// The thread has a table of descriptors to itself, so that none that another thread opens meanwhile
    /// gets into the process. What the command needs must be open already: nothing that starting it
    /// opens can be used here.
    pub(crate) fn spawn(&self, command: &mut Command) -> Result<process::Child, Error> {
        let inside = move || {
            if let Err(error) = unshare(CloneFlags::CLONE_FILES) {
                // Some containers forbid the call, whatever it is for. Then it is as for bare programs.
                tracing::debug!(%error, "cannot keep the program's descriptors apart");
            }
            close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER, &[]);
            self.sandbox.enter()?;
            command
                .spawn()
                .map_err(Error::system("execute the program"))
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new()
                .name("launch".to_owned())
                .spawn_scoped(scope, inside)
                .map_err(Error::system("start a thread"))?;
            thread.join().unwrap_or(Err(Error::Panicked))
        })
    }

    /// Answers what the program asks on its report socket, of which this is the host's end, until it
    /// closes it. The platform is the one that is in its folder now.
    pub(crate) fn serve(&self, socket: UnixStream) -> Result<Reports, Error> {
        let counters = Counters::of(&self.enclave.platform);
        Reports::serve(socket, platform(&self.enclave)?, counters, self.secs)
            .map_err(Error::system("start a thread"))
    }
}

/// Now, in seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn control(enclave: &Enclave) -> Result<Launched, Error> {
    let mut sigstruct = Vec::new();
    open(&enclave.sigstruct)?
        .take(SIGSTRUCT)
        .read_to_end(&mut sigstruct)
        .map_err(Error::file(&enclave.sigstruct))?;
    let stream = open(&enclave.stream)?;
    let options = Options {
        debug: enclave.debug,
        ..Options::default()
    };
    simulator::launch::launch(stream, &sigstruct, &options).map_err(|source| Error::Refused {
        stream: enclave.stream.clone(),
        source,
    })
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(Error::file(path))
}

fn platform(enclave: &Enclave) -> Result<Platform, Error> {
    Ok(Platform::open_or_make(
        &enclave.platform,
        Settings::new(now()),
    )?)
}

/// Neither the program nor this process, which has the platform's keys, leaves its memory in a file.
fn no_core_dumps() -> Result<(), Error> {
    // One byte is too little for a file, and for no limit but this one does Linux keep a core from the
    // program that the machine may have for them (core(5), "Piping core dumps to a program").
    let none = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    setrlimit(Resource::Core, none)
        .map_err(|error| Error::system("forbid core dumps")(error.into()))
}
