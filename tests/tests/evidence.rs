//! What the platform says of a launched worker, asked for from outside and verified: the quote names the
//! image and the worker's keys, and nothing else is taken for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use attestation::{Collateral, Fingerprint, Policy, Stage, Time, TrustAnchor, VerifiedQuote};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use host::{Config, Handle, Keys, WorkerName};
use protocol::processor::{Signup, signup_frame};
use protocol::{WorkerId, report_data};
use sconce_tests::attested::Vault;
use sconce_tests::image;
use sconce_tests::platform::{program_arguments, worker_program};
use serde_json::json;
use simulator::Platform;
use tempfile::TempDir;

const WORKER: &str = "scone-worker-1";

/// A worker behind its host, which nobody but this test knows.
struct Worker {
    host: Option<Handle>,
    signup: Signup,
    vault: Option<Vault>,
    folder: TempDir,
}

impl Worker {
    /// Launched from the image of this checkout, with keys of a vault.
    fn launched() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::start(folder.path());
        let config = vault.host_config(&vault.worker(WORKER));
        Self::start(folder, config, Some(vault))
    }

    fn start(folder: TempDir, config: Config, vault: Option<Vault>) -> Self {
        let host = host::start(config).unwrap();
        let signup = signup(host.endpoint().unwrap());
        Self {
            host: Some(host),
            signup,
            vault,
            folder,
        }
    }

    /// The program as a bare file.
    fn bare() -> Self {
        let name = WorkerName::new(WORKER).unwrap();
        let mut config = Config::new(name, worker_program());
        config.program_args = program_arguments(WORKER);
        config.keys = Keys::Unattested(None);
        Self::start(tempfile::tempdir().unwrap(), config, None)
    }

    /// Another process of this worker, on this platform, after it.
    fn again(&mut self) -> Signup {
        drop(self.host.take().map(Handle::stop));
        let vault = self.vault.as_ref().unwrap();
        let host = host::start(vault.host_config(&vault.worker(WORKER))).unwrap();
        self.signup = signup(host.endpoint().unwrap());
        self.host = Some(host);
        self.signup.clone()
    }

    fn quote(&self) -> Vec<u8> {
        STANDARD.decode(&self.signup.quote).unwrap()
    }

    /// What the quote has to have been made over.
    fn report_data(&self) -> [u8; 64] {
        let Signup {
            verifying_key,
            encryption_key,
            directory_key,
            ..
        } = &self.signup;
        let id = WorkerId::from_name(WORKER);
        let directory_key = STANDARD.decode(directory_key).unwrap();
        report_data::worker_keys(&id, verifying_key, encryption_key, &directory_key)
    }

    fn platform(&self) -> Platform {
        Platform::open(&platform_in(self.folder.path())).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            drop(host.stop());
        }
    }
}

fn platform_in(folder: &Path) -> PathBuf {
    folder.join("simulated-platform")
}

/// The worker's answer to `ProcessWorkerSignup`, once it gives one.
fn signup(endpoint: &str) -> Signup {
    let socket = zmq::Context::new().socket(zmq::REQ).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(30_000).unwrap();
    socket.connect(endpoint).unwrap();
    let begun = Instant::now();
    loop {
        socket.send(signup_frame(1), 0).unwrap();
        let answer = socket.recv_bytes(0).unwrap();
        if let Ok(signup) = serde_json::from_slice(&answer) {
            return signup;
        }
        // Hosts answer for a program that isn't ready in a while: this one makes a key first.
        let shown = String::from_utf8_lossy(&answer);
        assert!(begun.elapsed() < Duration::from_secs(60), "{shown}");
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// Verifies a quote with the collateral of a platform, under its root.
fn verify(quote: &[u8], platform: &Platform) -> Result<VerifiedQuote, Stage> {
    let now = now();
    let collateral = platform.collateral(now).unwrap().to_json();
    let collateral = Collateral::from_json(collateral.as_bytes()).unwrap();
    let fingerprint: Fingerprint = platform.fingerprint().parse().unwrap();
    let anchor = TrustAnchor::simulated(platform.root_der(), fingerprint).unwrap();
    let verified = attestation::verify(quote, &collateral, &anchor, Time::from_unix(now));
    verified.map_err(|refusal| refusal.stage())
}

/// The policy that takes this measurement alone, on this platform.
fn policy(measurement: &str, platform: &Platform) -> Policy {
    let text = json!({
        "sgx": { "measurements": [measurement] },
        "allow_debug": true,
        "allow_sim": true,
        "simulated_roots": [platform.fingerprint()],
    });
    Policy::from_json(text.to_string().as_bytes()).unwrap()
}

/// The rules that the quote over these report data breaks.
fn broken(worker: &Worker, policy: &Policy, report_data: &[u8; 64]) -> Vec<&'static str> {
    let quote = verify(&worker.quote(), &worker.platform()).unwrap();
    match policy.appraise(quote, Time::from_unix(now()), Some(report_data)) {
        Ok(_) => Vec::new(),
        Err(verdict) => verdict
            .broken()
            .map(|finding| finding.rule.name())
            .collect(),
    }
}

#[test]
fn the_quote_of_a_launched_worker_names_its_image_and_its_keys() {
    let mut worker = Worker::launched();
    let platform = worker.platform();
    let measurement = image::worker().measurement().to_string();
    let named = format!("sim:mrenclave:{}", worker.signup.mrenclave);
    assert_eq!(named, measurement);
    let keys = worker.report_data();
    let wanted = policy(&measurement, &platform);
    assert_eq!(broken(&worker, &wanted, &keys), [""; 0]);

    let other = policy(&format!("sim:mrenclave:{}", "5a".repeat(32)), &platform);
    assert_eq!(broken(&worker, &other, &keys), ["measurement"]);
    let mut others = keys;
    others[40] ^= 1;
    assert_eq!(broken(&worker, &wanted, &others), ["report-data"]);
    let strict = Policy::strict(wanted.program.clone());
    let refused = broken(&worker, &strict, &keys);
    assert_eq!(refused, ["debug", "simulation", "simulated-root"]);

    let another = worker.again();
    assert_eq!(another.encryption_key, worker.signup.encryption_key);
    assert_eq!(worker.report_data(), keys);
    assert_eq!(broken(&worker, &wanted, &keys), [""; 0]);
}

#[test]
fn no_other_root_vouches_for_it() {
    let worker = Worker::launched();
    let now = now();
    let seed = simulator::Seed::random().unwrap();
    let other = Platform::new(seed, simulator::Settings::new(now)).unwrap();
    assert_eq!(verify(&worker.quote(), &other).unwrap_err(), Stage::Chain);

    let collateral = worker.platform().collateral(now).unwrap().to_json();
    let collateral = Collateral::from_json(collateral.as_bytes()).unwrap();
    let intel = TrustAnchor::intel();
    let refused = attestation::verify(&worker.quote(), &collateral, &intel, Time::from_unix(now));
    // Intel's root has signed no such revocation lists, which are looked at first.
    assert_eq!(refused.unwrap_err().stage(), Stage::Crl);
}

#[test]
fn nothing_vouches_for_a_bare_program() {
    let worker = Worker::bare();
    assert_eq!(worker.signup.quote, "");
    assert_eq!(worker.signup.mrenclave, "");
}
