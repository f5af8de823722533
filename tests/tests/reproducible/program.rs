//! What must not be in the program, looked for without `sconify`'s own eyes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSymbol as _};
use sconce_tests::image;
use sconify::build::review::AllowList;
use sconify::elf::Program;

use super::{checkout, sconify};

fn linked() -> (PathBuf, Vec<u8>) {
    image::worker();
    let path = sconify::build::place(&checkout())
        .join("build/x86_64-unknown-linux-gnu/enclave/sconce-worker");
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn no_page_is_writable_and_executable() {
    let (_, bytes) = linked();
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let mut loaded = 0;
    for header in file.elf_program_headers() {
        let (kind, flags) = (header.p_type(LittleEndian), header.p_flags(LittleEndian));
        if kind == object::elf::PT_LOAD {
            loaded += 1;
        }
        assert_ne!(
            kind,
            object::elf::PT_INTERP,
            "a dynamic loader is asked for"
        );
        let both = object::elf::PF_W.0 | object::elf::PF_X.0;
        assert_ne!(flags.0 & both, both, "{kind:?}");
    }
    assert!(loaded >= 3);
}

#[test]
fn no_folder_of_this_machine_is_in_its_strings() {
    let (_, bytes) = linked();
    let mut folders = vec![
        checkout().to_str().unwrap().to_owned(),
        "/target/sconify".to_owned(),
        "/.cargo/".to_owned(),
        "index.crates.io".to_owned(),
    ];
    if let Some(home) = std::env::home_dir().filter(|home| home.as_os_str().len() > 1) {
        folders.push(format!("{}/", home.display()));
    }
    for folder in folders {
        let found = bytes
            .windows(folder.len())
            .position(|window| window == folder.as_bytes());
        assert_eq!(found, None, "{folder} is in the program");
    }
    // And the names that stand for them are: the search finds what is there.
    let mapped = b"/cargo/registry/";
    assert!(bytes.windows(mapped.len()).any(|window| window == mapped));
}

#[test]
fn it_is_not_cpp_and_starts_nothing() {
    let (_, bytes) = linked();
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).unwrap();
    let names: BTreeSet<_> = file
        .symbols()
        .filter(|symbol| symbol.is_definition())
        .filter_map(|symbol| symbol.name().ok())
        .collect();
    assert!(names.len() > 1000, "the symbols are there");
    for name in [
        "__gxx_personality_v0",
        "__cxa_throw",
        "_Znwm",
        "getaddrinfo",
        "gethostbyname",
        "execve",
        "posix_spawn",
        "system",
        "fork",
        "setlocale",
        "iconv_open",
    ] {
        assert!(!names.contains(name), "{name} is in the program");
    }
    // An empty C program would have it too: that's why there is a list.
    assert!(names.contains("__libc_dlopen_mode"));
}

#[test]
fn every_entry_of_the_reviewed_list_is_needed() {
    let list = AllowList::read(&checkout().join("worker/symbols.toml")).unwrap();
    let (path, _) = linked();
    let symbols = Program::read(&path).unwrap().raw_symbols().unwrap();
    assert_eq!(list.unlisted(&symbols), []);
    assert_eq!(list.unused(&symbols), [""; 0]);
}

#[test]
fn the_program_lists_what_is_measured() {
    let image = image::worker();
    let listed = Command::new(image.program())
        .arg("--list")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let listed: Vec<_> = listed.lines().collect();

    let workloads = registry::list(&checkout()).unwrap();
    let ids: Vec<_> = workloads
        .iter()
        .map(|workload| workload.id.as_str())
        .collect();
    assert_eq!(listed, ids);

    let inspected = sconify(&image.folder, &["inspect", "--json", "."]);
    let inspected: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    let measured: Vec<_> = inspected["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|workload| workload["id"].as_str().unwrap())
        .collect();
    assert_eq!(measured, ids);
}
