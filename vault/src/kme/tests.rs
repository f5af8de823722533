//! Generations, from the first claim to the last retirement.

use ::session::{Mode, Session, Tolerance};
use provision::api;
use provision::audit::Outcome;

use super::*;

const OWNER: Client = [1; 32];
const OTHER: Client = [2; 32];

/// A vault's key management, with everything kept that it decides.
#[derive(Default)]
struct Vault {
    kme: Kme,
    /// The session that CAS holds, of the worker that changed last.
    session: Option<Session>,
}

impl Vault {
    /// One that is claimed.
    fn owned() -> Self {
        let mut vault = Self::default();
        let decision = vault.kme.claim(Some(&OWNER), at(0)).unwrap();
        vault.keep(decision);
        vault
    }

    /// Keeps a decision as the journal would: what is read back is what was written.
    fn keep<T>(&mut self, decision: Decision<T>) -> T {
        assert_eq!(decision.events.len(), decision.audit.len());
        for event in &decision.events {
            let kept = serde_json::to_vec(event).unwrap();
            self.kme.apply(&serde_json::from_slice(&kept).unwrap());
        }
        let snapshot = serde_json::to_vec(&self.kme).unwrap();
        assert_eq!(serde_json::from_slice::<Kme>(&snapshot).unwrap(), self.kme);
        if let Some(session) = decision.session {
            let text = session.to_yaml().unwrap();
            assert_eq!(Session::parse(&text).unwrap(), session, "{text}");
            self.session = Some(session);
        }
        decision.reply
    }

    fn ensure(&mut self, program: &Program, time: u64) -> Result<u64, Error> {
        let keys = self.kme.wants_keys(&name()).then(keys);
        let fresh = Fresh { keys, ..fresh() };
        let decision = self
            .kme
            .ensure(Some(&OWNER), &name(), &wish(program), fresh, at(time));
        decision.map(|decision| self.keep(decision).generation)
    }

    fn next(&mut self, program: &Program, overlap: u64, time: u64) -> Result<u64, Error> {
        let overlap = Duration::from_secs(overlap);
        let (owner, worker) = (Some(&OWNER), name());
        let decision =
            self.kme
                .new_generation(owner, &worker, program, overlap, Some(keys()), at(time));
        decision.map(|decision| self.keep(decision).generation)
    }

    /// The tick: retires what is due.
    fn tick(&mut self, time: u64) {
        while let Some(decision) = self.kme.due(at(time)) {
            self.keep(decision);
        }
    }

    fn living(&self) -> Vec<u64> {
        let (_, worker) = self.kme.workers().next().unwrap();
        worker.generations().map(|(number, _)| number).collect()
    }

    fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }
}

fn at(seconds: u64) -> Time {
    Time::from_unix(1_800_000_000 + seconds)
}

fn name() -> WorkerName {
    "w".parse().unwrap()
}

/// Texts in place of keys: nothing here looks into them, and real ones take long.
fn keys() -> Keys {
    Keys {
        signing: "-----BEGIN PRIVATE KEY-----\nsigning".to_owned().into(),
        encryption: "-----BEGIN PRIVATE KEY-----\nencryption".to_owned().into(),
    }
}

fn fresh() -> Fresh {
    Fresh {
        keys: Some(keys()),
        directory_key: Some(DirectoryKey::generate().unwrap()),
    }
}

fn wish(program: &Program) -> Wish {
    Wish {
        program: program.clone(),
        directory: None,
    }
}

fn form(measurement: u8, svn: u16) -> api::Program {
    serde_json::from_value(serde_json::json!({
        "measurement": format!("sim:mrenclave:{}", hex::encode([measurement; 32])),
        "signer": format!("sim:mrsigner:{}", hex::encode([9; 32])),
        "product": 1,
        "svn": svn,
        "debug": true,
        "simulatedRoots": [format!("sim:{}", hex::encode([7; 32]))],
    }))
    .unwrap()
}

fn program(measurement: u8, svn: u16) -> Program {
    form(measurement, svn).try_into().unwrap()
}

fn with(change: impl FnOnce(&mut api::Program)) -> Result<Program, ProgramError> {
    let mut form = form(1, 1);
    change(&mut form);
    form.try_into()
}

#[test]
fn who_asks_first_owns_it() {
    let mut vault = Vault::default();
    let refused = |vault: &Vault, client: Option<&Client>| vault.kme.authorize(client).unwrap_err();
    assert_eq!(refused(&vault, Some(&OWNER)), Error::Unclaimed);
    let nobody = vault.kme.claim(None, at(0)).unwrap_err();
    assert_eq!(nobody, Error::Certificate);

    let claimed = vault.kme.claim(Some(&OWNER), at(0)).unwrap();
    assert_eq!(claimed.audit[0].event, "owner.claim");
    assert_eq!(claimed.audit[0].who.unwrap().0, OWNER);
    vault.keep(claimed);
    assert_eq!(vault.kme.owner(), Some(&OWNER));
    assert!(
        vault
            .kme
            .claim(Some(&OWNER), at(1))
            .unwrap()
            .events
            .is_empty()
    );
    assert_eq!(
        vault.kme.claim(Some(&OTHER), at(1)).unwrap_err(),
        Error::Owner
    );
    assert_eq!(refused(&vault, Some(&OTHER)), Error::Owner);
    assert_eq!(refused(&vault, None), Error::Certificate);
    assert_eq!(Error::Owner.code(), "vault.owner");
}

#[test]
fn only_the_owner_makes_and_retires() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 1).unwrap();
    let (kme, worker, one) = (&vault.kme, name(), program(1, 1));
    let other = Some(&OTHER);
    let refused = [
        kme.ensure(other, &worker, &wish(&one), fresh(), at(2))
            .map(drop),
        kme.new_generation(other, &worker, &one, Duration::ZERO, Some(keys()), at(2))
            .map(drop),
        kme.retire(other, &worker, 1, at(2)).map(drop),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err(), Error::Owner);
    }
}

#[test]
fn the_first_generation_is_made_once() {
    let mut vault = Vault::owned();
    let worker = name();
    assert!(vault.kme.wants_keys(&worker));
    for lacks in [
        Fresh {
            keys: None,
            ..fresh()
        },
        Fresh {
            directory_key: None,
            ..fresh()
        },
    ] {
        let one = wish(&program(1, 1));
        let without = vault.kme.ensure(Some(&OWNER), &worker, &one, lacks, at(1));
        assert_eq!(without.unwrap_err(), Error::NoKeys);
    }
    assert_eq!(vault.ensure(&program(1, 1), 1), Ok(1));
    assert!(!vault.kme.wants_keys(&worker));
    assert_eq!(vault.ensure(&program(1, 1), 2), Ok(1));

    let refused = vault.ensure(&program(2, 1), 3).unwrap_err();
    assert_eq!(refused.code(), "kme.measurement");
    let message = refused.to_string();
    for measurement in [program(1, 1).measurement(), program(2, 1).measurement()] {
        assert!(message.contains(&measurement.to_string()), "{message}");
    }
    assert!(refused.advice().contains("sconce upgrade"));

    let strict = with(|form| form.debug = false).unwrap();
    let refused = vault.ensure(&strict, 3).unwrap_err();
    assert_eq!(refused.code(), "kme.measurement");
    assert!(refused.to_string().contains("debug"), "{refused}");
}

#[test]
fn a_session_names_the_one_program_of_each_generation() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 1).unwrap();
    vault.next(&program(2, 3), 60, 2).unwrap();
    let session = vault.session();
    assert_eq!(session.name, "avalon/w");
    let services: Vec<_> = session
        .services
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(services, ["g1", "g2"]);
    for (service, measurement) in session.services.iter().zip([1, 2]) {
        let factors = &service.attestation.as_ref().unwrap().as_slice()[0];
        let measurements = factors.mrenclave.as_ref().unwrap().as_slice();
        assert_eq!(measurements.len(), 1);
        assert_eq!(measurements[0].0, [measurement; 32]);
        let signer = factors.signer.as_ref().unwrap();
        assert_eq!((signer.mrsigner.0, signer.isvprodid), ([9; 32], 1));
        assert_eq!(
            signer.isvsvn_min,
            Some(if measurement == 1 { 1 } else { 3 })
        );
    }
    let variables = &session.services[1].environment;
    assert_eq!(variables["SCONCE_SIGNING_KEY"], "$$SCONE::signing-g2$$");
    assert_eq!(
        variables["SCONCE_ENCRYPTION_KEY"],
        "$$SCONE::encryption-g2$$"
    );
    assert_eq!(variables["SCONCE_GENERATION"], "2");

    let given: Vec<_> = session
        .secrets
        .iter()
        .map(|one| (one.name.as_str(), one.value.is_some()))
        .collect();
    assert_eq!(
        given,
        [
            ("signing-g1", false),
            ("encryption-g1", false),
            ("signing-g2", true),
            ("encryption-g2", true)
        ],
        "keys are given once, and stay with CAS"
    );
    assert!(
        session
            .secrets
            .iter()
            .all(|one| one.migrate == Some(true) && one.export.is_none())
    );

    let security = session
        .security
        .as_ref()
        .unwrap()
        .attestation
        .as_ref()
        .unwrap();
    assert_eq!(security.mode, Some(Mode::Simulated));
    assert_eq!(security.simulated_roots.as_ref().unwrap()[0].0, [7; 32]);
    assert_eq!(
        security.tolerate.as_deref(),
        Some(&[Tolerance::DebugMode][..])
    );
    let access = session.access_policy.as_ref().unwrap();
    assert_eq!(
        access.update.as_deref(),
        Some(&[::session::Entity::Creator][..])
    );
}

#[test]
fn a_worker_has_one_key_for_directories_and_its_programs_are_told_which() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 0).unwrap();
    let shown = |vault: &Vault| {
        let (_, worker) = vault.kme.workers().next().unwrap();
        worker.directory_key().unwrap().public_der().to_vec()
    };
    let key = shown(&vault);
    let told = |vault: &Vault| {
        let services = vault.session().services.iter();
        let environments = services.map(|one| one.environment.clone());
        environments.collect::<Vec<_>>()
    };
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &key);
    assert_eq!(told(&vault)[0]["SCONCE_DIRECTORY_KEY"], encoded);
    assert!(!told(&vault)[0].contains_key("SCONCE_DIRECTORY"));

    vault.next(&program(1, 1), 60, 1).unwrap();
    let mut wanted = wish(&program(1, 1));
    wanted.directory = Some("{}".to_owned());
    let ensure = |vault: &Vault, wanted: &Wish| {
        let fresh = Fresh::default();
        vault
            .kme
            .ensure(Some(&OWNER), &name(), wanted, fresh, at(2))
    };
    let decision = ensure(&vault, &wanted).unwrap();
    assert_eq!(decision.audit[0].event, "worker.directory");
    vault.keep(decision);
    for environment in told(&vault) {
        assert_eq!(environment["SCONCE_DIRECTORY"], "{}");
        assert_eq!(environment["SCONCE_DIRECTORY_KEY"], encoded);
    }
    assert_eq!(told(&vault).len(), 2);
    assert!(ensure(&vault, &wanted).unwrap().events.is_empty());
    assert!(
        ensure(&vault, &wish(&program(1, 1)))
            .unwrap()
            .events
            .is_empty(),
        "as before"
    );
    assert_eq!(shown(&vault), key, "it stays");
}

#[test]
fn a_worker_of_before_gets_a_key_for_directories() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 0).unwrap();
    let mut old = serde_json::to_value(&vault.kme).unwrap();
    let worker = old["workers"]["w"].as_object_mut().unwrap();
    assert!(worker.remove("directoryKey").is_some());
    assert!(worker.remove("directory").is_some());
    vault.kme = serde_json::from_value(old).unwrap();

    assert!(vault.kme.wants_directory_key(&name()));
    let lacks = vault.kme.ensure(
        Some(&OWNER),
        &name(),
        &wish(&program(1, 1)),
        Fresh::default(),
        at(1),
    );
    assert_eq!(lacks.unwrap_err(), Error::NoKeys);
    assert_eq!(vault.ensure(&program(1, 1), 1), Ok(1), "its keys stay");
    assert!(!vault.kme.wants_directory_key(&name()));
    let environment = &vault.session().services[0].environment;
    assert!(environment.contains_key("SCONCE_DIRECTORY_KEY"));
}

#[test]
fn an_overlap_ends() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 0).unwrap();
    assert_eq!(vault.next(&program(1, 1), 600, 100), Ok(2));
    assert_eq!(vault.living(), [1, 2]);
    assert_eq!(vault.kme.next_due(), Some(at(700).unix()));
    vault.tick(699);
    assert_eq!(vault.living(), [1, 2]);

    let decision = vault.kme.due(at(700)).unwrap();
    assert_eq!(decision.audit[0].event, "worker.retire");
    assert_eq!(decision.audit[0].session.as_deref(), Some("avalon/w"));
    assert_eq!(decision.audit[0].service.as_deref(), Some("g1"));
    assert_eq!(decision.audit[0].outcome, Outcome::Done);
    vault.keep(decision);
    assert_eq!(vault.living(), [2]);
    let session = vault.session();
    assert_eq!(session.services.len(), 1);
    assert!(
        session.secrets.iter().all(|one| one.name.ends_with("-g2")),
        "the keys are gone"
    );
    assert!(vault.kme.due(at(9999)).is_none());
    assert_eq!(vault.kme.next_due(), None);
}

#[test]
fn a_shorter_overlap_counts_and_none_destroys_at_once() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 0).unwrap();
    vault.next(&program(1, 1), 600, 0).unwrap();
    vault.next(&program(1, 1), 6000, 1).unwrap();
    vault.tick(600);
    assert_eq!(vault.living(), [2, 3], "a later overlap prolongs nothing");
    assert_eq!(vault.next(&program(1, 1), 0, 601), Ok(4));
    assert_eq!(vault.living(), [4]);
    assert_eq!(vault.session().services.len(), 1);
    assert_eq!(vault.session().secrets.len(), 2);
}

#[test]
fn the_clock_is_not_turned_back() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 0).unwrap();
    vault.next(&program(1, 1), 600, 1000).unwrap();
    // The host's clock says an hour less from here on.
    vault.next(&program(1, 1), 600, 0).unwrap();
    let (_, worker) = vault.kme.workers().next().unwrap();
    for (number, generation) in worker.generations() {
        assert!(generation.made >= at(if number == 1 { 0 } else { 1000 }).unix());
        let retires = generation.retires.unwrap_or(u64::MAX);
        assert!(
            retires == at(1600).unix() || retires == u64::MAX,
            "{number}"
        );
    }
    vault.tick(1600);
    assert_eq!(vault.living(), [3]);
}

#[test]
fn no_generation_is_older_than_one_before_it() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 5), 0).unwrap();
    assert_eq!(vault.next(&program(2, 7), 0, 1), Ok(2));
    let refused = vault.next(&program(1, 5), 0, 2).unwrap_err();
    assert_eq!(refused.code(), "kme.svn");
    assert_eq!(refused.to_string(), "w has had SVN 7, and 5 is lower");
    assert_eq!(
        vault.next(&program(1, 7), 0, 3),
        Ok(3),
        "another program of the same SVN"
    );

    let foreign = with(|form| {
        form.svn = 9;
        form.signer = format!("\"sim:mrsigner:{}\"", hex::encode([8; 32])).parse_text();
    });
    let refused = vault.next(&foreign.unwrap(), 0, 4).unwrap_err();
    assert_eq!(refused.code(), "kme.svn");
    assert!(
        refused.to_string().contains(&hex::encode([8; 32])),
        "{refused}"
    );
    let product = with(|form| (form.svn, form.product) = (9, 2)).unwrap();
    assert_eq!(vault.next(&product, 0, 4).unwrap_err().code(), "kme.svn");
    assert_eq!(vault.living(), [3]);
}

#[test]
fn what_is_asked_of_platforms_stays_while_an_older_generation_lives() {
    let mut vault = Vault::owned();
    let strict = with(|form| form.debug = false).unwrap();
    vault.ensure(&strict, 0).unwrap();
    let refused = vault.next(&program(1, 1), 1, 1).unwrap_err();
    assert_eq!(refused.code(), "kme.generation");
    assert_eq!(vault.next(&program(1, 1), 0, 1), Ok(2));
}

#[test]
fn what_the_owner_lets_pass_stands_in_the_audit_log() {
    let vault = Vault::owned();
    let program = with(|form| form.tolerate = vec!["outdated-tcb".to_owned()]).unwrap();
    let decision = vault
        .kme
        .ensure(Some(&OWNER), &name(), &wish(&program), fresh(), at(0))
        .unwrap();
    let told = decision.audit[0].detail.as_deref().unwrap();
    assert!(
        told.contains("with debug-mode, with outdated-tcb"),
        "{told}"
    );
}

#[test]
fn the_newest_generation_stays() {
    let mut vault = Vault::owned();
    let retire = |vault: &Vault, number| vault.kme.retire(Some(&OWNER), &name(), number, at(9));
    assert_eq!(retire(&vault, 1).unwrap_err().code(), "kme.worker");
    vault.ensure(&program(1, 1), 0).unwrap();
    assert_eq!(retire(&vault, 1).unwrap_err().code(), "kme.generation");
    vault.next(&program(1, 1), 600, 1).unwrap();
    let decision = retire(&vault, 1).unwrap();
    assert_eq!(decision.audit[0].who.unwrap().0, OWNER);
    vault.keep(decision);
    assert_eq!(vault.living(), [2]);
    for number in [0, 1, 2, 3] {
        assert_eq!(retire(&vault, number).unwrap_err().code(), "kme.generation");
    }
    assert_eq!(
        vault.next(&program(1, 1), 0, 2),
        Ok(3),
        "no number is used twice"
    );
}

#[test]
fn there_are_bounds() {
    let mut vault = Vault::owned();
    vault.ensure(&program(1, 1), 0).unwrap();
    for number in 2..=MAX_LIVING as u64 {
        assert_eq!(vault.next(&program(1, 1), 600, number), Ok(number));
    }
    let refused = vault.next(&program(1, 1), 600, 20).unwrap_err();
    assert!(matches!(refused, Error::Living { .. }), "{refused}");
    let longest = MAX_OVERLAP.as_secs();
    assert_eq!(
        vault.next(&program(1, 1), longest + 1, 20),
        Err(Error::Overlap)
    );

    for number in 1..MAX_WORKERS {
        let worker = format!("w{number}").parse().unwrap();
        let one = program(1, 1);
        let decision = vault
            .kme
            .ensure(Some(&OWNER), &worker, &wish(&one), fresh(), at(1))
            .unwrap();
        vault.kme.apply(&decision.events[0]);
    }
    let worker = "one-more".parse().unwrap();
    let refused = vault
        .kme
        .ensure(Some(&OWNER), &worker, &wish(&program(1, 1)), fresh(), at(1));
    assert_eq!(refused.unwrap_err(), Error::Workers);
}

#[test]
fn programs_that_are_none_are_refused() {
    let measurement = |text: String| with(|form| form.measurement = text.parse_text());
    let digits = hex::encode([1; 32]);
    assert_eq!(
        measurement(format!("\"sim:mrsigner:{digits}\"")),
        Err(ProgramError::Measurement)
    );
    let kinds = measurement(format!("\"sgx:mrenclave:{digits}\"")).unwrap_err();
    assert!(kinds.to_string().contains("sgx"), "{kinds}");
    let signer = with(|form| form.signer = format!("\"sim:mrenclave:{digits}\"").parse_text());
    assert_eq!(signer, Err(ProgramError::Signer));
    let roots = with(|form| form.simulated_roots.clear());
    assert_eq!(roots, Err(ProgramError::Roots));
    let hardware = with(|form| {
        form.measurement = format!("\"sgx:mrenclave:{digits}\"").parse_text();
        form.signer = format!("\"sgx:mrsigner:{digits}\"").parse_text();
    });
    assert_eq!(
        hardware,
        Err(ProgramError::Roots),
        "Intel's root needs no naming"
    );
    for word in ["debug-mode", "everything", ""] {
        let refused = with(|form| form.tolerate = vec![word.to_owned()]).unwrap_err();
        assert_eq!(refused, ProgramError::Tolerate(word.to_owned()));
        assert_eq!(Error::from(refused).code(), "vault.request");
    }
    let same = with(|form| form.tolerate = vec!["outdated-tcb".to_owned(); 2]).unwrap();
    assert_eq!(same.demands().tolerate, [Tolerance::OutdatedTcb]);
    for name in ["", "a/b", ".a", "a b", &"a".repeat(65)] {
        assert_eq!(name.parse::<WorkerName>(), Err(Error::Name), "{name}");
    }
}

#[test]
fn spare_keys_are_those_of_workers() {
    let spares = Spares::new(1, Duration::ZERO, Box::new(protocol::SystemEntropy::new())).unwrap();
    let (one, two) = (spares.take().unwrap(), spares.take().unwrap());
    assert_ne!(*one.signing, *two.signing);
    assert_ne!(*one.encryption, *two.encryption);
    assert!(protocol::crypto::secp256k1::SigningKey::from_pem(&one.signing).is_ok());
    let der = protocol::crypto::pem::decode("PRIVATE KEY", &one.encryption).unwrap();
    let key = protocol::crypto::rsa::DecryptionKey::from_pkcs8(&der).unwrap();
    assert_eq!(key.encryption_key().unwrap().bits(), 3072);
    assert_eq!(format!("{one:?}"), "Keys(…)");
}

/// A JSON text as a value.
trait ParseText {
    fn parse_text<T: serde::de::DeserializeOwned>(&self) -> T;
}

impl ParseText for String {
    fn parse_text<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(self).unwrap()
    }
}
