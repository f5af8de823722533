//! The worker program: the file that was given, or one that is built from the checkout.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sconify::build::{self, Profile, Progress, find_checkout};
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::folders::Exposure;
use crate::terminal::{Spinner, Terminal};

/// The package whose program it is.
const PACKAGE: &str = "sconce-worker";

/// The worker program's file, built if need be.
pub(crate) async fn locate(image: Option<&Path>, terminal: &Terminal) -> Result<PathBuf, Failure> {
    if let Some(image) = image {
        return image
            .canonicalize()
            .ok()
            .filter(|path| path.is_file())
            .ok_or_else(|| {
                Failure::unusable(format_args!("there is no file {}", image.display())).advice(
                    "give the worker program's file, as in --image target/release/sconce-worker",
                )
            });
    }
    let checkout = checkout()?;
    refuse_traps(&checkout)?;
    // Cargo would find the same, and say it among much else.
    registry::list(&checkout)
        .map_err(|error| Failure::of_registry(&error).advice("nothing was built"))?;
    let mut display = Display::new(*terminal);
    let cargo = Cargo::default();
    let shared = Arc::clone(&cargo.0);
    let (sender, built) = oneshot::channel();
    // On a thread of its own: nobody has to wait for it when the user has had enough.
    std::thread::spawn(move || {
        let program = build::program(&checkout, PACKAGE, Profile::current(), &mut |progress| {
            if let Progress::Started { pid } = progress {
                Cargo::started(&shared, pid);
            }
            display.show(progress);
        });
        *lock(&shared) = Build::Over;
        display.end(program.is_ok());
        // The receiver has gone if the user has had enough.
        let _gone = sender.send(program);
    });
    match built.await {
        Ok(program) => program.map_err(|error| of_build(&error)),
        Err(_) => Err(Failure::failed("building the worker program was given up")),
    }
}

/// Why there is no program, with what the compiler says of it.
fn of_build(error: &build::Error) -> Failure {
    match error {
        build::Error::Cargo {
            package,
            diagnostics,
        } => Failure::failed(format_args!("building {package} failed:\n{diagnostics}")),
        _ => Failure::failed(error),
    }
}

/// Cargo, which ends with the wait for what it builds.
#[derive(Default)]
struct Cargo(Arc<Mutex<Build>>);

/// How far a build is.
#[derive(Default)]
enum Build {
    #[default]
    NotBegun,
    /// The process group that builds.
    Running(Pid),
    Over,
    /// Nobody waits for it.
    Unwanted,
}

impl Cargo {
    fn started(build: &Mutex<Build>, pid: u32) {
        let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        let mut build = lock(build);
        match *build {
            Build::Unwanted => end(group),
            _ => *build = Build::Running(group),
        }
    }
}

impl Drop for Cargo {
    fn drop(&mut self) {
        let mut build = lock(&self.0);
        if let Build::Running(group) = *build {
            end(group);
        }
        *build = Build::Unwanted;
    }
}

fn lock(build: &Mutex<Build>) -> MutexGuard<'_, Build> {
    build.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(group: Pid) {
    // Failing means that it has just ended.
    let _ended = kill_process_group(group, Signal::TERM);
}

/// The checkout above the working directory, or above this very program.
fn checkout() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(Failure::failed)?;
    find_checkout(&here)
        .or_else(|error| match std::env::current_exe() {
            Ok(program) => find_checkout(&program).map_err(|_| error),
            Err(_) => Err(error),
        })
        .map_err(|error| {
            Failure::failed(error)
                .advice("--image FILE takes a worker program that is built already")
        })
}

/// Building runs what stands in the checkout, which was only found: nobody else may have put it
/// there, as in `/tmp`.
fn refuse_traps(checkout: &Path) -> Result<(), Failure> {
    let files = ["Cargo.toml", "workloads.json"].map(|name| checkout.join(name));
    for path in [checkout]
        .into_iter()
        .chain(files.iter().map(PathBuf::as_path))
    {
        let exposure = Exposure::of(path).map_err(Failure::failed)?;
        let what = if exposure.is_foreign {
            "belongs to another user"
        } else if exposure.is_open {
            "can be written to by everybody"
        } else {
            continue;
        };
        let (path, checkout) = (path.display(), checkout.display());
        return Err(Failure::failed(format_args!(
            "the worker program is not built from the checkout {checkout}: {path} {what}"
        ))
        .advice(
            "run it in a checkout of your own that others cannot write to, or give a program that \
             is built already: --image FILE",
        ));
    }
    Ok(())
}

/// Shows how far a build is; silent when there is nothing to do.
struct Display {
    terminal: Terminal,
    begun: Option<Instant>,
    /// When the last plain line was said.
    said: Option<Instant>,
    compiled: usize,
    spinner: Option<Spinner>,
}

/// Between two plain lines where no spinner can turn.
const PLAIN: Duration = Duration::from_secs(10);

impl Display {
    fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            begun: None,
            said: None,
            compiled: 0,
            spinner: None,
        }
    }

    fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Waiting => self.say("waiting for another cargo"),
            Progress::Compiling { name } => {
                self.begin();
                self.say(&format!("compiling {name}; crates done: {}", self.compiled));
            }
            Progress::Finished { compiled, .. } => self.compiled = compiled,
            _ => {}
        }
    }

    fn begin(&mut self) {
        if self.begun.is_none() {
            self.begun = Some(Instant::now());
            self.said = Some(Instant::now());
            self.terminal
                .say("building the worker program; the first time takes a minute or two");
        }
    }

    fn say(&mut self, what: &str) {
        let line = format!("building the worker program: {what}");
        if self.terminal.is_lively() {
            let terminal = self.terminal;
            let spinner = self.spinner.get_or_insert_with(|| terminal.spinner(""));
            spinner.say(line);
        } else if self.said.is_none_or(|said| said.elapsed() > PLAIN) {
            self.said = Some(Instant::now());
            self.terminal.say(line);
        }
    }

    fn end(&mut self, succeeded: bool) {
        self.spinner = None;
        if let Some(begun) = self.begun.filter(|_| succeeded) {
            self.terminal.say(format_args!(
                "built the worker program in {:.0?}",
                begun.elapsed()
            ));
        }
    }
}
