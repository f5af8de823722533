//! A case: a command line and files, and what is promised about them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sconce_tests::complaint::{self, Complaint};
use sconce_tests::platform::sconce_program;
use serde_json::Value;
use simulator::Evidence;
use tempfile::TempDir;

use crate::sample;

/// What is wrong, if anything is.
pub(crate) type Verdict = Result<(), String>;

/// A command line, what it finds, and what must happen.
pub(crate) struct Case {
    name: String,
    /// Options of `verify` with their values, or words.
    options: Vec<(String, Option<String>)>,
    words: Vec<String>,
    files: BTreeMap<String, Option<Vec<u8>>>,
    expected: Expected,
    says: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Expected {
    /// Exit status 1 and `error[quote.refused]: refused at …`
    Refused(&'static str),
    /// `error[code]: …`, with this exit status.
    Failed(u8, &'static str),
    /// What clap says of a command line that has no meaning.
    Usage,
}

impl Case {
    /// A verification of the sample that is refused at a stage.
    pub(crate) fn verify(name: &str, stage: &'static str) -> Self {
        let fingerprint = sample::fingerprint();
        let now = sample::NOW.to_string();
        let options = [
            ("--quote", "quote"),
            ("--collateral", "collateral.json"),
            ("--root", "root.der"),
            ("--trust-root", fingerprint.as_str()),
            ("--policy", "policy.toml"),
            ("--now", now.as_str()),
        ];
        Self {
            name: name.to_owned(),
            options: options
                .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
                .into(),
            words: vec!["verify".to_owned()],
            files: BTreeMap::new(),
            expected: Expected::Refused(stage),
            says: None,
        }
        .evidence(sample::evidence())
        .file("policy.toml", sample::policy())
    }

    /// One that cannot even be tried.
    pub(crate) fn unusable(name: &str, code: &'static str) -> Self {
        Self {
            expected: Expected::Failed(2, code),
            ..Self::verify(name, "")
        }
    }

    /// A command line that has no meaning.
    pub(crate) fn usage(name: &str) -> Self {
        Self {
            expected: Expected::Usage,
            ..Self::verify(name, "")
        }
    }

    /// Other words than those of `verify`.
    pub(crate) fn words(mut self, words: &str) -> Self {
        self.words = words.split_whitespace().map(str::to_owned).collect();
        self.options.clear();
        self
    }

    /// It was tried and failed.
    pub(crate) fn failing(mut self, code: &'static str) -> Self {
        self.expected = Expected::Failed(1, code);
        self
    }

    pub(crate) fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.options.retain(|(one, _)| one != name);
        self.options.push((name.to_owned(), Some(value.into())));
        self
    }

    /// The same option, once more.
    pub(crate) fn again(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.options.retain(|(one, _)| one != name);
        self
    }

    pub(crate) fn evidence(self, evidence: &Evidence) -> Self {
        self.file("quote", evidence.quote.clone())
            .file("collateral.json", evidence.collateral.to_json())
            .file("root.der", evidence.root.clone())
    }

    pub(crate) fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.to_owned(), Some(bytes.into()));
        self
    }

    pub(crate) fn folder(mut self, name: &str) -> Self {
        self.files.insert(name.to_owned(), None);
        self
    }

    pub(crate) fn absent(mut self, name: &str) -> Self {
        self.files.remove(name);
        self
    }

    /// A file with a change.
    pub(crate) fn changed(mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let file = self.files.get_mut(name).and_then(Option::as_mut);
        change(file.unwrap());
        self
    }

    /// A part of the line.
    pub(crate) fn says(mut self, part: &'static str) -> Self {
        self.says = Some(part);
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn code(&self) -> Option<&'static str> {
        match self.expected {
            Expected::Refused(_) => Some("quote.refused"),
            Expected::Failed(_, code) => Some(code),
            Expected::Usage => None,
        }
    }

    pub(crate) fn stage(&self) -> Option<&'static str> {
        match self.expected {
            Expected::Refused(stage) => Some(stage),
            _ => None,
        }
    }

    /// Runs it, for people and for programs.
    pub(crate) fn check(&self) -> Verdict {
        let folder = self.lay_out();
        let before = contents(folder.path());
        for json in [false, true] {
            let output = self.run(folder.path(), json);
            let shown = || format!("\n{output:?}");
            self.judge(&output, json).map_err(|why| why + &shown())?;
            if before != contents(folder.path()) {
                return Err(format!("it changed files{}", shown()));
            }
        }
        Ok(())
    }

    /// What it says.
    pub(crate) fn output(&self, json: bool) -> Output {
        self.run(self.lay_out().path(), json)
    }

    fn lay_out(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in &self.files {
            let path = folder.path().join(name);
            match bytes {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => fs::create_dir(path).unwrap(),
            }
        }
        folder
    }

    fn run(&self, folder: &Path, json: bool) -> Output {
        let options = self.options.iter();
        Command::new(sconce_program())
            .arg("quote")
            .args(&self.words)
            .args(
                options
                    .flat_map(|(name, value)| [Some(name), value.as_ref()])
                    .flatten(),
            )
            .args(json.then_some("--json"))
            .current_dir(folder)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn judge(&self, output: &Output, json: bool) -> Verdict {
        complaint::no_panic(output)?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let (exit, code) = match self.expected {
            Expected::Refused(_) => (1, "quote.refused"),
            Expected::Failed(exit, code) => (exit, code),
            Expected::Usage => return complaint::of_usage(output),
        };
        let found = Complaint::read(output, exit, code, false)?;
        found.says(self.says)?;
        if let Expected::Refused(stage) = self.expected {
            let start = format!("refused at {stage}: ");
            if !found.message.starts_with(&start) {
                return Err(format!("it does not begin with {start:?}"));
            }
        }
        if json {
            return self.judge_json(&stdout, code, &found);
        }
        // A refusal by the policy shows all rules; the quoting enclave's DEBUG is no rule of a policy.
        let shows = stdout.starts_with("Refused: ") && stdout.contains("\nBROKEN  ");
        match self.stage() {
            Some("policy") if !shows => Err("it does not print the rules".to_owned()),
            Some("policy" | "policy-debug") if shows => Ok(()),
            _ if stdout.is_empty() => Ok(()),
            _ => Err("it prints results".to_owned()),
        }
    }

    fn judge_json(&self, stdout: &str, code: &str, found: &Complaint) -> Verdict {
        let value: Value =
            serde_json::from_str(stdout).map_err(|fault| format!("no JSON on stdout: {fault}"))?;
        let error = &value["error"];
        if error["code"] != code || error["message"] != found.message {
            return Err(format!("the JSON says something else: {value}"));
        }
        let Some(stage) = self.stage() else {
            return match value.get("verdict") {
                None => Ok(()),
                Some(verdict) => Err(format!("the verdict is {verdict} without any evidence")),
            };
        };
        if value["verdict"] != "refused" || value["stage"] != stage {
            return Err(format!("the JSON has another verdict: {value}"));
        }
        Ok(())
    }
}

/// Names and bytes of everything in a folder.
fn contents(folder: &Path) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().into_vec(), bytes)
        })
        .collect()
}
