//! A text in any of the guises that programs give texts, and where it is looked for.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use protocol::{Entropy as _, SystemEntropy};

/// What tells that a text, of ASCII, was there.
#[derive(Clone)]
pub(crate) struct Trace {
    text: String,
    guises: Vec<String>,
}

impl Trace {
    /// That of a text that nobody else has.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 24];
        SystemEntropy::new().fill(&mut bytes).unwrap();
        Self::of(&format!("canary-{}", hex::encode(bytes)))
    }

    /// That of this one.
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let hexadecimal = hex::encode(bytes);
        let mut guises = vec![
            text.to_owned(),
            text.chars().rev().collect(),
            text.chars().flat_map(|c| [c, '\0']).collect(),
            // Within JSON.
            text.replace('\n', "\\n"),
            hexadecimal.to_uppercase(),
            hexadecimal,
        ];
        // In base64 it depends on how many bytes stand before, and begins and ends with those of others.
        guises.extend((0..3).map(|before| {
            let shifted = [&vec![0; before][..], bytes].concat();
            let end = shifted.len() / 3 * 4;
            STANDARD.encode(&shifted)[before.div_ceil(3) * 4..end].to_owned()
        }));
        Self {
            text: text.to_owned(),
            guises,
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is in there.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let contains = |guise: &String| memmem::find(bytes, guise.as_bytes()).is_some();
        self.guises.iter().any(contains)
    }
}

/// Files in this folder, or in one in it, that have it.
pub(crate) fn files_with(trace: &Trace, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if trace.is_in(entry.file_name().as_encoded_bytes()) {
            found.push(path.clone());
        }
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            found.extend(files_with(trace, &path));
        } else if kind.is_file() && fs::read(&path).is_ok_and(|bytes| trace.is_in(&bytes)) {
            found.push(path);
        }
    }
    found
}

/// Processes that have it on their command line or in their environment: all that this one may look at.
pub(crate) fn processes_with(trace: &Trace) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let folder = entry.unwrap().path();
        for file in ["cmdline", "environ"] {
            let path = folder.join(file);
            if fs::read(&path).is_ok_and(|bytes| trace.is_in(&bytes)) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn it_is_found_in_every_guise() {
    let trace = Trace::random();
    let text = trace.text().to_owned();
    for before in ["", "a", "ab", "abc", "abcd"] {
        let whole = format!("{before}{text}{before}");
        assert!(trace.is_in(whole.as_bytes()));
        assert!(trace.is_in(STANDARD.encode(&whole).as_bytes()), "{before}");
        assert!(trace.is_in(hex::encode(&whole).as_bytes()));
        assert!(trace.is_in(hex::encode_upper(&whole).as_bytes()));
    }
    assert!(!trace.is_in(Trace::random().text().as_bytes()));

    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    assert!(files_with(&trace, folder.path()).is_empty());
    let file = inner.join("file");
    fs::write(&file, STANDARD.encode(&text)).unwrap();
    assert_eq!(files_with(&trace, folder.path()), [file]);
}

#[test]
fn it_is_found_with_a_process() {
    let (told, given) = (Trace::random(), Trace::random());
    let mut child = std::process::Command::new("sleep")
        .args(["60"])
        .env("SCONCE_TEST_CANARY", given.text())
        .spawn()
        .unwrap();
    // The kernel lets go of us a moment before it has laid out the new program's environment.
    let shown = format!("/proc/{}/environ", child.id());
    while fs::read(&shown).unwrap().is_empty() {
        std::thread::yield_now();
    }
    let environment = processes_with(&given);
    let nobody = processes_with(&told);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(environment, [PathBuf::from(shown)]);
    assert!(nobody.is_empty(), "{nobody:?}");
}
