//! The images of worker and vault, as `sconify build` makes them.
//!
//! The first that asks for one in a fresh checkout waits for a minute or two; after that it takes about
//! as long as starting cargo. Tests of other processes, and cargo itself, use other folders, so nobody
//! has to build anything twice.

use std::path::Path;
use std::sync::OnceLock;

use host::Enclave;
use sconify::build::{self, Image, Plan};
use sconify::terminal::Terminal;

/// The package of the vault's program.
const VAULT: &str = "sconce-vault";

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
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(image).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
