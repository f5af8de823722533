//! A worker's entry in its key directory.
//!
//! What stands in it is decided here, and by nobody who asks: the keys are those of generations that live, the
//! programs those that they were made for. Whoever asks brings the evidence, which has to be about these very
//! keys, and says where the entry goes and what it replaces. That is signed, too: an older entry can't be put back
//! by showing its signature again.
//!
//! Whether the evidence is genuine and in force, the directory, its auditors and every requester verify, each by
//! a clock of their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::{KeyError, pem, sha256};
use protocol::entry::{APP, Evidence, Generation, WorkerEntry};
use protocol::{WorkerId, report_data};
use provision::api::{GenerationEvidence, NewEntry, SignedEntry};
use provision::audit::{Audited, Outcome};
use provision::text::{Hex, Text};
use serde_json::value::to_raw_value;
use sgx::quote::{Body, Quote};
use transparency::messages::{EntryUpdate, Profile};
use transparency::update::Draft;
use zeroize::Zeroizing;

use super::requests::{Asker, Decided};
use super::{DirectoryKey, Error, Program, Worker, WorkerName, session};
use crate::cas::Stored;
use crate::state::{Decision, State};

/// What the audit log calls it.
const EVENT: &str = "worker.entry";

/// Bytes of a nonce.
pub const NONCE: usize = 16;

/// Public keys of a generation, in PEM.
struct PublicKeys {
    verification: String,
    encryption: String,
}

/// Makes and signs a worker's entry, for the owner. `nonce` is fresh randomness.
pub fn entry(
    state: &State,
    asker: Asker<'_>,
    worker: &str,
    wish: &NewEntry,
    nonce: &[u8; NONCE],
) -> Decided<SignedEntry> {
    let decided = sign(state, asker, worker, wish, nonce).map(|(name, signed)| {
        let numbers: Vec<String> = wish
            .generations
            .iter()
            .map(|one| one.generation.to_string())
            .collect();
        Decision {
            events: Vec::new(),
            audit: vec![line(asker, &name, &numbers.join(", "), &signed)],
            reply: signed,
        }
    });
    let decided = decided.and_then(|decision| {
        let update = to_raw_value(&decision.reply);
        let update = update.map_err(|fault| Error::entry(fault.to_string()))?;
        Ok(decision.map(|_| SignedEntry { update }))
    });
    asker.refused_or(EVENT, Some(worker), decided)
}

fn sign(
    state: &State,
    asker: Asker<'_>,
    worker: &str,
    wish: &NewEntry,
    nonce: &[u8; NONCE],
) -> Result<(WorkerName, EntryUpdate), Error> {
    state.kme.authorize(asker.client)?;
    let name: WorkerName = worker.parse()?;
    let found = state.kme.worker(&name)?;
    let key = found
        .directory_key()
        .ok_or_else(|| Error::entry("the worker has no key for directories yet"))?;
    let index: &[u8; 32] = wish.index.0.as_slice().try_into().map_err(|_| {
        Error::entry(format!(
            "`index` has {} bytes and not 32",
            wish.index.0.len()
        ))
    })?;
    let entry = WorkerEntry {
        name: name.to_string(),
        generations: generations(state, &name, found, key, &wish.generations)?,
    };
    let data = entry.to_json();
    let data = data.map_err(|fault| Error::entry(fault.to_string()))?;
    let signing = key
        .signing()
        .map_err(|fault| Error::entry(fault.to_string()))?;
    let user = WorkerId::from_name(name.as_str());
    let draft = Draft {
        user: user.as_str(),
        index,
        previous: wish.previous.as_ref().map(|leaf| leaf.0.as_slice()),
        profile: &Profile([(APP.to_owned(), data)].into()),
        authorized_keys: &[signing.verifying_key().clone()],
        nonce,
    };
    let update = draft.sign(&[&signing]);
    Ok((name, update.map_err(|_| Error::NoKeys)?))
}

/// The generations that evidence was brought of, the newest first.
fn generations(
    state: &State,
    name: &WorkerName,
    worker: &Worker,
    key: &DirectoryKey,
    brought: &[GenerationEvidence],
) -> Result<Vec<Generation>, Error> {
    let keys = state.cas.get(&name.session());
    let keys = keys.ok_or_else(|| Error::entry("the worker's keys are not here"))?;
    let mut brought: Vec<_> = brought.iter().collect();
    brought.sort_by_key(|one| std::cmp::Reverse(one.generation));
    let mut collateral = None;
    let mut made = Vec::with_capacity(brought.len());
    for one in brought {
        let number = one.generation;
        let living = worker.generations().find(|(lives, _)| *lives == number);
        let (_, living) = living.ok_or_else(|| Error::Gone {
            worker: name.clone(),
            number,
        })?;
        let public = PublicKeys::of(keys, number)
            .map_err(|_| Error::entry(format!("the keys of generation {number} are not here")))?;
        let said = report_data::worker_keys(
            &WorkerId::from_name(name.as_str()),
            &public.verification,
            &public.encryption,
            key.public_der(),
        );
        check_quote(&one.evidence.quote.0, &living.program, &said)
            .map_err(|what| Error::entry(format!("the evidence of generation {number} {what}")))?;
        let text = one.evidence.collateral.get();
        let known = collateral.replace(text) == Some(text);
        made.push(Generation {
            generation: number,
            verification_key: public.verification,
            encryption_key: public.encryption,
            measurement: living.program.measurement().to_string(),
            signer: living.program.signer().to_string(),
            product: living.program.product(),
            svn: living.program.svn(),
            evidence: Evidence {
                quote: STANDARD.encode(&one.evidence.quote.0),
                collateral: (!known).then(|| one.evidence.collateral.clone()),
            },
        });
    }
    Ok(made)
}

/// Whether a quote is about a program and about these keys of it; not whether it is genuine.
fn check_quote(quote: &[u8], program: &Program, said: &[u8; 64]) -> Result<(), &'static str> {
    let quote = Quote::parse(quote).map_err(|_| "is no quote")?;
    let Body::Sgx(report) = quote.body() else {
        return Err("is of a virtual machine");
    };
    if report.mrenclave.0 != program.mrenclave() {
        return Err("is of another program than the one that it is for");
    }
    let line = (report.mrsigner.0, report.isv_prod_id);
    if line != (program.mrsigner(), program.product()) || report.isv_svn < program.svn() {
        return Err("is of another signer's, or an older, program than the one that it is for");
    }
    if report.report_data != *said {
        return Err(
            "is about other keys: of another worker, or of a process that was started before the \
             worker had a key for directories",
        );
    }
    Ok(())
}

impl PublicKeys {
    fn of(session: &Stored, generation: u64) -> Result<Self, KeyError> {
        let key = |name: String| session.private_key(&name).ok_or(KeyError::Made);
        let signing = SigningKey::from_pem(key(session::signing_key(generation))?)?;
        let der = pem::decode("PRIVATE KEY", key(session::encryption_key(generation))?)?;
        let decryption = DecryptionKey::from_pkcs8(&Zeroizing::new(der))?;
        Ok(Self {
            verification: signing.verifying_key().pem().to_owned(),
            encryption: decryption.encryption_key()?.pem().to_owned(),
        })
    }
}

fn line(asker: Asker<'_>, name: &WorkerName, numbers: &str, signed: &EntryUpdate) -> Audited {
    let hash = hex::encode(sha256(&[&signed.update.key_value.value]));
    Audited {
        time: Text(asker.now),
        event: EVENT.to_owned(),
        outcome: Outcome::Done,
        session: Some(name.session().to_string()),
        service: None,
        code: None,
        detail: Some(format!(
            "entry {hash} signed for its key directory; generations: {numbers}"
        )),
        measurement: None,
        who: asker.client.copied().map(Hex),
    }
}
