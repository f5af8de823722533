//! SIGKILL at random moments of a vault, its host, and the workers and hosts that have their keys from it,
//! while sessions are written and orders answered.
//!
//! `SCONCE_VAULT_KILLS` says how many processes are killed (default 20), `SCONCE_SEED` which and when.

use std::path::Path;
use std::time::{Duration, Instant};

use client::{Client, Order, WorkerId};
use sconce_tests::command::{Setup, Up};
use sconce_tests::process::{Process, Signal};
use sconce_tests::random::{Choices, number_from};
use tokio::runtime::Runtime;

use crate::load::{Load, Plan};
use crate::sessions::{Desk, Log, Writer};

const WORKERS: [&str; 2] = ["scone-worker-1", "scone-worker-2"];

/// How long anything may take until it's called lost.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn no_session_key_or_audit_line_is_lost() {
    let kills = number_from("SCONCE_VAULT_KILLS", 20);
    let seed = crate::seed();
    println!("seed {seed}: SCONCE_SEED={seed} SCONCE_VAULT_KILLS={kills} repeats this schedule");
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::set(folder.path());
    let keys = scene.keys();
    let load = Load::start(Plan {
        uri: &scene.uri,
        workers: &WORKERS,
        requesters: 2,
        rest: Duration::from_millis(60),
        seed,
    });
    let writer = Writer::start(scene.desk());
    let mut log = Log::default();
    let mut times = Times::default();
    let mut choices = Choices::new(seed).branch(u64::MAX);
    for number in 0..kills {
        std::thread::sleep(choices.time(Duration::from_millis(5)..Duration::from_millis(900)));
        let (target, process) = scene.choose(&mut choices);
        let hits_vault = matches!(target, Target::Vault | Target::VaultHost);
        let before = scene.up.vault().filter(|_| hits_vault);
        process.signal(Signal::KILL);
        let killed = Instant::now();
        // Or the next one comes while this one is being got over.
        if choices.chance(70) {
            // One whose host was killed answers for a moment yet.
            while before.as_ref().is_some_and(Process::is_alive) && killed.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            scene.wait_for_vault();
            let vault = killed.elapsed();
            scene.wait_for_workers();
            let workers = killed.elapsed();
            println!(
                "{number:3}  {target:?}: the vault after {vault:.2?}, workers after {workers:.2?}"
            );
            if hits_vault {
                times.vault.push(vault);
            }
            times.workers.push(workers);
            log.read_on(&mut scene.desk().client());
        } else {
            println!("{number:3}  {target:?}");
        }
    }
    scene.wait_for_vault();
    scene.wait_for_workers();
    log.read_on(&mut scene.desk().client());
    let written = writer.finish();
    let (totals, mut broken) = load.finish();
    broken.extend(written.compare(&mut scene.desk().client()));
    broken.extend(log.compare(&mut scene.desk().client(), &written));
    println!("{totals}\n{written}\n{log}\n{times}");
    assert_eq!(scene.keys(), keys, "workers have other keys");
    assert!(
        broken.is_empty(),
        "seed {seed}: {}\n\nthe log:\n{}",
        broken.join("\n"),
        scene.end_of_log()
    );
}

/// Whom a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Vault,
    VaultHost,
    Host,
    Worker,
}

/// A platform, and requesters of its workers.
struct Scene {
    setup: Setup,
    up: Up,
    uri: String,
    client: Client,
    runtime: Runtime,
}

impl Scene {
    fn set(folder: &Path) -> Self {
        let mut setup = Setup::new(&folder.join("data"), "async", WORKERS.len());
        setup.log = Some(folder.join("log"));
        let up = setup.start();
        let uri = up.listener().unwrap();
        Self {
            client: Client::connect(&uri).unwrap(),
            setup,
            up,
            uri,
            runtime: Runtime::new().unwrap(),
        }
    }

    /// Where sessions are written, as the vault's owner.
    fn desk(&self) -> Desk {
        Desk::of(&self.setup.folder)
    }

    /// Somebody who is there.
    fn choose(&self, choices: &mut Choices) -> (Target, Process) {
        let target = match choices.below(100) {
            0..40 => Target::Vault,
            40..60 => Target::VaultHost,
            60..80 => Target::Host,
            _ => Target::Worker,
        };
        let which = choices.number();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let there = match target {
                Target::Vault => self.up.vault().into_iter().collect(),
                Target::VaultHost => self.up.vault_host().into_iter().collect(),
                Target::Host => self.up.hosts(),
                Target::Worker => self.up.workers(),
            };
            if !there.is_empty() {
                return (target, there[which as usize % there.len()]);
            }
            assert!(
                Instant::now() < deadline,
                "no {target:?}:\n{}",
                self.end_of_log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait_for_vault(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self
            .desk()
            .try_client()
            .and_then(|mut vault| vault.challenge())
        {
            assert!(Instant::now() < deadline, "{error}:\n{}", self.end_of_log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Until each has answered an order that was sent now.
    fn wait_for_workers(&self) {
        self.runtime.block_on(async {
            for name in WORKERS {
                let id = WorkerId::from_name(name);
                let worker = self.client.unverified_worker(&id).await.unwrap();
                let order = Order::new(&worker, "python-hello").input("you");
                let answer = tokio::time::timeout(PATIENCE, self.client.run(&order)).await;
                let answer = answer.unwrap_or_else(|_| panic!("{}", self.end_of_log()));
                assert_eq!(answer.unwrap().text(), "Hello you");
            }
        });
    }

    /// The workers' encryption keys, as they are published.
    fn keys(&self) -> Vec<String> {
        let key = |name: &&str| {
            let id = WorkerId::from_name(name);
            let worker = self
                .runtime
                .block_on(self.client.unverified_worker(&id))
                .unwrap();
            worker.encryption_key().pem().to_owned()
        };
        WORKERS.iter().map(key).collect()
    }

    fn end_of_log(&self) -> String {
        let log = std::fs::read_to_string(self.setup.log.as_deref().unwrap()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// From a kill until the vault answers, and until every worker has answered an order.
#[derive(Default)]
struct Times {
    vault: Vec<Duration>,
    workers: Vec<Duration>,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |times: &[Duration]| {
            let mut sorted = times.to_vec();
            sorted.sort();
            let half = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
            let longest = sorted.last().copied().unwrap_or_default();
            format!("{half:.2?} half the time, {longest:.2?} at most")
        };
        writeln!(f, "the vault is there again after   {}", line(&self.vault))?;
        write!(
            f,
            "workers have answered again after {}",
            line(&self.workers)
        )
    }
}
