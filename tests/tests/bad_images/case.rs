//! A case: a command line and files, and what is promised about them.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sconce_tests::complaint::{self, Complaint};
use serde_json::Value;

use crate::sandbox::{Entry, Fixtures, Sandbox};

/// What is wrong, if anything is.
pub(crate) type Verdict = Result<(), String>;

/// A command line, what it finds, and what must happen.
pub(crate) struct Case {
    name: String,
    arguments: Vec<OsString>,
    entries: Vec<(OsString, Entry)>,
    environment: Vec<(&'static str, &'static str)>,
    way: Way,
    expected: Expected,
    says: Option<&'static str>,
    chatty: bool,
}

/// How the command is started.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// As ever.
    Plain,
    /// As a user who may read what everybody may, where the tests themselves run as root.
    Nobody,
    /// No file may get longer than so many units of 512 bytes.
    FileLimit(u32),
    /// Its output goes to a full disk.
    FullOutput,
    /// On a disk with no more room than so many KiB.
    FullDisk(u32),
}

enum Expected {
    /// `error[code]: …`
    Refused(u8, &'static str),
    /// The same after a result that is no: exit status 1.
    No(&'static str),
    /// What clap says of a command line that has no meaning.
    Usage,
}

/// A command line whose words are apart by blanks, which is refused with a code: exit status 2.
pub(crate) fn unusable(name: &str, arguments: &str, code: &'static str) -> Case {
    Case::new(name, arguments, Expected::Refused(2, code))
}

/// One that fails: exit status 1.
pub(crate) fn failed(name: &str, arguments: &str, code: &'static str) -> Case {
    Case::new(name, arguments, Expected::Refused(1, code))
}

/// One whose answer is no, with results that say more: exit status 1.
pub(crate) fn no(name: &str, arguments: &str, code: &'static str) -> Case {
    Case::new(name, arguments, Expected::No(code))
}

/// One that has no meaning.
pub(crate) fn usage(name: &str, arguments: &str) -> Case {
    Case::new(name, arguments, Expected::Usage)
}

impl Case {
    fn new(name: &str, arguments: &str, expected: Expected) -> Self {
        Self {
            name: name.to_owned(),
            arguments: arguments.split_whitespace().map(OsString::from).collect(),
            entries: Vec::new(),
            environment: Vec::new(),
            way: Way::Plain,
            expected,
            says: None,
            chatty: false,
        }
    }

    /// A file that is there.
    pub(crate) fn file(mut self, path: impl Into<OsString>, bytes: impl Into<Vec<u8>>) -> Self {
        self.entries.push((path.into(), Entry::File(bytes.into())));
        self
    }

    /// Something else that is there.
    pub(crate) fn entry(mut self, path: impl Into<OsString>, entry: Entry) -> Self {
        self.entries.push((path.into(), entry));
        self
    }

    /// One more argument, whatever is in it.
    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    pub(crate) fn started(mut self, way: Way) -> Self {
        self.way = way;
        self
    }

    /// A part of the line.
    pub(crate) fn says(mut self, part: &'static str) -> Self {
        self.says = Some(part);
        self
    }

    /// It says other things before, such as what it's about to do.
    pub(crate) fn chatty(mut self) -> Self {
        self.chatty = true;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn code(&self) -> Option<&'static str> {
        match self.expected {
            Expected::Refused(_, code) | Expected::No(code) => Some(code),
            Expected::Usage => None,
        }
    }

    /// Runs it, for people and for programs.
    pub(crate) fn check(&self, fixtures: &Fixtures) -> Verdict {
        let sandbox = match self.way {
            Way::FullDisk(_) => Sandbox::on_own_disk(fixtures),
            _ => Some(Sandbox::new(fixtures)),
        };
        let Some(sandbox) = sandbox else {
            sconce_tests::skipped::skipped(&self.name, "mounting a tmpfs needs root");
            return Ok(());
        };
        for (path, entry) in &self.entries {
            sandbox.put(path, entry);
        }
        if let Way::FullDisk(room) = self.way {
            sandbox.fill(room);
        }
        let before = sandbox.contents();
        for json in [false, true] {
            let output = self.run(&fixtures.program(), sandbox.path(), json);
            let shown = || format!("\n{output:?}");
            self.judge(&output, json).map_err(|why| why + &shown())?;
            let after = sandbox.contents();
            if before != after {
                let changed: Vec<_> = before.symmetric_difference(&after).collect();
                return Err(format!("it changed {changed:?}{}", shown()));
            }
        }
        Ok(())
    }

    fn run(&self, program: &Path, folder: &Path, json: bool) -> Output {
        let mut command = match self.way {
            Way::FileLimit(units) => {
                let mut shell = Command::new("sh");
                let script = format!("ulimit -f {units} && exec \"$0\" \"$@\"");
                shell.arg("-c").arg(script).arg(program);
                shell
            }
            _ => Command::new(program),
        };
        command
            .arg("sconify")
            .args(json.then_some("--json"))
            .args(&self.arguments)
            .current_dir(folder)
            .env_remove("SOURCE_DATE_EPOCH")
            .env("RUST_BACKTRACE", "1")
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if matches!(self.way, Way::FullOutput) {
            let full = std::fs::File::options().write(true).open("/dev/full");
            command.stdout(full.unwrap());
        }
        if matches!(self.way, Way::Nobody) && rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command.spawn().unwrap().wait_with_output().unwrap()
    }

    fn judge(&self, output: &Output, json: bool) -> Verdict {
        complaint::no_panic(output)?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let (exit, code) = match self.expected {
            Expected::Refused(exit, code) => (exit, code),
            Expected::No(code) => (1, code),
            Expected::Usage => return complaint::of_usage(output),
        };
        let found = Complaint::read(output, exit, code, self.chatty)?;
        found.says(self.says)?;
        match (&self.expected, self.way, json) {
            (Expected::No(_), _, true) => is_json(&stdout).map(|_| ()),
            (Expected::No(_), _, false) if stdout.is_empty() => Err("it prints nothing".to_owned()),
            (Expected::No(_), _, false) | (_, Way::FullOutput, _) => Ok(()),
            (_, _, true) => judge_json(&stdout, code, &found),
            (_, _, false) if stdout.is_empty() => Ok(()),
            (_, _, false) => Err("it prints results".to_owned()),
        }
    }
}

fn judge_json(stdout: &str, code: &str, found: &Complaint) -> Verdict {
    let value = is_json(stdout)?;
    let error = &value["error"];
    let told = (error["code"].as_str(), error["message"].as_str());
    if told != (Some(code), Some(&found.message))
        || error["advice"].as_str() != found.advice.as_deref()
    {
        return Err(format!("the JSON says something else: {value}"));
    }
    Ok(())
}

fn is_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|fault| format!("no JSON on stdout: {fault}"))
}
