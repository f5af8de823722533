//! What fuzzers have found, run through the functions that they call: so it's tested everywhere, and
//! without a fuzzer. `docs/testing.md` says how the files came about.

use std::fs;
use std::path::{Path, PathBuf};

use sconce_tests::vectors::checkout;

/// The files of a target's corpus.
fn files(target: &str) -> Vec<PathBuf> {
    let folder = checkout().join(Path::new("fuzz/corpus")).join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_file_passes() {
    for (target, run) in fuzz::TARGETS {
        let files = files(target);
        println!("{target}: {} files", files.len());
        for file in &files {
            let data = fs::read(file).unwrap();
            let passed = std::panic::catch_unwind(|| run(&data));
            assert!(passed.is_ok(), "{} fails", file.display());
        }
    }
}

#[test]
fn every_seed_passes_and_every_target_has_some() {
    for (target, run) in fuzz::TARGETS {
        let seeds = fuzz::seeds::of(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in seeds {
            run(&seed);
        }
    }
}

#[test]
fn every_folder_has_its_target_and_the_files_stay_small() {
    let mut bytes = 0;
    for folder in fs::read_dir(checkout().join("fuzz/corpus")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(
            fuzz::TARGETS.iter().any(|(target, _)| *target == name),
            "{name} has no target"
        );
        let sizes = files(&name)
            .into_iter()
            .map(|file| fs::metadata(file).unwrap().len());
        bytes += sizes.sum::<u64>();
    }
    assert!(
        bytes < 2 << 20,
        "the corpora have {bytes} bytes: minimise them (cargo fuzz cmin)"
    );
}
