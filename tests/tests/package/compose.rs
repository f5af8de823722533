//! `deploy/compose.yaml`: what compose makes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sconce_tests::vectors::checkout;
use serde::Deserialize;

/// What of the file decides how the containers run.
#[derive(Debug, Deserialize)]
pub(crate) struct Compose {
    pub(crate) services: BTreeMap<String, Service>,
}

/// A service.
#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) command: Vec<String>,
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default)]
    pub(crate) cap_drop: Vec<String>,
    #[serde(default)]
    pub(crate) volumes: Vec<String>,
    #[serde(default)]
    pub(crate) healthcheck: Option<Check>,
}

/// What says whether a container is well.
#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) test: Vec<String>,
}

impl Compose {
    /// The file as compose reads it, checked against its schema, with the enclave images in a folder;
    /// nothing where compose is not installed.
    pub(crate) fn read(images: &Path) -> Option<Self> {
        let output = Command::new("docker-compose")
            .arg("-f")
            .arg(checkout().join("deploy/compose.yaml"))
            .arg("config")
            .env("SCONCE_IMAGES", images)
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        Some(serde_saphyr::from_str(&text).unwrap())
    }
}
