//! What the image costs somebody who has it already: building it again with nothing changed, and
//! starting a platform with it.
//!
//! `cargo bench -p sconce-benches --bench build`

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sconce_benches::figures::{median, ms, promise};
use tests::image;
use tests::platform::sconce_program;

const ROUNDS: usize = 9;

fn main() {
    let begun = Instant::now();
    let image = image::worker();
    println!(
        "{}: there after {:.1} s",
        image.measurement(),
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
    let program = tests::platform::worker_program();
    up(folder.path(), Some(program));
    let bare = rounds(|| up(folder.path(), Some(program)));
    let given = rounds(|| up(folder.path(), Some(&image.folder)));
    let built = rounds(|| up(folder.path(), None));
    println!(
        "from `sconce up` to ready, one worker with keys: {} with a bare program, {} with an image, \
         {} with one that is built unless it's there",
        ms(bare),
        ms(given),
        ms(built)
    );
    promise(
        "from `sconce up` to ready where the image is there",
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
fn up(folder: &Path, image: Option<&Path>) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(sconce_program());
    command
        .args(["up", "--listener", "127.0.0.1:0", "--workers", "1"])
        .arg("--data-dir")
        .arg(folder);
    if let Some(image) = image {
        command.arg("--image").arg(image);
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
