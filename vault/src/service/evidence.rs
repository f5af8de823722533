//! What the vault says of itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::report_data;
use provision::text::Base64;
use provision::{Evidence, Realm, VaultEvidence};
use tee::Tee;

use super::Problem;

/// How old collateral gets before it is asked for again: its documents are replaced every few days.
const AGE: Duration = Duration::from_secs(600);

/// A quote over the vault's key and realm, with collateral that is fresh.
pub struct OwnEvidence {
    tee: Arc<dyn Tee>,
    key_der: Vec<u8>,
    realm: Realm,
    made: Mutex<Made>,
}

struct Made {
    at: Instant,
    json: Arc<Vec<u8>>,
}

impl OwnEvidence {
    /// Has the vault's key quoted.
    ///
    /// # Errors
    ///
    /// [`Problem`] if the platform gives no evidence.
    pub fn new(tee: Arc<dyn Tee>, key_der: &[u8], realm: Realm) -> Result<Self, Problem> {
        let json = make(&*tee, key_der, &realm)?;
        Ok(Self {
            tee,
            key_der: key_der.to_vec(),
            realm,
            made: Mutex::new(Made {
                at: Instant::now(),
                json: Arc::new(json),
            }),
        })
    }

    /// The vault's realm.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// A quote about something else, and the collateral of the platform.
    pub(super) fn about(&self, report_data: &[u8; 64]) -> Result<(Vec<u8>, String), Problem> {
        Ok((self.tee.evidence(report_data)?, self.tee.collateral()?))
    }

    /// The JSON text of a [`VaultEvidence`].
    pub(super) fn json(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.made().json)
    }

    /// Makes it again if it is old.
    pub(super) fn refresh(&self) -> Result<(), Problem> {
        if self.made().at.elapsed() < AGE {
            return Ok(());
        }
        let json = make(&*self.tee, &self.key_der, &self.realm)?;
        *self.made() = Made {
            at: Instant::now(),
            json: Arc::new(json),
        };
        Ok(())
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(tee: &dyn Tee, key_der: &[u8], realm: &Realm) -> Result<Vec<u8>, Problem> {
    let quote = tee.evidence(&report_data::vault(key_der, realm.as_str()))?;
    let evidence = VaultEvidence {
        key: Base64(key_der.to_vec()),
        realm: realm.clone(),
        evidence: Evidence::new(quote, &tee.collateral()?)?,
    };
    // Made of strings: writing it can't fail.
    Ok(serde_json::to_vec(&evidence).unwrap_or_default())
}
