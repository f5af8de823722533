//! Images that are built from the checkout.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sconify::build::{self, Progress, Stage, Step, find_checkout};
use sconify::terminal;
use tokio::sync::oneshot;

use super::program::{Verified, Which, of_sconify};
use crate::failure::Failure;
use crate::folders::Exposure;
use crate::terminal::{Spinner, Terminal};

/// An image of this checkout, built if need be.
pub(super) async fn image(which: Which, terminal: &Terminal) -> Result<Verified, Failure> {
    let checkout = checkout(which)?;
    refuse_traps(which, &checkout)?;
    // Cargo would find the same, and say it among much else.
    registry::list(&checkout)
        .map_err(|error| Failure::of_registry(&error).advice("nothing was built"))?;
    let mut display = Display::new(which, *terminal);
    let cargo = Cargo::default();
    let shared = Arc::clone(&cargo.0);
    let (sender, built) = oneshot::channel();
    // On a thread of its own: nobody has to wait for it when the user has had enough.
    std::thread::spawn(move || {
        let mut plan = build::Plan::new(checkout);
        which.package().clone_into(&mut plan.package);
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
        Ok(Ok(image)) => Ok(Verified {
            reading: image.reading,
            from: image.folder,
        }),
        Ok(Err(error)) => Err(of_sconify(&error)),
        Err(_) => Err(Failure::failed(format_args!(
            "building {} image was given up",
            which.whose()
        ))),
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
fn checkout(which: Which) -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(Failure::failed)?;
    find_checkout(&here)
        .or_else(|error| match std::env::current_exe() {
            Ok(program) => find_checkout(&program).map_err(|_| error),
            Err(_) => Err(error),
        })
        .map_err(|error| {
            Failure::failed(error).advice(format_args!(
                "{} FILE takes an image that is built already",
                which.option()
            ))
        })
}

/// Building runs what stands in the checkout, which was only found: nobody else may have put it
/// there, as in `/tmp`.
fn refuse_traps(which: Which, checkout: &Path) -> Result<(), Failure> {
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
            "{} image is not built from the checkout {checkout}: {path} {what}",
            which.whose()
        ))
        .advice(format_args!(
            "run it in a checkout of your own that others cannot write to, or give an image that is \
             built already: {} FILE",
            which.option()
        )));
    }
    Ok(())
}

/// Shows how far a build is; silent when there is nothing to do.
struct Display {
    which: Which,
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
    fn new(which: Which, terminal: Terminal) -> Self {
        Self {
            which,
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
            self.terminal.say(format_args!(
                "building {} image; the first time takes a minute or two",
                self.which.whose()
            ));
        }
    }

    fn say(&mut self, what: &str) {
        let line = format!("building {} image: {what}", self.which.whose());
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
                "built {} image in {:.0?}",
                self.which.whose(),
                begun.elapsed()
            ));
        }
    }
}
