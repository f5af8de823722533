//! The images of worker and vault, as `sconify build` makes them.
//!
//! The first that asks for one in a fresh checkout waits for a minute or two; after that it takes about
//! as long as starting cargo. Tests of other processes, and cargo itself, use other folders, so nobody
//! has to build anything twice.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use host::Enclave;
use sconify::build::{self, Image, Plan};
use sconify::terminal::Terminal;
use serde_json::Value;

use crate::platform::sconce_program;

/// The package of the vault's program.
const VAULT: &str = "sconce-vault";

/// What of the worker is [changed](change): a byte of what a workload answers.
const ANSWER: &[u8] = b"Hello ";
const CHANGED: &[u8] = b"Hallo ";

/// The worker's image, built for debugging with the development key of this checkout.
///
/// It is shared: a test that wants to change something changes a [`copy`].
pub fn worker() -> &'static Image {
    static BUILT: OnceLock<Image> = OnceLock::new();
    BUILT.get_or_init(|| build(&plan()))
}

/// The vault's, built in the same way, and shared as well.
pub fn vault() -> &'static Image {
    static BUILT: OnceLock<Image> = OnceLock::new();
    BUILT.get_or_init(|| {
        build(&Plan {
            package: VAULT.to_owned(),
            ..plan()
        })
    })
}

/// An image's enclave, on a simulated platform in this folder.
pub fn enclave(image: &Image, platform: &Path) -> Enclave {
    let file = |extension| {
        image
            .folder
            .join(format!("enclave/{}.{extension}", image.name))
    };
    Enclave {
        stream: file("sgxs"),
        sigstruct: file("sig"),
        platform: platform.to_owned(),
        debug: true,
    }
}

fn plan() -> Plan {
    Plan::new(crate::vectors::checkout().canonicalize().unwrap())
}

/// An image that is built by a plan of its own. Its `out` must lie elsewhere.
pub fn build(plan: &Plan) -> Image {
    let terminal = Terminal::new(false, true);
    build::image(plan, &terminal, &mut |_| ()).unwrap()
}

/// A copy of an image's folder.
pub fn copy(image: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(image).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Makes the worker's image with one byte changed in a folder: `python-hello` says `Hallo` for `Hello`.
/// It is measured and signed as the other is, by the same key.
pub fn change(folder: &Path) {
    copy(&worker().folder, folder);
    for file in ["enclave/worker.sgxs", "worker"] {
        let path = folder.join(file);
        let mut bytes = fs::read(&path).unwrap();
        let mut found = bytes.windows(ANSWER.len()).enumerate();
        let (at, _) = found.find(|(_, window)| *window == ANSWER).unwrap();
        bytes[at..at + ANSWER.len()].copy_from_slice(CHANGED);
        fs::write(path, bytes).unwrap();
    }
    // The key that checkouts sign images for debugging with.
    let key = worker().folder.parent().unwrap().join("signer.pem");
    let enclave = folder.join("enclave");
    let fields = "sconify sign -d -p 1 -v 1 -a 0x6/0 -x 0xe7/0 -m 0/0 --date 1970-01-01";
    let signed = Command::new(sconce_program())
        .args(fields.split(' '))
        .arg("-o")
        .arg(enclave.join("worker.sig"))
        .arg("--key")
        .arg(key)
        .arg(enclave.join("worker.sgxs"))
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
}

/// What an image measures, with its kind.
pub fn measurement(image: &Path) -> String {
    let output = Command::new(sconce_program())
        .args(["sconify", "verify", "--json"])
        .arg(image)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["mrenclave"].as_str().unwrap().to_owned()
}
