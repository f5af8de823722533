//! What the store of a key directory costs as it grows: import, disk, memory, proofs, epochs; beside it
//! another engine under the same store, and akd, another directory.
//!
//! Each step runs in processes of its own, so that what they hold is theirs: one imports, one serves.
//!
//! `cargo bench -p sconce-benches --bench directory` (`-- --users 1000,10000` for other steps,
//! `--redb 0` and `--akd 0` to leave these out, `--vrf 1` to import with VRF proofs)

mod peer;
mod redb;
mod step;
mod users;

use std::path::{Path, PathBuf};
use std::process::Command;

use directory::engine::{Fjall, conformance};
use sconce_benches::arguments;
use sconce_benches::figures::promise;

use crate::redb::Redb;

const STEPS: [u64; 4] = [1000, 10_000, 100_000, 1_000_000];

fn main() {
    let folder = PathBuf::from(arguments::value("--folder", String::new()));
    let users = arguments::list("--users", &STEPS);
    match arguments::value("--role", String::new()).as_str() {
        "import" => step::import::<Fjall>(&folder, users[0]),
        "serve" => step::serve::<Fjall>(&folder, users[0]),
        "import-redb" => step::import::<Redb>(&folder, users[0]),
        "serve-redb" => step::serve::<Redb>(&folder, users[0]),
        "akd" => peer::measure(users[0]),
        _ => parent(&users),
    }
}

fn parent(steps: &[u64]) {
    let figures = tempfile::NamedTempFile::new().expect("a file");
    for count in steps {
        measured(*count, "", figures.path());
    }
    step::judge(figures.path());
    let with_redb = arguments::value("--redb", 100_000);
    if with_redb > 0 {
        let folder = tempfile::tempdir().expect("a folder");
        conformance::check::<Redb>(folder.path()).expect("redb does what an engine must");
        println!("\nthe same store over redb");
        measured(with_redb, "-redb", Path::new(""));
    }
    let with_akd = arguments::value("--akd", 100_000);
    if with_akd > 0 {
        println!("\nakd");
        run("akd", with_akd, Path::new(""), Path::new(""));
    }
}

fn measured(users: u64, engine: &str, figures: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    for role in ["import", "serve"] {
        run(&format!("{role}{engine}"), users, folder.path(), figures);
    }
}

/// Runs a part of the measurement in a process of its own.
fn run(role: &str, users: u64, folder: &Path, figures: &Path) {
    let vrf = arguments::value("--vrf", 0u8).to_string();
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--role", role, "--users", &users.to_string(), "--vrf", &vrf])
        .arg("--folder")
        .arg(folder)
        .arg("--figures")
        .arg(figures)
        .status()
        .expect("this program runs");
    if !status.success() {
        promise(role, status, "it ends well", false);
    }
}
