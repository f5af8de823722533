//! Images of a small program: what is built, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use sconce_sconify::build::{self, Image, Plan, Stage, Step};
use sconce_sconify::terminal::Terminal;
use sconce_sconify::{Error, Fault as _};
use tempfile::TempDir;

const CONFIG: &str = "\
name = \"small\"\nproduct_id = 7\nsecurity_version = 1\n\
[heap]\nsize = \"1 MiB\"\n[threads]\ncount = 1\nstack = \"64 KiB\"\n";

/// A checkout with one enclave program, which depends on nothing.
fn checkout(main: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"small\"]\nresolver = \"3\"\n\
         [profile.enclave]\ninherits = \"release\"\nstrip = \"none\"\n",
    );
    write("workloads.json", "{}");
    write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"sconce-small\"\nversion = \"0.0.0\"\n",
    );
    write(
        "small/Cargo.toml",
        "[package]\nname = \"sconce-small\"\nversion = \"0.0.0\"\nedition = \"2024\"\n",
    );
    write("small/src/main.rs", main);
    write("small/enclave.toml", CONFIG);
    // What every static program has, with the reasons.
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/symbols.toml");
    let list = fs::read_to_string(list).unwrap();
    let more = "\n[[allow]]\nsymbols = ['__nss_have_*', '__nss_not_use_*']\nreason = 'settings, no code'\n";
    write("small/symbols.toml", &format!("{list}{more}"));
    folder
}

fn image(checkout: &TempDir) -> Result<(Image, Vec<Stage>), Error> {
    let mut plan = Plan::new(checkout.path().to_owned());
    plan.package = "sconce-small".to_owned();
    let mut stages = Vec::new();
    let image = build::image(&plan, &Terminal::new(false, true), &mut |step| {
        if let Step::Begins(stage) = step {
            stages.push(stage);
        }
    });
    Ok((image?, stages))
}

const HELLO: &str = "fn main() { println!(\"hello from line {}\", line!()) }";

#[test]
fn two_checkouts_make_one_image_and_each_makes_it_once() {
    let (one, other) = (checkout(HELLO), checkout(HELLO));
    let (first, stages) = image(&one).unwrap();
    assert!(!first.unchanged);
    assert!(
        stages.is_sorted() && stages.contains(&Stage::Sign),
        "{stages:?}"
    );
    let (second, _) = image(&other).unwrap();
    assert_ne!(first.folder, second.folder);
    assert_eq!(first.measurement(), second.measurement());
    assert_eq!(first.provenance, second.provenance);
    let names = |image: &Image| {
        image
            .provenance
            .sources
            .files
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&first),
        [
            "Cargo.lock",
            "Cargo.toml",
            "small/Cargo.toml",
            "small/src/main.rs"
        ]
    );

    let (again, stages) = image(&one).unwrap();
    assert!(again.unchanged);
    assert_eq!(stages, [Stage::Compile, Stage::Verify]);

    // What somebody has changed is made anew.
    let stream = again.folder.join("enclave/small.sgxs");
    let mut bytes = fs::read(&stream).unwrap();
    bytes[4000] ^= 1;
    fs::write(&stream, bytes).unwrap();
    let (mended, _) = image(&one).unwrap();
    assert!(!mended.unchanged);
    assert_eq!(mended.measurement(), first.measurement());

    // Another parameter is another enclave, without compiling anything.
    let config = one.path().join("small/enclave.toml");
    fs::write(config, CONFIG.replace("count = 1", "count = 2")).unwrap();
    let (wider, _) = image(&one).unwrap();
    assert_eq!(wider.provenance, first.provenance);
    assert_ne!(wider.measurement(), first.measurement());
}

#[test]
fn a_program_that_names_its_folder_is_refused() {
    let checkout = checkout("fn main() { println!(env!(\"CARGO_MANIFEST_DIR\")) }");
    let error = image(&checkout).unwrap_err();
    assert_eq!(error.code(), "build.folder", "{error}");
    assert!(!checkout.path().join("target/sconify/small").exists());
}

#[test]
fn a_program_that_resolves_names_is_refused() {
    let checkout = checkout(
        "use std::net::ToSocketAddrs;\n\
         fn main() { println!(\"{:?}\", \"localhost:1\".to_socket_addrs()) }",
    );
    let error = image(&checkout).unwrap_err();
    assert_eq!(error.code(), "build.symbols", "{error}");
    let Error::Build(build::Error::Symbols { unlisted, .. }) = error else {
        panic!("{error}");
    };
    let names: Vec<_> = unlisted.iter().map(|one| one.symbol.as_str()).collect();
    assert!(names.contains(&"getaddrinfo"), "{names:?}");
    assert!(unlisted.iter().any(|one| one.way == "resolves names"));
}

#[test]
fn a_program_that_does_not_compile_leaves_nothing_behind() {
    let checkout = checkout("fn main() { let x: u8 = \"text\"; }");
    let error = image(&checkout).unwrap_err();
    assert_eq!(error.code(), "build.cargo", "{error}");
    assert!(error.to_string().contains("error[E0308]"), "{error}");
    assert!(!checkout.path().join("target/sconify/small").exists());
}

#[test]
fn what_is_missing_is_said_before_anything_is_compiled() {
    let checkout = checkout(HELLO);
    fs::write(checkout.path().join("small/enclave.toml"), "name = 1\n").unwrap();
    let error = image(&checkout).unwrap_err();
    assert!(error.to_string().contains("small/enclave.toml"), "{error}");
    fs::remove_file(checkout.path().join("small/enclave.toml")).unwrap();
    assert_eq!(image(&checkout).unwrap_err().code(), "file.io");
    assert!(!checkout.path().join("target/sconify/build").exists());
}
