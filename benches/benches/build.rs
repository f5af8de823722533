//! What the image costs somebody who has it already: building it again with nothing changed, and
//! starting a platform with it.
//!
//! `cargo bench -p sconce-benches --bench build`

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sconce_benches::figures::{median, ms, promise};
use tests::image;
use tests::platform::sconce_program;

const ROUNDS: usize = 9;

fn main() {
    let begun = Instant::now();
    let worker = image::worker();
    println!(
        "{}: there after {:.1} s",
        worker.measurement(),
        begun.elapsed().as_secs_f64()
    );
    // The library made it; the command does so once before it believes it.
    build();
    let again = rounds(build);
    promise(
        "a second build of the image with nothing changed",
        ms(again),
        "2 s",
        again < Duration::from_secs(2),
    );

    let folder = tempfile::tempdir().expect("a folder");
    // The first start makes keys.
    let images = [&worker.folder, &image::vault().folder];
    up(folder.path(), Some(images));
    let given = rounds(|| up(folder.path(), Some(images)));
    let built = rounds(|| up(folder.path(), None));
    println!(
        "from `sconce up` to ready, one worker with keys: {} with images, {} with those that are built \
         unless they're there",
        ms(given),
        ms(built)
    );
    promise(
        "from `sconce up` to ready where the images are there",
        ms(built),
        "2 s",
        built < Duration::from_secs(2),
    );
}

fn rounds(run: impl Fn() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| run()).collect();
    median(&mut times)
}

/// `sconce sconify build`, to its end.
fn build() -> Duration {
    let begun = Instant::now();
    let status = Command::new(sconce_program())
        .args(["sconify", "--quiet", "build"])
        .current_dir(tests::vectors::checkout())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("sconce runs");
    assert!(status.success());
    begun.elapsed()
}

/// `sconce up` until it's ready; then it's stopped.
fn up(folder: &Path, images: Option<[&PathBuf; 2]>) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(sconce_program());
    command
        .args(["up", "--listener", "127.0.0.1:0", "--workers", "1"])
        .args(["--vault", "127.0.0.1:0", "--transparency", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(folder);
    if let Some([worker, vault]) = images {
        command.arg("--image").arg(worker);
        command.arg("--vault-image").arg(vault);
    }
    let mut child = command
        .current_dir(tests::vectors::checkout())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("sconce runs");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let ready = lines
        .map_while(Result::ok)
        .any(|line| line.starts_with("ready"));
    let took = begun.elapsed();
    assert!(ready, "sconce up ended before it was ready");
    tests::process::Process::of(child.id())
        .expect("it runs")
        .signal(tests::process::Signal::TERM);
    child.wait().expect("it ends");
    took
}
