//! The directory: this test's program, started again, so that it can be killed.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::directory::Directory;
use directory::apps::Apps;
use directory::{Config, Server, Witness};
use protocol::token::Token;
use sconce_tests::random::number_from;
use serde_json::{Value, json};
use transparency::note::Note;
use transparency::trust::Trust;

use crate::PATIENCE;

/// Where the child finds its folder.
const FOLDER: &str = "SCONCE_DIRECTORY_FOLDER";

/// What may write every entry.
const TOKEN: &str = "a-token-of-this-test-alone";

/// A directory's process, and its address, which stays.
pub(crate) struct Site {
    folder: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Site {
    /// A new directory without witnesses.
    pub(crate) fn first(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut site = Self {
            folder: folder.to_owned(),
            address,
            child: None,
        };
        site.restart_with(&[]);
        site
    }

    /// The same with these witnesses, of which two have to have signed.
    pub(crate) fn restart_with(&mut self, witnesses: &[Witness]) {
        let list = witnesses.iter();
        let list: Vec<_> = list
            .map(|one| json!({ "key": one.key, "url": one.url }))
            .collect();
        let settings = json!({ "address": self.address.to_string(), "witnesses": list });
        fs::write(self.folder.join("settings.json"), settings.to_string()).unwrap();
        self.kill();
        self.start();
    }

    /// Starts the process; whoever asks it waits until it answers.
    pub(crate) fn start(&mut self) {
        let path = self.folder.join("log");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// SIGKILL, if it runs.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            assert_eq!(
                child.try_wait().unwrap(),
                None,
                "it ended by itself:\n{}",
                self.log()
            );
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody who may write.
    pub(crate) fn client(&self) -> Directory {
        let client = Directory::connect(&self.url()).unwrap();
        client.with_token(&Token::new(TOKEN).unwrap())
    }

    /// What it says of itself, as soon as it does.
    pub(crate) async fn config(&self) -> Trust {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.client().config().await {
                Ok(trust) => return trust,
                Err(error) => assert!(Instant::now() < deadline, "{error}:\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for a checkpoint that has so many signatures besides the log's own.
    pub(crate) async fn cosigned(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let checkpoint = self.client().checkpoint().await.unwrap();
            if Note::parse(&checkpoint).unwrap().signatures.len() > count {
                return;
            }
            assert!(Instant::now() < deadline, "{checkpoint}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has complained about.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What the child does until it is killed.
pub(crate) fn serve() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    let settings = fs::read(folder.join("settings.json")).unwrap();
    let settings: Value = serde_json::from_slice(&settings).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tokens = folder.join("tokens.toml");
    let hash = ring::digest::digest(&ring::digest::SHA256, TOKEN.as_bytes());
    let token = format!(
        "[[token]]\nsha256 = \"{}\"\nusers = [\"*\"]\n",
        hex::encode(hash)
    );
    fs::write(&tokens, token).unwrap();

    let mut config = Config::new(&folder);
    config.address = text(&settings["address"]).parse().unwrap();
    config.apps = Apps::default();
    config.epoch = Duration::from_millis(number_from("SCONCE_EPOCH_MS", 200));
    config.heartbeat = Duration::from_secs(1);
    config.writers.tokens = Some(tokens);
    let witness = |value: &Value| Witness {
        key: text(&value["key"]),
        url: text(&value["url"]),
    };
    config.witnesses.list = settings["witnesses"]
        .as_array()
        .unwrap()
        .iter()
        .map(witness)
        .collect();
    config.witnesses.threshold = config.witnesses.list.len().min(2);
    config.witnesses.wait = Duration::from_secs(2);
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let _server = Server::start(config).await.unwrap();
        std::future::pending::<()>().await;
    });
}
