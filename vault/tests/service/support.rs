//! A vault that can be stopped and started, and programs that ask it.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use attestation::policy::{Program as Wanted, SgxProgram};
use attestation::{Policy, TrustAnchor};
use link::report::Counter;
use provision::api::Program;
use provision::text::Text;
use provision::{Attempt, Evidence, Grant, Release, VAULT_PRODUCT, WORKER_PRODUCT};
use sconce_vault::program::open;
use sconce_vault::server::{Doors, Limits, Server};
use sgx::{Digest, Kind, Mrenclave, Mrsigner, flags};
use simulator::{Platform, Secs, Seed, Settings};
use vault_client::{Error, Identity, Trust, Vault};

use crate::machine::{Machine, now};

const SIGNER: Mrsigner = Mrsigner([7; 32]);
const VAULT: Mrenclave = Mrenclave([1; 32]);

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) owner: Identity,
    counter: Arc<Mutex<Counter>>,
    folder: tempfile::TempDir,
    running: Option<Server>,
    address: String,
    plain: String,
}

impl World {
    /// A new vault on a new platform, which is claimed.
    pub(crate) fn new() -> Self {
        let world = Self::unclaimed();
        world.owner().claim().unwrap();
        world
    }

    pub(crate) fn unclaimed() -> Self {
        let settings = Settings::new(now() - 3600);
        let mut world = Self {
            platform: Platform::new(Seed::from_bytes([5; 32]), settings).unwrap(),
            owner: Identity::generate().unwrap().0,
            counter: Arc::new(Mutex::new(Counter::NONE)),
            folder: tempfile::tempdir().unwrap(),
            running: None,
            address: String::new(),
            plain: String::new(),
        };
        world.start();
        world
    }

    /// Ends it, and starts it again with the same file.
    pub(crate) fn restart(&mut self) {
        self.running = None;
        self.start();
    }

    fn start(&mut self) {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.folder.path().join("journal"))
            .unwrap();
        let mut secs = Secs::new(VAULT, SIGNER);
        secs.isv_prod_id = VAULT_PRODUCT;
        secs.isv_svn = 1;
        let tee = Machine::of(&self.platform, secs, &self.counter);
        let (service, certified) = open(Arc::new(tee), 1, file).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.address = listener.local_addr().unwrap().to_string();
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        self.plain = plain.local_addr().unwrap().to_string();
        let doors = Doors {
            attested: (listener, Arc::new(certified)),
            plain: Some(plain),
        };
        self.running = Some(Server::start(doors, Arc::new(service), Limits::default()).unwrap());
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where it speaks HTTP without TLS, for pools.
    pub(crate) fn plain(&self) -> &str {
        &self.plain
    }

    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::strict(Wanted::Sgx(SgxProgram {
            measurements: vec![Digest::Mrenclave(Kind::Sim, VAULT)],
            ..SgxProgram::default()
        }));
        policy.allow_sim = true;
        policy.simulated_roots = vec![self.platform.fingerprint().parse().unwrap()];
        policy
    }

    pub(crate) fn anchor(&self) -> TrustAnchor {
        let root = self.platform.fingerprint().parse().unwrap();
        TrustAnchor::simulated(self.platform.root_der(), root).unwrap()
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::Attested {
            policy: Box::new(self.policy()),
            anchor: Box::new(self.anchor()),
            realm: None,
        }
    }

    pub(crate) fn client(&self, identity: Option<&Identity>) -> Vault {
        Vault::connect(&self.address, &self.trust(), identity).unwrap()
    }

    pub(crate) fn owner(&self) -> Vault {
        self.client(Some(&self.owner))
    }

    /// A worker's program, by a byte of its measurement.
    pub(crate) fn program(&self, measurement: u8) -> Program {
        Program {
            measurement: Text(Digest::Mrenclave(Kind::Sim, Mrenclave([measurement; 32]))),
            signer: Text(Digest::Mrsigner(Kind::Sim, SIGNER)),
            product: WORKER_PRODUCT,
            svn: 1,
            debug: false,
            simulated_roots: vec![Text(self.platform.fingerprint().parse().unwrap())],
            tolerate: Vec::new(),
        }
    }

    /// What such a program is given for this service; the code of the refusal if it is refused.
    pub(crate) fn release(
        &self,
        vault: &mut Vault,
        measurement: u8,
        service: &str,
    ) -> Result<Grant, String> {
        self.release_as(vault, measurement, service, false)
    }

    /// The same of one that a debugger may look into, or not.
    pub(crate) fn release_as(
        &self,
        vault: &mut Vault,
        measurement: u8,
        service: &str,
        debug: bool,
    ) -> Result<Grant, String> {
        let mut secs = Secs::new(Mrenclave([measurement; 32]), SIGNER);
        if debug {
            secs.attributes.flags |= flags::DEBUG;
        }
        secs.isv_prod_id = WORKER_PRODUCT;
        secs.isv_svn = 1;
        let nonce = vault.challenge().unwrap().nonce.0;
        let attempt = Attempt::new(service.parse().unwrap(), nonce).unwrap();
        let found = self
            .platform
            .evidence(&secs, &attempt.report_data(), now())
            .unwrap();
        let evidence = Evidence::new(found.quote, &found.collateral.to_json()).unwrap();
        let request = serde_json::to_vec(&attempt.request(evidence)).unwrap();
        let answer = vault.release(&request).unwrap();
        if answer.status != 200 {
            let failure: provision::api::Failure = serde_json::from_slice(&answer.body).unwrap();
            return Err(failure.error.code);
        }
        let release = Release::from_json(&answer.body).unwrap();
        let key = vault.evidence().unwrap().key.0;
        Ok(attempt.open(&release, &key).unwrap())
    }
}

/// The code of a refusal.
pub(crate) fn code<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Ok(_) => "nothing is refused".to_owned(),
        Err(error) => error.code().to_owned(),
    }
}
