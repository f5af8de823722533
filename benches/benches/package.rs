//! What packaging costs beside copying: a large image, and one like that of the worker.
//!
//! `cargo bench -p sconce-benches --bench package`

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use sconce_benches::figures::{median, mib, ms, promise};
use sconify::image;
use sconify::package::{Destination, Plan, write};
use sconify::sign::{SignerKey, sign};
use sgx::sgxs::{Parameters, Writer};
use sgx::sigstruct::{Body, Date};
use sgx::{PAGE_SIZE, Permissions, SecInfo};

const ROUNDS: usize = 9;

fn main() {
    let key = SignerKey::generate().expect("a key");
    for (what, pages) in [("256 MiB measured", 1 << 16), ("8 MiB measured", 1 << 11)] {
        let folder = tempfile::tempdir().expect("a folder");
        make_image(folder.path(), pages, &key);
        let (copy, package, size) = compare(folder.path());
        let share = copy.as_secs_f64() / package.as_secs_f64() * 100.0;
        println!(
            "{what}: {} packaged in {}, copied and on the disk in {}",
            mib(size),
            ms(package),
            ms(copy)
        );
        promise(
            &format!("packaging, {what}, of the rate of a copy with fsync"),
            format!("{share:.0} %"),
            "80 %",
            share >= 80.0,
        );
    }
}

/// An image as `sconify build` writes it, whose stream has so many measured pages.
fn make_image(folder: &Path, pages: u64, key: &SignerKey) {
    let size = ((pages + 1) * PAGE_SIZE as u64).next_power_of_two();
    let parameters = Parameters {
        ssa_frame_size: 1,
        size,
    };
    let enclave = folder.join("image/enclave");
    fs::create_dir_all(&enclave).expect("folders");
    let stream = File::create(enclave.join("worker.sgxs")).expect("a file");
    let mut stream = BufWriter::new(stream);
    let (mut writer, create) = Writer::create(parameters).expect("a size");
    stream.write_all(&create).expect("a stream");
    for page in 0..pages {
        let content = [page as u8; PAGE_SIZE];
        let info = SecInfo::reg(Permissions::RW);
        let records = writer.page(page * PAGE_SIZE as u64, info, &content);
        stream
            .write_all(records.expect("a page"))
            .expect("a stream");
    }
    stream.flush().expect("a stream");
    let body = Body::strict(writer.finish(), Date::EPOCH);
    let signature = sign(&body, key).expect("a signature");
    fs::write(enclave.join("worker.sig"), signature.as_bytes()).expect("a signature");
    fs::write(folder.join("image/worker"), vec![7; 6 << 20]).expect("a program");
}

/// The median times of a copy and of a package of the same bytes, which take turns, and the size.
fn compare(folder: &Path) -> (Duration, Duration, u64) {
    let image = image::open(&folder.join("image")).expect("the image");
    let to = "sconce/worker:0".parse().expect("a name");
    let plan = Plan::new(Some(image), None, to);
    let (tar, copied) = (folder.join("tar"), folder.join("copy"));
    let package = || {
        let begin = Instant::now();
        write(&plan, Destination::Archive(&tar), &mut |_| ()).expect("a package");
        begin.elapsed()
    };
    let copy = || {
        let begin = Instant::now();
        fs::copy(&tar, &copied).expect("a copy");
        let file = File::open(&copied).expect("the copy");
        file.sync_all().expect("on the disk");
        begin.elapsed()
    };
    let mut times = (Vec::new(), Vec::new());
    package();
    for _ in 0..ROUNDS {
        times.0.push(copy());
        fs::remove_file(&copied).expect("the copy");
        times.1.push(package());
    }
    let size = tar.metadata().expect("the tar").len();
    (median(&mut times.0), median(&mut times.1), size)
}
