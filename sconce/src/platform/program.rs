//! The worker program: that of an image, which was given or is built from the checkout, or a bare
//! program that was given.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sconify::build::{self, Image, Progress, Stage, Step, find_checkout};
use sconify::reading::Reading;
use sconify::verify::{Expected, verify_reading};
use sconify::{Fault as _, terminal};
use tokio::sync::oneshot;

use super::image::Measured;
use crate::failure::Failure;
use crate::folders::Exposure;
use crate::terminal::{Spinner, Terminal};

/// A worker program.
#[derive(Debug)]
pub(crate) enum Program {
    /// A file that is run as it is.
    Bare(PathBuf),
    /// That in the measured pages of an image, which is launched on a platform.
    Measured(Measured),
}

/// The worker program, built if need be. What an image's enclave is made of is put into `folder`, where
/// it stays what was verified for as long as the platform runs.
pub(crate) async fn locate(
    image: Option<&Path>,
    folder: &Path,
    terminal: &Terminal,
) -> Result<Program, Failure> {
    let (reading, from) = match image {
        None => {
            let image = built(terminal).await?;
            (image.reading, image.folder)
        }
        Some(path) => {
            let path = path.canonicalize().map_err(|_| {
                Failure::unusable(format_args!("there is no file {}", path.display())).advice(
                    "give an image, or the worker program's file, as in \
                     --image target/release/sconce-worker",
                )
            })?;
            if is_bare(&path).map_err(Failure::unusable)? {
                return Ok(Program::Bare(path));
            }
            (verified(&path)?, path)
        }
    };
    Measured::place(&reading, &from, folder).map(Program::Measured)
}

/// Whether it's a program and no image: images are folders and tars.
fn is_bare(path: &Path) -> io::Result<bool> {
    /// Where a tar's first header says what it is (POSIX, ustar).
    const MAGIC: SeekFrom = SeekFrom::Start(257);
    if path.is_dir() {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    let mut magic = [0; 5];
    file.seek(MAGIC)?;
    match file.read_exact(&mut magic) {
        Ok(()) => Ok(&magic != b"ustar"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
        Err(error) => Err(error),
    }
}

/// An image that is what it says.
fn verified(path: &Path) -> Result<Reading, Failure> {
    let quiet = terminal::Terminal::new(false, true);
    let reading = Reading::open(path).map_err(|error| of_sconify(&error))?;
    let verification = verify_reading(&reading, &Expected::default(), &quiet)
        .map_err(|error| of_sconify(&error))?;
    verification.answer().map_err(|failed| {
        Failure::failed(format_args!("{}: {failed}", path.display())).advice(format_args!(
            "sconce sconify verify {} says more",
            path.display()
        ))
    })?;
    Ok(reading)
}

/// The image of this checkout, built if need be.
async fn built(terminal: &Terminal) -> Result<Image, Failure> {
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
        let plan = build::Plan::new(checkout);
        let quiet = terminal::Terminal::new(false, true);
        let image = build::image(&plan, &quiet, &mut |step| {
            if let Step::Cargo(Progress::Started { pid }) = step {
                Cargo::started(&shared, pid);
            }
            display.show(step);
        });
        *lock(&shared) = Build::Over;
        display.end(image.is_ok());
        // The receiver has gone if the user has had enough.
        let _gone = sender.send(image);
    });
    match built.await {
        Ok(image) => image.map_err(|error| of_sconify(&error)),
        Err(_) => Err(Failure::failed("building the worker's image was given up")),
    }
}

/// Why there is no image, or it can't be used, with what a compiler says of it.
pub(super) fn of_sconify(error: &sconify::Error) -> Failure {
    let failure = match error {
        sconify::Error::Build(build::Error::Cargo {
            package,
            diagnostics,
        }) => Failure::failed(format_args!("building {package} failed:\n{diagnostics}")),
        _ => Failure::failed(format_args!("{error} ({})", error.code())),
    };
    match error.advice() {
        Some(advice) => failure.advice(advice),
        None => failure,
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
                .advice("--image FILE takes an image, or a worker program that is built already")
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
            "the worker's image is not built from the checkout {checkout}: {path} {what}"
        ))
        .advice(
            "run it in a checkout of your own that others cannot write to, or give an image or a \
             program that is built already: --image FILE",
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

    fn show(&mut self, step: Step<'_>) {
        match step {
            Step::Waiting => self.say("waiting for another build of this checkout"),
            Step::Begins(stage) if self.begun.is_some() && stage != Stage::Compile => {
                self.say(&stage.to_string());
            }
            Step::Cargo(progress) => self.compile(progress),
            _ => {}
        }
    }

    fn compile(&mut self, progress: Progress<'_>) {
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
                .say("building the worker's image; the first time takes a minute or two");
        }
    }

    fn say(&mut self, what: &str) {
        let line = format!("building the worker's image: {what}");
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
                "built the worker's image in {:.0?}",
                begun.elapsed()
            ));
        }
    }
}
