//! Workers' keys, with what shows which program has them: `avalon-worker`.

use attestation::{Collateral, Fingerprint, Policy, Time, TrustAnchor, verify};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::entry::{Generation, WorkerEntry};
use protocol::{WorkerId, report_data};
use sgx::quote::Body;
use sgx::{Digest, Kind};
use transparency::messages::{Entry, PublicKey};

use super::{AppError, Validator};

pub use protocol::entry::APP;

/// Checks entries of workers.
///
/// Every generation has a quote that is genuine, of a program that the policy takes, over the very keys
/// that stand beside it, the worker's id, and the one key that may change the entry. So nobody else can
/// have made the entry, not even the directory's owner.
#[derive(Clone, Debug)]
pub struct Workers {
    policy: Policy,
}

impl Workers {
    /// What programs workers may be, and on what platforms.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// Checks the entry of a worker: its data under [`APP`], and the keys that may change it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn check(
        &self,
        user: &str,
        data: &[u8],
        authorized: &[PublicKey],
        now: Time,
    ) -> Result<WorkerEntry, String> {
        let worker = WorkerEntry::read(data).map_err(|fault| fault.to_string())?;
        let id = WorkerId::from_name(&worker.name);
        if id.as_str() != user {
            return Err(format!(
                "name: the id of {:?} is {id}, and that is another user",
                worker.name
            ));
        }
        let [PublicKey::P256(directory_key)] = authorized else {
            return Err(
                "authorized_keys: a worker's entry has one, the P-256 key that its quotes name"
                    .to_owned(),
            );
        };
        for (position, (one, collateral)) in worker.with_collateral().enumerate() {
            self.check_generation(&id, one, collateral.get(), directory_key, now)
                .map_err(|fault| format!("generations[{position}]: {fault}"))?;
        }
        Ok(worker)
    }

    fn check_generation(
        &self,
        id: &WorkerId,
        one: &Generation,
        collateral: &str,
        directory_key: &[u8],
        now: Time,
    ) -> Result<(), String> {
        let quote = STANDARD
            .decode(&one.evidence.quote)
            .map_err(|_| "evidence.quote: no base64")?;
        let collateral = Collateral::from_json(collateral.as_bytes())
            .map_err(|fault| format!("evidence.{fault}"))?;
        let roots: &[Fingerprint] = if self.policy.allow_sim {
            &self.policy.simulated_roots
        } else {
            &[]
        };
        let anchor =
            TrustAnchor::among(roots, &collateral).map_err(|fault| format!("evidence: {fault}"))?;
        let genuine = verify(&quote, &collateral, &anchor, now)
            .map_err(|refusal| format!("evidence: {refusal}"))?;
        let keys = report_data::worker_keys(
            id,
            &one.verification_key,
            &one.encryption_key,
            directory_key,
        );
        if *genuine.claims().report_data() != keys {
            return Err(
                "evidence: its quote is for other keys, another worker, or another authorized key"
                    .to_owned(),
            );
        }
        let kind = match anchor.simulated_fingerprint() {
            Some(_) => Kind::Sim,
            None => Kind::Sgx,
        };
        check_program(one, &genuine.claims().body, kind)?;
        match self.policy.appraise(genuine, now, Some(&keys)) {
            Ok(_) => Ok(()),
            Err(verdict) => Err(format!("evidence: {verdict}")),
        }
    }
}

/// The program that is said to have the keys has to be the one that was quoted.
fn check_program(said: &Generation, body: &Body, kind: Kind) -> Result<(), String> {
    let Body::Sgx(report) = body else {
        return Err("evidence: its quote is of no enclave".to_owned());
    };
    let measurement = Digest::Mrenclave(kind, report.mrenclave).to_string();
    let signer = Digest::Mrsigner(kind, report.mrsigner).to_string();
    for (member, said, quoted) in [
        ("measurement", &said.measurement, measurement),
        ("signer", &said.signer, signer),
    ] {
        if *said != quoted {
            return Err(format!("{member}: its quote says {quoted}"));
        }
    }
    if said.product != report.isv_prod_id {
        return Err(format!("product: its quote says {}", report.isv_prod_id));
    }
    if said.svn > report.isv_svn {
        return Err(format!("svn: its quote says {}", report.isv_svn));
    }
    Ok(())
}

impl Validator for Workers {
    fn validate(&self, user: &str, data: &[u8], entry: &Entry, now: Time) -> Result<(), AppError> {
        self.check(user, data, &entry.authorized_keys, now)
            .map(drop)
            .map_err(|fault| AppError {
                app: APP.to_owned(),
                fault,
            })
    }
}
