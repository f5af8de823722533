//! A vault, and workers that get their keys from it: programs of their images on a simulated platform,
//! with their hosts in this process.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use attestation::policy::{Program as Wanted, SgxProgram};
use attestation::{Fingerprint, Policy, TrustAnchor};
use host::{Config, Enclave, Handle, Keys, Provision, WorkerName};
use provision::api::{Program, WorkerSession};
use provision::text::Text;
use provision::{VAULT_PRODUCT, WORKER_PRODUCT};
use sconify::build::Image;
use simulator::Platform;
use vault_client::{Identity, Trust};

use crate::image;
use crate::platform::program_arguments;
use crate::process::{Process, Signal};

/// Longer than a vault takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A vault behind its host. Dropping it ends both.
pub struct Vault {
    host: Option<Handle>,
    address: SocketAddr,
    pool: SocketAddr,
    folder: PathBuf,
    owner: Identity,
}

impl Vault {
    /// Starts it with its state and its platform in this folder, and claims it.
    pub fn start(folder: &Path) -> Self {
        let key = folder.join("operator.key");
        let owner = match std::fs::read_to_string(&key) {
            Ok(pem) => Identity::from_pem(&pem).unwrap(),
            Err(_) => {
                let (owner, pem) = Identity::generate().unwrap();
                std::fs::write(&key, pem).unwrap();
                owner
            }
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let pool = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut this = Self {
            host: None,
            address,
            pool: pool.local_addr().unwrap(),
            folder: folder.to_owned(),
            owner,
        };
        this.start_behind(listener, pool);
        this.client().claim().unwrap();
        this
    }

    fn start_behind(&mut self, listener: TcpListener, pool: TcpListener) {
        let enclave = self.enclave(image::vault());
        let mut config = host::vault::Config::new(enclave, self.journal(), listener);
        config.pool = Some(pool);
        self.host = Some(host::vault::start(config).unwrap());
    }

    /// Stops it and its host, does something, and starts both again behind the same address.
    pub fn restart(&mut self, meanwhile: impl FnOnce(&Self)) {
        if let Some(host) = self.host.take() {
            host.stop().unwrap();
        }
        meanwhile(self);
        let listen = |address| TcpListener::bind(address).unwrap();
        self.start_behind(listen(self.address), listen(self.pool));
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it speaks with managers of pools.
    pub fn pool(&self) -> SocketAddr {
        self.pool
    }

    /// The file with its sealed state.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("vault.journal")
    }

    /// Its process.
    pub fn process(&self) -> Process {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pid = self.host.as_ref().and_then(Handle::pid);
            if let Some(process) = pid.and_then(Process::of) {
                return process;
            }
            assert!(Instant::now() < deadline, "there is no vault");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends its process by SIGKILL; its host starts another.
    pub fn kill(&self) {
        self.process().signal(Signal::KILL);
    }

    /// A connection of its owner's, who has verified it. It's waited for.
    pub fn client(&self) -> vault_client::Vault {
        let (address, trust) = (self.address.to_string(), self.trust());
        let deadline = Instant::now() + PATIENCE;
        loop {
            match vault_client::Vault::connect(&address, &trust, Some(&self.owner)) {
                Ok(vault) => return vault,
                Err(error) => {
                    assert!(error.is_passing() && Instant::now() < deadline, "{error}");
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }

    /// What makes it good: the image's measurement, on this platform.
    pub fn trust(&self) -> Trust {
        let mut policy = Policy::strict(Wanted::Sgx(SgxProgram {
            measurements: vec![image::vault().measurement()],
            product: Some(VAULT_PRODUCT),
            ..SgxProgram::default()
        }));
        policy.allow_debug = true;
        policy.allow_sim = true;
        policy.simulated_roots = vec![self.root()];
        Trust::Attested {
            policy: Box::new(policy),
            anchor: Box::new(self.anchor()),
            realm: None,
        }
    }

    /// The root of its platform, as verifiers name it.
    pub fn root(&self) -> Fingerprint {
        self.platform().fingerprint().parse().unwrap()
    }

    /// The same, as verifiers use it.
    pub fn anchor(&self) -> TrustAnchor {
        TrustAnchor::simulated(self.platform().root_der(), self.root()).unwrap()
    }

    /// The platform that it and its workers run on.
    pub fn platform(&self) -> Platform {
        Platform::open(&self.platform_folder()).unwrap()
    }

    fn platform_folder(&self) -> PathBuf {
        self.folder.join("simulated-platform")
    }

    /// An image's enclave on that platform.
    pub fn enclave(&self, image: &Image) -> Enclave {
        image::enclave(image, &self.platform_folder())
    }

    /// The program of the worker's image, as keys are made for it.
    pub fn program(&self) -> Program {
        Program {
            measurement: Text(image::worker().measurement()),
            signer: Text(image::worker().signer()),
            product: WORKER_PRODUCT,
            svn: 1,
            debug: true,
            simulated_roots: vec![Text(self.root())],
            tolerate: Vec::new(),
        }
    }

    /// Where a worker of that program finds its keys, made if there are none.
    pub fn worker(&self, name: &str) -> WorkerSession {
        self.client().ensure_worker(name, &self.program()).unwrap()
    }

    /// What a host of that worker is told. It registers nowhere.
    pub fn host_config(&self, worker: &WorkerSession) -> Config {
        let name = WorkerName::new(&worker.worker).unwrap();
        let mut config = Config::new(name, self.enclave(image::worker()));
        config.program_args = program_arguments(&worker.worker);
        config.keys = Keys::Vault(Provision {
            vault: self.address.into(),
            service: worker.service_name().unwrap(),
        });
        config
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            drop(host.stop());
        }
    }
}
