//! Writes the table of workloads for the worker program, or says why `workloads.json` and the
//! annotated functions do not agree.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use registry::Registry;

fn main() -> ExitCode {
    match write_table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("    because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn write_table() -> Result<(), Box<dyn Error>> {
    let worker = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = worker.parent().unwrap_or(Path::new("."));
    println!(
        "cargo::rerun-if-changed={}",
        root.join("build.rs").display()
    );
    let registry = Registry::read(root)?;
    for file in registry.files() {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    let table = PathBuf::from(env::var("OUT_DIR")?).join("table.rs");
    Ok(fs::write(table, registry.table()?)?)
}
