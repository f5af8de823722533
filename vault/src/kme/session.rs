//! The session in which a worker's keys stand.

use std::collections::BTreeMap;

use ::session::{
    AccessPolicy, Attestation, Entity, Factors, Hex32, KeyType, Mode, OneOrMany, Secret,
    SecretKind, Security, Service, Session, Signer, SimulatedRoot, Tolerance, Version,
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provision::{DIRECTORY, DIRECTORY_KEY, ENCRYPTION_KEY, GENERATION, SIGNING_KEY};

use super::worker::{Generation, Worker};
use super::{Client, Keys, Program, WorkerName};

/// The version of the session language that they are written in.
const VERSION: Version = Version {
    minor: 3,
    patch: Some(10),
};

/// The name of a generation's service in it.
#[must_use]
pub fn service_name(generation: u64) -> String {
    format!("g{generation}")
}

/// The session of a worker: a service for each generation that lives. The keys of the one that is named are
/// in it; others' stay as CAS has them. The owner may read it, and nobody but the vault itself write.
pub(super) fn of(
    name: &WorkerName,
    worker: &Worker,
    owner: Option<&Client>,
    made: Option<(u64, &Keys)>,
) -> Session {
    let readers = owner.map(|owner| Entity::KeyHash(hex::encode(owner)));
    let keys = |number: u64| made.and_then(|(of, keys)| (of == number).then_some(keys));
    let numbers = || worker.generations().map(|(number, _)| number);
    Session {
        name: name.session().to_string(),
        version: Some(VERSION),
        access_policy: Some(AccessPolicy {
            read: Some(std::iter::once(Entity::Creator).chain(readers).collect()),
            update: Some(vec![Entity::Creator]),
            create_sessions: None,
        }),
        security: Some(security(worker)),
        services: worker
            .generations()
            .map(|generation| service(worker, generation))
            .collect(),
        secrets: numbers()
            .flat_map(|number| secrets(number, keys(number)))
            .collect(),
        ..Session::default()
    }
}

/// A session with one service, of this program: to hold evidence against, and nothing else.
pub(super) fn alone(name: &WorkerName, program: &Program) -> Session {
    let mut worker = Worker::default();
    worker.born(1, program.clone(), 0, 0);
    of(name, &worker, None, None)
}

/// What all generations ask of platforms; it is the same for those that live at once.
fn security(worker: &Worker) -> Security {
    let mut attestation = Attestation::strict();
    if let Some((_, newest)) = worker.generations().last() {
        let demands = newest.program.demands();
        let debug = demands.debug.then_some(Tolerance::DebugMode);
        attestation.tolerate = Some(demands.tolerate.iter().copied().chain(debug).collect());
        if !demands.simulated_roots.is_empty() {
            attestation.mode = Some(Mode::Simulated);
            let roots = demands.simulated_roots.iter();
            attestation.simulated_roots =
                Some(roots.map(|root| SimulatedRoot(*root.as_bytes())).collect());
        }
    }
    Security {
        attestation: Some(attestation),
    }
}

fn service(worker: &Worker, (number, generation): (u64, &Generation)) -> Service {
    let program = &generation.program;
    let factors = Factors {
        mrenclave: Some(OneOrMany::Many(vec![Hex32(program.mrenclave())])),
        signer: Some(Signer {
            mrsigner: Hex32(program.mrsigner()),
            isvprodid: program.product(),
            isvsvn: None,
            isvsvn_min: Some(program.svn()),
            isvsvn_max: None,
        }),
    };
    let variables = [
        (SIGNING_KEY, placeholder(&signing_key(number))),
        (ENCRYPTION_KEY, placeholder(&encryption_key(number))),
        (GENERATION, number.to_string()),
    ];
    let key = worker
        .directory_key()
        .map(|key| (DIRECTORY_KEY, STANDARD.encode(key.public_der())));
    let directory = worker
        .directory()
        .map(|trust| (DIRECTORY, trust.to_owned()));
    let environment: BTreeMap<_, _> = variables
        .into_iter()
        .chain(key)
        .chain(directory)
        .map(|(variable, value)| (variable.to_owned(), value))
        .collect();
    Service {
        name: service_name(number),
        attestation: Some(OneOrMany::Many(vec![factors])),
        environment,
        ..Service::default()
    }
}

fn secrets(number: u64, keys: Option<&Keys>) -> [Secret; 2] {
    // A key that CAS holds has its kind and its type; one that is given has them in its text.
    let secret = |name: String, key_type: KeyType, value: Option<&str>| Secret {
        name,
        kind: Some(SecretKind::PrivateKey),
        key_type: value.is_none().then_some(key_type),
        migrate: Some(true),
        value: value.map(|text| text.to_owned().into()),
        ..Secret::default()
    };
    let signing = keys.map(|keys| keys.signing.as_str());
    let encryption = keys.map(|keys| keys.encryption.as_str());
    [
        secret(signing_key(number), KeyType::Secp256k1, signing),
        secret(encryption_key(number), KeyType::Rsa3072, encryption),
    ]
}

pub(super) fn signing_key(number: u64) -> String {
    format!("signing-g{number}")
}

pub(super) fn encryption_key(number: u64) -> String {
    format!("encryption-g{number}")
}

fn placeholder(secret: &str) -> String {
    format!("$$SCONE::{secret}$$")
}
