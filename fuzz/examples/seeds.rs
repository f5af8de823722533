//! Writes the seeds into `corpus/`: `cargo run --no-default-features --example seeds`, in `fuzz/`.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, run) in sconce_fuzz::TARGETS {
        let folder = corpora.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in sconce_fuzz::seeds::of(target).iter().enumerate() {
            run(seed);
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
