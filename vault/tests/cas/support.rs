//! A vault's CAS with its state, and a simulated platform with programs that ask it.

use std::sync::Arc;
use std::time::Duration;

use attestation::Time;
use protocol::SystemEntropy;
use provision::audit::{Audited, Outcome};
use provision::{Attempt, Evidence, Grant, Release, ReleaseRequest, ServiceName, VaultKey};
use sconce_vault::cas::{Cas, Error, Limits, Principal};
use sconce_vault::state::{Decision, Event, State};
use session::Hex32;
use sgx::{Attributes, Mrenclave, Mrsigner, flags};
use simulator::{Platform, Secs, Seed, Settings};

/// When the platform was made, and when programs ask.
pub(crate) const MADE: u64 = 1_767_225_600;
pub(crate) const NOW: Time = Time::from_unix(MADE + 3600);
pub(crate) const ELAPSED: Duration = Duration::from_secs(5);

/// The program that sessions of these tests are for.
pub(crate) const MEASUREMENT: [u8; 32] = [0x11; 32];
pub(crate) const SIGNER: [u8; 32] = [0x22; 32];
pub(crate) const PRODUCT: u16 = 1;
pub(crate) const SVN: u16 = 3;

pub(crate) const ALICE: Principal = Principal::Key(Hex32([0xa1; 32]));
pub(crate) const BOB: Principal = Principal::Key(Hex32([0xb0; 32]));
pub(crate) const CAROL: Principal = Principal::Key(Hex32([0xca; 32]));

/// CAS, its state, and everything that it has told the audit log.
pub(crate) struct World {
    pub(crate) cas: Cas,
    pub(crate) state: State,
    pub(crate) platform: Platform,
    pub(crate) key: Arc<VaultKey>,
    pub(crate) log: Vec<Audited>,
    pub(crate) now: Time,
    pub(crate) elapsed: Duration,
}

/// A program that asks, and how.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) service: &'static str,
    pub(crate) secs: Secs,
    /// Instead of the collateral of this time.
    pub(crate) collateral: Option<String>,
    pub(crate) platform: Option<Platform>,
}

impl World {
    pub(crate) fn new() -> Self {
        let key = Arc::new(VaultKey::generate().unwrap());
        Self {
            cas: cas(&key, Limits::default()),
            state: State::default(),
            platform: platform(1),
            key,
            log: Vec::new(),
            now: NOW,
            elapsed: ELAPSED,
        }
    }

    /// With one session `shop/till` of Alice, whose service `app` is for the program of these tests.
    pub(crate) fn with_till() -> Self {
        let mut world = Self::new();
        let text = world.till("");
        world.put(ALICE, "shop/till", &text).unwrap();
        world
    }

    /// A session that gives `app` a secret of 20 characters.
    pub(crate) fn till(&self, rest: &str) -> String {
        format!(
            "\
name: shop/till
version: \"0.3.10\"
security:
  attestation:
    mode: simulated
    simulated_roots: [\"{root}\"]
services:
  - name: app
    attestation: [{{mrenclave: \"{measurement}\", signer: {{mrsigner: \"{signer}\", isvprodid: {PRODUCT}, isvsvn_min: {SVN}}}}}]
    command: [/app, --token, \"$$SCONE::token$$\"]
    pwd: /srv
    environment: {{TOKEN: \"<$$SCONE::token$$>\"}}
secrets:
  - {{name: token, kind: ascii}}
{rest}",
            root = self.platform.fingerprint(),
            measurement = hex::encode(MEASUREMENT),
            signer = hex::encode(SIGNER),
        )
    }

    /// Writes a session as the vault does: in three steps, and through the journal's bytes.
    pub(crate) fn put(&mut self, who: Principal, name: &str, text: &str) -> Result<Hex32, Error> {
        let name = name.parse().unwrap();
        let plan = self.cas.plan(&self.state.cas, who, &name, text, self.now);
        let plan = self.commit(plan)?;
        let draft = self.cas.make(plan, self.now);
        let draft = self.commit(draft)?;
        let written = self.cas.write(&self.state.cas, draft, self.now);
        self.commit(written).map(|written| Hex32(written.hash.0))
    }

    pub(crate) fn commit<T>(&mut self, decision: Decision<Result<T, Error>>) -> Result<T, Error> {
        assert!(decision.reply.is_ok() || decision.events.is_empty());
        self.log.extend(decision.audit);
        for event in decision.events {
            let bytes = event.encode().unwrap();
            self.state.apply(Event::decode(&bytes).unwrap());
        }
        decision.reply
    }

    pub(crate) fn hash(&self, name: &str) -> Hex32 {
        let name = name.parse().unwrap();
        self.state.cas.get(&name).unwrap().hash()
    }

    /// What a program is given.
    pub(crate) fn grant(&mut self, asker: &Asker) -> Result<Grant, Error> {
        let (attempt, request) = self.request(asker);
        let release = self.release(&request)?;
        Ok(attempt.open(&release, self.key.public_der()).unwrap())
    }

    /// The refusal's code, which is in the log, too.
    pub(crate) fn refusal(&mut self, asker: &Asker) -> (Error, &'static str) {
        let (_, request) = self.request(asker);
        self.refusal_of(&request)
    }

    pub(crate) fn refusal_of(&mut self, request: &ReleaseRequest) -> (Error, &'static str) {
        let before = self.log.len();
        let error = self.release(request).unwrap_err();
        let [line] = &self.log[before..] else {
            panic!("not one line for a refusal");
        };
        assert_eq!(line.event, "release");
        assert_eq!(line.outcome, Outcome::Refused);
        assert_eq!(line.code.as_deref(), Some(error.code()));
        assert_eq!(line.session.as_ref(), Some(&request.session.to_string()));
        assert_eq!(line.service.as_ref(), Some(&request.service));
        let code = error.code();
        (error, code)
    }

    pub(crate) fn release(&mut self, request: &ReleaseRequest) -> Result<Release, Error> {
        let decision = self
            .cas
            .release(&self.state.cas, request, self.now, self.elapsed);
        assert!(decision.events.is_empty());
        assert_eq!(decision.audit.len(), 1);
        self.commit(decision)
    }

    pub(crate) fn nonce(&self) -> [u8; 32] {
        self.cas.challenge(self.elapsed).unwrap().nonce.0
    }

    pub(crate) fn request(&self, asker: &Asker) -> (Attempt, ReleaseRequest) {
        let attempt = self.attempt(asker.service);
        let report_data = attempt.report_data();
        let evidence = self.evidence(asker, &report_data);
        let request = attempt.request(evidence);
        (attempt, request)
    }

    pub(crate) fn attempt(&self, service: &str) -> Attempt {
        let service: ServiceName = service.parse().unwrap();
        Attempt::new(service, self.nonce()).unwrap()
    }

    pub(crate) fn evidence(&self, asker: &Asker, report_data: &[u8; 64]) -> Evidence {
        let platform = asker.platform.as_ref().unwrap_or(&self.platform);
        let now = self.now.unix();
        let found = platform.evidence(&asker.secs, report_data, now).unwrap();
        let collateral = found.collateral.to_json();
        let collateral = asker.collateral.as_ref().unwrap_or(&collateral);
        Evidence::new(found.quote, collateral).unwrap()
    }
}

impl Asker {
    /// The program that the session is for.
    pub(crate) fn app() -> Self {
        let mut secs = Secs::new(Mrenclave(MEASUREMENT), Mrsigner(SIGNER));
        secs.isv_prod_id = PRODUCT;
        secs.isv_svn = SVN;
        Self {
            service: "shop/till/app",
            secs,
            collateral: None,
            platform: None,
        }
    }

    pub(crate) fn of(service: &'static str) -> Self {
        Self {
            service,
            ..Self::app()
        }
    }

    /// The program, with one thing otherwise.
    pub(crate) fn but(change: impl FnOnce(&mut Secs)) -> Self {
        let mut asker = Self::app();
        change(&mut asker.secs);
        asker
    }

    pub(crate) fn debugged() -> Self {
        Self::but(|secs| {
            secs.attributes = Attributes {
                flags: secs.attributes.flags | flags::DEBUG,
                ..secs.attributes
            };
        })
    }
}

pub(crate) fn cas(key: &Arc<VaultKey>, limits: Limits) -> Cas {
    Cas::new(Arc::clone(key), Arc::new(SystemEntropy::new()), limits).unwrap()
}

pub(crate) fn platform(seed: u8) -> Platform {
    Platform::new(Seed::from_bytes([seed; 32]), Settings::new(MADE)).unwrap()
}
