//! Taking a processor into the pool, after its evidence was verified.

use attestation::Time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::rsa::EncryptionKey;
use protocol::crypto::sha256;
use protocol::pool::{Registered, Registration};
use protocol::report_data;
use provision::Evidence;
use provision::audit::{Audited, Outcome};
use provision::text::{Base64, Text};
use serde::Deserialize;
use serde_json::value::RawValue;
use sgx::Digest;
use sgx::quote::{Body, Quote};

use super::desk::{Answered, Desk};
use super::kept::{Joined, Pool};
use crate::cas::{self, Cas};
use crate::kme::{event, session};
use crate::state::{Decision, Event};

/// The members of `proofData` that count; Avalon's readers have others.
#[derive(Deserialize)]
struct Proof {
    verification_report: String,
    collateral: Box<RawValue>,
}

/// Why a processor is not taken in.
struct Refused {
    status: Registered,
    code: &'static str,
    what: String,
    measurement: Option<Digest>,
}

/// What becomes of a registration: the number of its status, as text.
pub(super) fn decide(
    desk: &Desk,
    pool: &Pool,
    cas: &Cas,
    registration: &[u8],
    now: Time,
) -> Answered {
    let (status, events, line) = match admit(desk, pool, cas, registration, now) {
        Ok((joined, measurement)) => {
            let what = event::What::Joined { member: joined };
            let event = event::Event {
                time: now.unix(),
                what,
            };
            let line = Audited {
                measurement: Some(Text(measurement)),
                ..event.audited(None)
            };
            (Registered::Yes, vec![Event::Kme(event)], line)
        }
        Err(refused) => (refused.status, Vec::new(), refused.line(pool, now)),
    };
    Decision {
        events,
        audit: vec![line],
        reply: Ok((status as u8).to_string()),
    }
}

fn admit(
    desk: &Desk,
    pool: &Pool,
    cas: &Cas,
    registration: &[u8],
    now: Time,
) -> Result<(Joined, Digest), Refused> {
    let form = |what: &str| Refused::form(Registered::Failed, what);
    let asked: Registration = provision::text::read("registration", registration)
        .map_err(|error| form(&error.to_string()))?;
    let key = EncryptionKey::from_pem(&asked.wpe_encryption_key);
    let key = key.map_err(|_| form("the processor's key is none"))?;
    if !desk.awaits(&asked.unique_id) {
        let what = "its unique key was not given here, or has been used";
        return Err(Refused::form(Registered::NoSuchKey, what));
    }
    let measurement = appraise(pool, cas, &asked, now)?;
    if asked.mr_enclave.to_ascii_lowercase() != hex::encode(pool.program.mrenclave()) {
        let what = "it says that its measurement is another than its evidence does";
        return Err(Refused::form(Registered::Measurement, what));
    }
    // Between the look and this somebody else may have used it.
    let unique = desk.spend(&asked.unique_id);
    let unique = unique.ok_or_else(|| form("its unique key has just been used"))?;
    let joined = Joined::new(&key, &unique).ok_or_else(|| form("the processor's key is none"))?;
    Ok((joined, measurement))
}

/// Whether its evidence is that of the pool's program, and is about these two keys.
fn appraise(pool: &Pool, cas: &Cas, asked: &Registration, now: Time) -> Result<Digest, Refused> {
    let form = |what: &str| Refused::form(Registered::Evidence, what);
    let proof: Proof = provision::text::read("proof_data", asked.proof_data.as_bytes())
        .map_err(|error| form(&error.to_string()))?;
    let quote = STANDARD.decode(&proof.verification_report);
    let quote = quote.map_err(|_| form("its quote is no base64"))?;
    let halves = halves(&quote);
    let said = report_data::pool_processor(&asked.wpe_encryption_key, &asked.unique_id);
    let evidence = Evidence {
        quote: Base64(quote),
        collateral: proof.collateral,
    };
    let session = session::alone(&pool.worker, &pool.program);
    let service = session.services.first();
    let service = service.ok_or_else(|| form("the pool has no program"))?;
    cas.appraise(&session, service, &evidence, &said, now)
        .map_err(|(error, measurement)| {
            let about_key = halves == Some(sha256(&[asked.wpe_encryption_key.as_bytes()]));
            Refused {
                status: status(&error, about_key),
                code: error.code(),
                what: error.to_string(),
                measurement,
            }
        })
}

/// The first half of a quote's REPORTDATA, before anything of it is verified: it only tells one refusal from
/// another.
fn halves(quote: &[u8]) -> Option<[u8; 32]> {
    let quote = Quote::parse(quote).ok()?;
    let Body::Sgx(report) = quote.body() else {
        return None;
    };
    report.report_data.first_chunk().copied()
}

/// Avalon's number for a refusal.
fn status(error: &cas::Error, about_key: bool) -> Registered {
    match error {
        cas::Error::Measurement { .. } => Registered::Measurement,
        cas::Error::Signer { .. } | cas::Error::Product { .. } | cas::Error::Svn { .. } => {
            Registered::Signer
        }
        cas::Error::ReportData if about_key => Registered::UniqueKey,
        cas::Error::ReportData => Registered::EncryptionKey,
        _ => Registered::Evidence,
    }
}

impl Refused {
    fn form(status: Registered, what: &str) -> Self {
        Self {
            status,
            code: "kme.pool",
            what: what.to_owned(),
            measurement: None,
        }
    }

    /// The line of the audit log.
    fn line(self, pool: &Pool, now: Time) -> Audited {
        Audited {
            time: Text(now),
            event: event::JOIN.to_owned(),
            outcome: Outcome::Refused,
            session: Some(pool.worker.session().to_string()),
            service: None,
            code: Some(self.code.to_owned()),
            detail: Some(cas::brief(&self.what)),
            measurement: self.measurement.map(Text),
            who: None,
        }
    }
}
