//! Building a package with cargo and learning where its program is.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use super::error::summary;
use super::{Error, environment};

/// What cargo is told, so that it says what it builds.
pub(super) const MESSAGES: &str = "--message-format=json-render-diagnostics";

/// Lines of cargo's output that an error repeats.
const TAIL: usize = 60;

/// How a program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Fast to build, slow to run.
    Dev,
    /// Optimised.
    Release,
}

impl Profile {
    /// The profile that the caller was itself built with.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(debug_assertions) {
            Self::Dev
        } else {
            Self::Release
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Cargo runs, and leads a process group of its own: whoever wants no program any more ends that.
    Started {
        /// Cargo's process id, which is the group's too.
        pid: u32,
    },
    /// Another cargo is using the build folder; this one waits for it.
    Waiting,
    /// Cargo has begun to compile this crate.
    Compiling {
        /// The crate's name.
        name: &'a str,
    },
    /// A crate, or its build script, is there.
    Finished {
        /// The crate's name.
        name: &'a str,
        /// Crates and build scripts compiled by this build so far.
        compiled: usize,
        /// Crates and build scripts that were there already.
        fresh: usize,
    },
}

/// Builds the program of `package` in `checkout` with `cargo build --locked` and gives the path of
/// its file. When it's built already this takes about as long as starting cargo.
///
/// `progress` is called on the caller's thread.
///
/// # Errors
///
/// [`Error::Tool`] if cargo can't be executed, [`Error::Cargo`] with the end of its output if it
/// fails, [`Error::NoProgram`] if the package has no program.
pub fn program(
    checkout: &Path,
    package: &str,
    profile: Profile,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(&cargo, checkout, package, profile);
    Ok(run(&mut command, package, progress)?.program)
}

/// What cargo has built.
#[derive(Debug)]
pub(super) struct Built {
    /// The package's program.
    pub(super) program: PathBuf,
    /// Everything that was compiled for it, now or earlier.
    pub(super) artifacts: Vec<Artifact>,
}

/// Something that was compiled (the Cargo Book, "Artifact Messages").
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Artifact {
    /// Source, name and version: see [`package_name`] and [`package_version`].
    pub(super) package_id: String,
    pub(super) manifest_path: PathBuf,
    pub(super) features: Vec<String>,
    pub(super) filenames: Vec<PathBuf>,
    target: Target,
    fresh: bool,
    executable: Option<PathBuf>,
}

/// Runs a cargo that builds `package` with [`MESSAGES`].
pub(super) fn run(
    cargo: &mut Command,
    package: &str,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Built, Error> {
    let mut running = Running::start(cargo, progress)?;
    let mut build = Build::new(package);
    let (sender, output) = mpsc::channel();
    let readers = [
        running
            .child
            .stdout
            .take()
            .map(|text| forward(text, Output::Message, sender.clone())),
        running
            .child
            .stderr
            .take()
            .map(|text| forward(text, Output::Status, sender)),
    ];
    for line in output {
        match line {
            Output::Message(line) => build.message(&line, progress),
            Output::Status(line) => build.status(line, progress),
        }
    }
    for reader in readers.into_iter().flatten() {
        // A reader that panicked has closed its pipe; what it read has been used.
        let _: thread::Result<()> = reader.join();
    }
    let status = running.end()?;
    build.end(status.success())
}

/// Runs a cargo that is asked for something, and returns what it prints.
pub(super) fn ask(
    cargo: &mut Command,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<String, Error> {
    let mut running = Running::start(cargo, progress)?;
    let stderr = running.child.stderr.take().map(|mut text| {
        thread::spawn(move || {
            let mut said = Vec::new();
            // What can't be read isn't shown.
            let _unread: io::Result<usize> = text.read_to_end(&mut said);
            said
        })
    });
    let mut printed = Vec::new();
    if let Some(mut text) = running.child.stdout.take() {
        let _unread: io::Result<usize> = text.read_to_end(&mut printed);
    }
    let said = stderr.and_then(|reader| reader.join().ok());
    let status = running.end()?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&printed).into_owned());
    }
    Err(Error::ToolFailed {
        tool: PathBuf::from(cargo.get_program()),
        said: summary(&String::from_utf8_lossy(&said.unwrap_or_default())).to_owned(),
    })
}

/// The process groups of all cargos that run now.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Ends every cargo that runs, and what it has started, because this process ends now.
pub(crate) fn abandon() {
    for pid in running().drain(..) {
        let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // Failing means that it has just ended.
            let _ended = kill_process_group(group, Signal::TERM);
        }
    }
}

fn running() -> MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cargo at work, in a process group of its own.
struct Running {
    child: Child,
    tool: PathBuf,
}

impl Running {
    fn start(cargo: &mut Command, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Self, Error> {
        let tool = PathBuf::from(cargo.get_program());
        let mut running = running();
        let child = cargo
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.map_err(|source| Error::Tool {
            tool: tool.clone(),
            source,
        })?;
        running.push(child.id());
        drop(running);
        progress(Progress::Started { pid: child.id() });
        Ok(Self { child, tool })
    }

    fn end(mut self) -> Result<ExitStatus, Error> {
        let status = self.child.wait();
        running().retain(|pid| *pid != self.child.id());
        status.map_err(|source| Error::Tool {
            tool: self.tool,
            source,
        })
    }
}

fn command(cargo: &OsStr, checkout: &Path, package: &str, profile: Profile) -> Command {
    let mut command = Command::new(cargo);
    command
        .args(["build", "--locked", "--package", package])
        .args(["--profile", profile.name()])
        .arg(MESSAGES)
        .current_dir(checkout);
    environment::of_user(&mut command);
    command
}

/// A line of cargo's output.
enum Output {
    /// Standard output: JSON.
    Message(String),
    /// Standard error: status and rendered diagnostics.
    Status(String),
}

fn forward(
    text: impl Read + Send + 'static,
    kind: fn(String) -> Output,
    to: mpsc::Sender<Output>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(text).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send(kind(line)).is_err() {
                return;
            }
        }
    })
}

/// The messages of cargo that matter here (the Cargo Book, "JSON messages").
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// The name in a package id, which ends in `#name@version`, or in `/name#version` where the folder
/// has the package's name.
pub(super) fn package_name(id: &str) -> &str {
    let (source, rest) = id.rsplit_once('#').unwrap_or(("", id));
    match rest.split_once('@') {
        Some((name, _)) => name,
        None => source.rsplit('/').next().unwrap_or(source),
    }
}

/// The version in a package id.
pub(super) fn package_version(id: &str) -> &str {
    let rest = id.rsplit_once('#').map_or(id, |(_, rest)| rest);
    rest.split_once('@').map_or(rest, |(_, version)| version)
}

/// What has been learned from the output so far.
struct Build<'a> {
    package: &'a str,
    compiled: usize,
    fresh: usize,
    program: Option<PathBuf>,
    artifacts: Vec<Artifact>,
    tail: VecDeque<String>,
}

impl<'a> Build<'a> {
    fn new(package: &'a str) -> Self {
        Self {
            package,
            compiled: 0,
            fresh: 0,
            program: None,
            artifacts: Vec::new(),
            tail: VecDeque::with_capacity(TAIL),
        }
    }

    fn message(&mut self, line: &str, progress: &mut dyn FnMut(Progress<'_>)) {
        let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(line) else {
            return;
        };
        if artifact.fresh {
            self.fresh += 1;
        } else {
            self.compiled += 1;
        }
        progress(Progress::Finished {
            name: package_name(&artifact.package_id),
            compiled: self.compiled,
            fresh: self.fresh,
        });
        // Only the named package's programs are linked; one of the package's name comes first.
        let Target { name, kind } = &artifact.target;
        if kind.iter().any(|kind| kind == "bin")
            && (self.program.is_none() || name == self.package)
            && let Some(executable) = &artifact.executable
        {
            self.program = Some(executable.clone());
        }
        self.artifacts.push(artifact);
    }

    fn status(&mut self, line: String, progress: &mut dyn FnMut(Progress<'_>)) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Compiling"), Some(name)) => progress(Progress::Compiling { name }),
            (Some("Blocking"), _) => progress(Progress::Waiting),
            _ => (),
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn end(mut self, succeeded: bool) -> Result<Built, Error> {
        let package = self.package.to_owned();
        if !succeeded {
            let diagnostics = self.tail.make_contiguous().join("\n");
            return Err(Error::Cargo {
                package,
                diagnostics,
            });
        }
        Ok(Built {
            program: self.program.ok_or(Error::NoProgram { package })?,
            artifacts: self.artifacts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids() {
        let index = "registry+https://github.com/rust-lang/crates.io-index#ring@0.17.14";
        assert_eq!(package_name(index), "ring");
        assert_eq!(
            package_name("path+file:///a/host#sconce-host@0.1.0"),
            "sconce-host"
        );
        assert_eq!(package_name("path+file:///a/small#0.0.0"), "small");
        assert_eq!(package_name("?"), "");
        assert_eq!(package_version(index), "0.17.14");
        assert_eq!(package_version("path+file:///a/small#0.0.0"), "0.0.0");
    }

    #[test]
    fn messages_become_progress_and_a_path() {
        let artifact = |name: &str, kind: &str, fresh: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///x/y#{name}@0.1.0","target":{{"kind":["{kind}"],"name":"{name}","src_path":"s"}},"manifest_path":"m","features":[],"filenames":[],"fresh":{fresh},"executable":{executable}}}"#
            )
        };
        let mut seen = Vec::new();
        let mut progress = |step: Progress<'_>| seen.push(format!("{step:?}"));
        let mut build = Build::new("sconce-worker");
        build.status("   Compiling ring v0.17.14".to_owned(), &mut progress);
        build.status(
            "    Blocking waiting for file lock on build directory".to_owned(),
            &mut progress,
        );
        build.message(&artifact("ring", "lib", true, "null"), &mut progress);
        build.message(
            &artifact("other", "bin", false, r#""/t/other""#),
            &mut progress,
        );
        build.message(
            &artifact("sconce-worker", "bin", false, r#""/t/sconce-worker""#),
            &mut progress,
        );
        build.message(
            &artifact("third", "bin", false, r#""/t/third""#),
            &mut progress,
        );
        build.message(
            r#"{"reason":"build-finished","success":true}"#,
            &mut progress,
        );
        build.message("not json", &mut progress);
        let built = build.end(true).unwrap();
        assert_eq!(built.program, Path::new("/t/sconce-worker"));
        assert_eq!(built.artifacts.len(), 4);
        assert_eq!(
            seen,
            [
                r#"Compiling { name: "ring" }"#,
                "Waiting",
                r#"Finished { name: "ring", compiled: 0, fresh: 1 }"#,
                r#"Finished { name: "other", compiled: 1, fresh: 1 }"#,
                r#"Finished { name: "sconce-worker", compiled: 2, fresh: 1 }"#,
                r#"Finished { name: "third", compiled: 3, fresh: 1 }"#,
            ]
        );
    }

    #[test]
    fn a_failure_carries_the_end_of_the_output() {
        let mut build = Build::new("x");
        for line in 0..2 * TAIL {
            build.status(format!("line {line}"), &mut |_| ());
        }
        let error = build.end(false).unwrap_err();
        assert_eq!(error.to_string(), "building x failed: line 119");
        let Error::Cargo { diagnostics, .. } = error else {
            panic!("{error}");
        };
        assert!(diagnostics.starts_with("line 60\n"), "{diagnostics}");
        assert!(diagnostics.ends_with("line 119"), "{diagnostics}");
        assert!(matches!(
            Build::new("x").end(true),
            Err(Error::NoProgram { .. })
        ));
    }
}
