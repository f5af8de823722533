//! Keys of a worker are rotated, and its program upgraded, while requesters submit verified orders without a
//! pause: every order ends with its own result, under whichever key it was made; and when earlier keys are
//! retired, nobody gets them and nothing is left that has them.
//!
//! `SCONCE_ROTATIONS` says how often keys are rotated, and the program upgraded after each (default 1).
//!
//! | module | subject |
//! |---|---|
//! | `requesters` | who submits the orders, and what they are told |

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod requesters;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attestation::Policy;
use attestation::policy::{Program, SgxProgram};
use client::{Error, Verifier, Worker};
use protocol::Reason;
use provision::WORKER_PRODUCT;
use provision::audit::{AuditLine, Outcome};
use sconce_tests::command::{Up, connect_to_vault};
use sconce_tests::image;
use sconce_tests::place::Place;
use sconce_tests::process::Process;
use sconce_tests::random::number_from;
use simulator::Platform;

use crate::requesters::Load;

/// How long earlier keys are kept.
const OVERLAP: Duration = Duration::from_secs(6);

/// So long before the end of it nobody makes orders for them any more.
const MARGIN: Duration = Duration::from_millis(1500);

/// Processes of the worker.
const PROCESSES: usize = 2;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn no_order_fails_and_retired_keys_are_nowhere() {
    let rounds = number_from("SCONCE_ROTATIONS", 1);
    let mut scene = Scene::set();
    scene.load.wait_for(20);
    for _ in 0..rounds {
        scene.renew(&["keys", "rotate"]);
        scene.exchange_images();
        let next = scene.images[0].folder.clone();
        scene.renew(&["upgrade", "--image", next.to_str().unwrap()]);
    }
    scene.load.wait_for(20);
    scene.earlier_image_gets_nothing();
    let (ledger, broken) = scene.load.finish();
    println!("{ledger}");
    assert!(
        broken.is_empty(),
        "{}\n\nthe log:\n{}",
        broken.join("\n"),
        scene.place.log()
    );
}

/// An image, and what python-hello says in it before the name.
struct Version {
    folder: PathBuf,
    measurement: String,
}

/// A platform, and requesters of its worker.
struct Scene {
    place: Place,
    up: Up,
    load: Load,
    /// The one whose keys are the newest, and the other.
    images: [Version; 2],
    generation: u64,
}

impl Scene {
    fn set() -> Self {
        let place = Place::new();
        let images = [image::worker().folder.clone(), place.changed()].map(Version::of);
        let mut setup = place.setup();
        setup.arguments = vec!["--processes".into(), PROCESSES.to_string().into()];
        let up = setup.start();
        let greetings = [("Hello", &images[0]), ("Hallo", &images[1])]
            .map(|(greeting, image)| (image.measurement.clone(), greeting));
        let load = Load::start(
            &up.listener().unwrap(),
            verifier(&place.data(), &images),
            greetings.into(),
        );
        Self {
            place,
            up,
            load,
            images,
            generation: 1,
        }
    }

    fn exchange_images(&mut self) {
        self.images.swap(0, 1);
    }

    /// Has another generation of keys made, by this command, and sees the one before to its end.
    fn renew(&mut self, command: &[&str]) {
        let overlap = format!("{}s", OVERLAP.as_secs());
        let (before, processes) = (self.load.worker(), self.up.workers());
        assert_eq!(processes.len(), PROCESSES);
        let begun = Instant::now();
        self.place
            .json(&[command, &["--overlap", &overlap]].concat());
        self.generation += 1;
        self.eventually("orders are answered under the new keys", || {
            self.load.keys_seen() as u64 == self.generation
        });
        let first = begun.elapsed();
        std::thread::sleep((OVERLAP - MARGIN).saturating_sub(begun.elapsed()));
        self.load.let_go();
        self.eventually("the earlier keys are retired", || {
            self.place.generations() == [self.generation]
        });
        self.eventually("the processes that had them have ended", || {
            !processes.iter().any(Process::is_alive)
        });
        let over = begun.elapsed();
        let late = self.load.answered_late(before.encryption_key().pem());
        println!(
            "generation {}: first answer after {first:.1?}, alone after {over:.1?}; {late} orders under the \
             keys before were answered meanwhile",
            self.generation
        );
        assert!(late > 0, "no order was made for the earlier keys meanwhile");
        self.eventually("the others alone take orders", || self.is_settled());
        self.order_is_refused(&before);
    }

    fn is_settled(&self) -> bool {
        let status = self.place.json(&["status"]);
        status["workers"][0]["processes"] == PROCESSES && self.up.workers().len() == PROCESSES
    }

    /// An order for keys that nobody has any more ends, and says why.
    fn order_is_refused(&self, worker: &Worker) {
        match self.load.order(worker) {
            Err(Error::Rpc(error)) => assert_eq!(error.reason, Some(Reason::OrderIntegrity)),
            other => panic!("{other:?}"),
        }
    }

    /// The image before asks for the keys that it had, and for those of the image that is there now.
    fn earlier_image_gets_nothing(&self) {
        let [_, earlier] = &self.images;
        let from = self.audit().len();
        let asked = [
            (self.generation - 1, "cas.service"),
            (self.generation, "cas.measurement"),
        ];
        for (generation, code) in asked {
            let session = format!("avalon/scone-worker-1/g{generation}");
            let stray = self.place.stray(&earlier.folder, &session);
            self.eventually("the host says what was refused", || {
                assert!(!stray.said().contains("error[kme"), "{}", stray.said());
                stray.said().contains(code)
            });
        }
        let audit = self.audit().split_off(from);
        for (generation, code) in asked {
            let service = format!("g{generation}");
            let of_it: Vec<_> = audit
                .iter()
                .map(|line| &line.entry)
                .filter(|entry| {
                    entry.event == "release" && entry.service.as_ref() == Some(&service)
                })
                .collect();
            assert!(!of_it.is_empty(), "no line about {service}: {audit:?}");
            for entry in of_it {
                assert_eq!(entry.outcome, Outcome::Refused, "{entry:?}");
                assert_eq!(entry.code.as_deref(), Some(code), "{entry:?}");
            }
        }
        assert!(self.is_settled(), "{}", self.place.json(&["status"]));
    }

    fn audit(&self) -> Vec<AuditLine> {
        let mut vault = connect_to_vault(&self.place.data()).unwrap();
        let mut lines: Vec<AuditLine> = Vec::new();
        loop {
            let more = vault.audit(lines.len() as u64 + 1, 1000).unwrap();
            if more.is_empty() {
                return lines;
            }
            lines.extend(more);
        }
    }

    fn eventually(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            let log = || self.place.log();
            assert!(
                begun.elapsed() < PATIENCE,
                "not so in time: {what}\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Version {
    fn of(folder: PathBuf) -> Self {
        let measurement = image::measurement(&folder);
        Self {
            folder,
            measurement,
        }
    }
}

/// What requesters ask of workers: to be one of these programs, on this platform.
fn verifier(data: &Path, images: &[Version]) -> Verifier {
    let measurements = images
        .iter()
        .map(|image| image.measurement.parse().unwrap());
    let mut policy = Policy::strict(Program::Sgx(SgxProgram {
        measurements: measurements.collect(),
        product: Some(WORKER_PRODUCT),
        ..SgxProgram::default()
    }));
    policy.allow_debug = true;
    policy.allow_sim = true;
    let platform = Platform::open(&data.join("simulated-platform")).unwrap();
    policy.simulated_roots = vec![platform.fingerprint().parse().unwrap()];
    Verifier::new(policy)
}
