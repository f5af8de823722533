//! An enclave whose program tries what it may not do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sconce_host::{Config, Enclave, WorkerName};
use sconify::config::Config as Parameters;
use sconify::elf::Program;
use sconify::layout::Layout;
use sconify::sign::{self, Flavour, SignerKey};
use sconify::stream;
use sgx::Mrenclave;
use sgx::sigstruct::Date;
use tempfile::TempDir;

const PARAMETERS: &str = r#"
name = "probe"
product_id = 7
security_version = 2
heap = { size = "16 MiB" }
threads = { count = 2, stack = "1 MiB" }
ssa = { frames = 2, pages = 1 }
"#;

/// Who signs all of them.
pub(crate) fn key() -> &'static SignerKey {
    static KEY: OnceLock<SignerKey> = OnceLock::new();
    KEY.get_or_init(|| SignerKey::generate().unwrap())
}

/// An image in a folder of its own.
pub(crate) struct Image {
    folder: TempDir,
    pub(crate) mrenclave: Mrenclave,
    pub(crate) enclave: Enclave,
}

impl Image {
    pub(crate) fn new(flavour: Flavour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parameters = Parameters::parse(PARAMETERS).unwrap();
        let program = Program::read(probe()).unwrap();
        let layout = Layout::plan(&parameters, &program, None).unwrap();
        let mut bytes = Vec::new();
        let measurement = stream::write(&layout, &program, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        let mrenclave = measurement.unwrap().mrenclave;
        let body = sign::body_of(&parameters, mrenclave, flavour, Date::EPOCH);
        let sigstruct = sign::sign(&body, key()).unwrap();
        let place = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        Self {
            mrenclave,
            enclave: Enclave {
                stream: place("probe.sgxs", &bytes),
                sigstruct: place("probe.sig", sigstruct.as_bytes()),
                platform: folder.path().join("platform"),
                debug: flavour == Flavour::Debug,
            },
            folder,
        }
    }

    pub(crate) fn release() -> Self {
        Self::new(Flavour::Release)
    }

    /// A host that starts it.
    pub(crate) fn config(&self) -> Config {
        let worker = WorkerName::new("scone-worker-1").unwrap();
        Config::new(worker, self.enclave.clone())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The program's file, compiled once for all tests: static, and without libraries but the standard one.
pub(crate) fn probe() -> &'static Path {
    static PROBE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let compile = || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/image/probe.rs");
        let compiled = Command::new("rustc")
            .args([
                "--edition=2024",
                "--target=x86_64-unknown-linux-gnu",
                "-Copt-level=1",
            ])
            .args([
                "-Ctarget-feature=+crt-static",
                "-Crelocation-model=pie",
                "-o",
            ])
            .arg(&path)
            .arg(source)
            .status();
        assert!(compiled.unwrap().success(), "the probe does not compile");
        (folder, path)
    };
    &PROBE.get_or_init(compile).1
}
