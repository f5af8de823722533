//! Manifests and sessions as others write them: each is read, written anew, and read as the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sconce_sconify::gramine::Manifest;
use sconce_sconify::located::Located;
use sconce_sconify::scone::{Service, Session};

/// Calls `check` with the name and the text of every golden file of a folder.
fn each(folder: &str, check: impl Fn(&str, &str)) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        check(&name, &fs::read_to_string(&file).unwrap());
    }
}

/// The text as it is written anew, and what is said of it.
fn shown(text: &str, said: &[Located]) -> String {
    let said: String = said.iter().map(|fault| format!("# {fault}\n")).collect();
    format!("{said}\n{text}")
}

#[test]
fn manifests() {
    each("gramine", |name, text| {
        let manifest = Manifest::parse(text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let written = manifest.to_toml().unwrap();
        assert_eq!(Manifest::parse(&written).as_ref(), Ok(&manifest), "{name}");
        let said = manifest.concessions();
        insta::assert_snapshot!(format!("gramine-{name}"), shown(&written, &said));
    });
}

#[test]
fn sessions() {
    each("scone", |name, text| {
        let session = Session::parse(text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let written = session.to_yaml().unwrap();
        assert_eq!(Session::parse(&written).as_ref(), Ok(&session), "{name}");
        let said: Vec<_> = session
            .gaps()
            .into_iter()
            .chain(session.concessions())
            .collect();
        insta::assert_snapshot!(format!("scone-{name}"), shown(&written, &said));
    });
}

/// Each line of a golden file that has a key, with that key misspelt: nothing passes.
#[test]
fn no_misspelt_key_passes() {
    let misspelt = |text: &str, mark: char| {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let keyed = |line: &str| {
            let line = line.trim_start().trim_start_matches("- ");
            let key = line.split(mark).next().unwrap_or_default().trim();
            let word = |c: char| c.is_ascii_lowercase() || "_.".contains(c) || c.is_ascii_digit();
            (line.contains(mark) && !key.is_empty() && key.chars().all(word))
                .then(|| key.to_owned())
        };
        let mut texts = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if let Some(key) = keyed(line) {
                let mut changed = lines.clone();
                changed[index] = line.replacen(&key, &format!("{key}x"), 1);
                texts.push((key, changed.join("\n")));
            }
        }
        assert!(texts.len() > 5);
        texts
    };
    // Names that the writer of a manifest or session chooses.
    let free = ["default", "request"];
    each("gramine", |name, text| {
        for (key, changed) in misspelt(text, '=') {
            let passes = Manifest::parse(&changed).is_ok();
            assert_eq!(
                passes,
                free.contains(&key.as_str()) && key != "request",
                "{name}: {key}"
            );
        }
    });
    each("scone", |name, text| {
        for (key, changed) in misspelt(text, ':') {
            assert!(Session::parse(&changed).is_err(), "{name}: {key}");
        }
    });
}

proptest! {
    /// Texts of every kind stand where texts may stand, and come back as they were.
    #[test]
    fn texts_come_back(
        variable in "[A-Za-z_][A-Za-z0-9_]{0,8}",
        value in "[^\0]{0,80}",
        arguments in prop::collection::vec("[^\0]{0,24}", 1..4),
    ) {
        prop_assume!(!value.contains("$$SCONE::"));
        let session = Session {
            name: "a".to_owned(),
            services: vec![Service {
                name: "b".to_owned(),
                environment: [(variable, value)].into(),
                command: Some(sconce_sconify::scone::Command(
                    sconce_sconify::scone::OneOrMany::Many(arguments),
                )),
                ..Service::default()
            }],
            ..Session::default()
        };
        let text = session.to_yaml().unwrap();
        prop_assert_eq!(Session::parse(&text), Ok(session), "{}", text);
    }

    /// No text makes the readers panic, and what they say is one line.
    #[test]
    fn readers_refuse_in_one_line(text in "[ -~\n\t{}:\\[\\]&*!|>'\"#%@-]{0,200}") {
        if let Err(fault) = Session::parse(&text) {
            prop_assert!(!fault.to_string().contains('\n'), "{fault}");
        }
        if let Err(fault) = Manifest::parse(&text) {
            prop_assert!(!fault.to_string().contains('\n'), "{fault}");
        }
    }
}
