//! A directory of the test's own, and clients that speak HTTP by hand.

#![allow(dead_code, reason = "each test program uses some of it")]

#[path = "../../../entrance/tests/support/http.rs"]
pub(crate) mod http;

use std::path::Path;
use std::time::Duration;

use sconce_directory::apps::Apps;
use sconce_directory::{Config, Server};
use serde_json::Value;
use tempfile::TempDir;
use transparency::json;
use transparency::messages::{EntryUpdate, GetEntryResponse, Profile};
use transparency::signature::SigningKey;
use transparency::trust::Trust;
use transparency::update::Draft;
use transparency::verifier::Verifier;

use http::{Client, Reply};

/// A running directory, its folder, and the runtime that it has.
pub(crate) struct Site {
    server: Option<Server>,
    config: Config,
    runtime: tokio::runtime::Runtime,
    pub(crate) folder: TempDir,
}

/// The token that may write everybody.
pub(crate) const TOKEN: &str = "everything";

/// One of which epochs are made by hand.
pub(crate) fn config(folder: &Path) -> Config {
    let mut config = Config::new(folder);
    config.address = ([127, 0, 0, 1], 0).into();
    config.realm = "example.com".to_owned();
    config.apps = Apps::default();
    config.epoch = Duration::from_secs(3600);
    config.heartbeat = Duration::from_secs(3600);
    config.drain = Duration::from_secs(2);
    let tokens = folder.join("tokens.toml");
    let hash = ring::digest::digest(&ring::digest::SHA256, TOKEN.as_bytes());
    let text = format!(
        "[[token]]\nsha256 = \"{}\"\nusers = [\"*\"]\n[[token]]\nsha256 = \"{}\"\nusers = [\"alice\"]\n",
        hex::encode(hash),
        hex::encode(ring::digest::digest(&ring::digest::SHA256, b"alice's")),
    );
    std::fs::write(&tokens, text).unwrap();
    config.writers.tokens = Some(tokens);
    config
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(Server::start(config.clone())).unwrap();
        Self {
            server: Some(server),
            config,
            runtime,
            folder,
        }
    }

    /// Stops it and starts it again, as its folder has it.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let server = self.runtime.block_on(Server::start(self.config.clone()));
        self.server = Some(server.unwrap());
    }

    /// The same with other settings.
    pub(crate) fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        self.stop();
        change(&mut self.config);
        self.restart();
    }

    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.server().address())
    }

    pub(crate) fn trust(&self) -> Trust {
        let reply = self.client().get("/v1/config");
        Trust::from_json(&reply.body).unwrap()
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(&self.trust()).unwrap()
    }

    /// Makes an epoch.
    pub(crate) fn advance(&self) -> u64 {
        let directory = self.server().directory();
        self.runtime.block_on(directory.advance()).unwrap()
    }

    pub(crate) fn get(&self, user: &str) -> GetEntryResponse {
        let reply = self.client().get(&format!("/v1/users/{user}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        json::read(&reply.body).unwrap()
    }

    /// What a user signs to have this data, following what stands there.
    pub(crate) fn update(&self, user: &str, key: &SigningKey, data: &str) -> EntryUpdate {
        update(&self.get(user), user, key, data)
    }

    pub(crate) fn put(&self, user: &str, update: &EntryUpdate) -> Reply {
        let body = json::write(update).unwrap();
        self.client().put(&format!("/v1/users/{user}"), &body)
    }
}

/// What a user signs to have this data, following an answer.
pub(crate) fn update(
    answer: &GetEntryResponse,
    user: &str,
    key: &SigningKey,
    data: &str,
) -> EntryUpdate {
    let vrf = transparency::vrf::Output::from_slice(&answer.vrf).unwrap();
    let index = vrf.index();
    let leaf = &answer.leaf_proof.as_ref().unwrap().leaf_data;
    let profile = Profile([("notes".to_owned(), data.as_bytes().to_vec())].into());
    let draft = Draft {
        user,
        index: index.as_bytes(),
        previous: (!leaf.is_empty()).then_some(leaf.as_slice()),
        profile: &profile,
        authorized_keys: &[key.verifying_key().clone()],
        nonce: &[7; 16],
    };
    draft.sign(&[key]).unwrap()
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_scalar(&[number; 32]).unwrap()
}

/// The parts of an error's body.
pub(crate) fn problem(reply: &Reply) -> (u64, String) {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert!(!body["error"].as_str().unwrap().is_empty());
    let reason = body["reason"].as_str().unwrap().to_owned();
    (body["code"].as_u64().unwrap(), reason)
}

impl Client {
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, "", b"")
    }

    /// With the token that may write everybody.
    pub(crate) fn put(&mut self, path: &str, body: &[u8]) -> Reply {
        let token = format!("Authorization: OAuth {TOKEN}\r\n");
        self.ask("PUT", path, &token, body)
    }
}
