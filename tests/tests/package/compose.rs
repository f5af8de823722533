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
    pub(crate) networks: BTreeMap<String, Option<Address>>,
    #[serde(default)]
    pub(crate) healthcheck: Option<Check>,
}

/// Where a container is in a network.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Address {
    pub(crate) ipv4_address: Option<String>,
}

/// What says whether a container is well.
#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) test: Vec<String>,
}

impl Compose {
    /// The file as compose reads it, checked against its schema, with the workers' network at
    /// `network`; nothing where compose is not installed.
    pub(crate) fn read(token: &Path, network: &str) -> Option<Self> {
        let output = Command::new("docker-compose")
            .arg("-f")
            .arg(checkout().join("deploy/compose.yaml"))
            .arg("config")
            .env("SCONCE_HOST_TOKEN", token)
            .env("SCONCE_NETWORK", network)
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        Some(serde_saphyr::from_str(&text).unwrap())
    }

    /// The services but for the platform, sorted.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (&str, &Service)> {
        let services = self.services.iter();
        services
            .map(|(name, service)| (name.as_str(), service))
            .filter(|(name, _)| *name != "platform")
    }
}
