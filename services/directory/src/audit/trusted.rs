//! What an auditor has pinned of a directory, read.

use transparency::map::MapId;
use transparency::messages::{MapHead, SignedMapHead};
use transparency::note::{Checkpoint, Note, VerifierKey};
use transparency::object_hash;
use transparency::signature::VerifyingKey;
use transparency::trust::{Trust, TrustError};
use transparency::verifier::Verifier;
use transparency::vrf;

use super::Error;

/// Keys and policy.
pub(super) struct Trusted {
    pub(super) realm: String,
    pub(super) map: MapId,
    pub(super) map_key: VerifyingKey,
    pub(super) log_key: VerifyingKey,
    pub(super) vrf_key: vrf::PublicKey,
    checkpoint_key: VerifierKey,
    witnesses: Vec<VerifierKey>,
    threshold: usize,
}

impl Trusted {
    pub(super) fn new(trust: &Trust) -> Result<Self, TrustError> {
        // The policy, too: a witness that is named twice would count twice.
        Verifier::new(trust)?;
        let missing = "it is not there, and without it the log can't be audited".to_owned();
        let log_key = trust.log_key.as_ref();
        let log_key = log_key.ok_or_else(|| bad("log_key", &missing))?;
        let checkpoint_key = trust.checkpoint_key.as_ref();
        let checkpoint_key = checkpoint_key.ok_or_else(|| bad("checkpoint_key", &missing))?;
        let key = |member, pem: &str| VerifyingKey::from_pem(pem).map_err(|f| bad(member, f));
        let note = |member, text: &str| VerifierKey::parse(text).map_err(|f| bad(member, f));
        let witnesses = trust.witnesses.keys.iter();
        Ok(Self {
            map: MapId::new(&trust.realm).map_err(|fault| bad("realm", fault))?,
            realm: trust.realm.clone(),
            map_key: key("map_key", &trust.map_key)?,
            log_key: key("log_key", log_key)?,
            vrf_key: vrf::PublicKey::from_pem(&trust.vrf_key)
                .map_err(|fault| bad("vrf_key", fault))?,
            checkpoint_key: note("checkpoint_key", checkpoint_key)?,
            witnesses: witnesses
                .map(|text| note("witnesses", text))
                .collect::<Result<_, _>>()?,
            threshold: trust.witnesses.threshold,
        })
    }

    /// The head that the directory signed, of whatever epoch.
    pub(super) fn check_head<'a>(&self, head: &'a SignedMapHead) -> Result<&'a MapHead, Error> {
        let missing = |fault: &str| Error::Head {
            epoch: 0,
            fault: fault.to_owned(),
        };
        let inner = head.map_head.as_ref();
        let inner = inner.ok_or_else(|| missing("`map_head` is not there"))?;
        let wrong = |fault: String| Error::Head {
            epoch: inner.epoch,
            fault,
        };
        if inner.realm != self.realm {
            let (said, own) = (&inner.realm, &self.realm);
            return Err(wrong(format!("it is of {said:?}, not of {own:?}")));
        }
        self.map_key
            .verify_among(&object_hash::map_head(inner), &head.signatures)
            .map_err(|fault| wrong(fault.to_string()))?;
        Ok(inner)
    }

    /// Whether the log signed a checkpoint, and enough witnesses did.
    pub(super) fn check_checkpoint(&self, note: &Note, new: &Checkpoint) -> Result<(), Error> {
        let size = new.size;
        let wrong = |fault: String| Error::Log { size, fault };
        if new.origin != self.checkpoint_key.name() {
            let (said, own) = (&new.origin, self.checkpoint_key.name());
            return Err(wrong(format!("it is called {said:?}, not {own:?}")));
        }
        note.verify(&self.checkpoint_key)
            .map_err(|fault| wrong(fault.to_string()))?;
        let signed = |key: &&VerifierKey| note.verify(key).is_ok();
        let count = self.witnesses.iter().filter(signed).count();
        if count < self.threshold {
            return Err(Error::Witnesses {
                size,
                count,
                threshold: self.threshold,
            });
        }
        Ok(())
    }
}

fn bad(member: &'static str, fault: impl ToString) -> TrustError {
    TrustError {
        member,
        what: fault.to_string(),
    }
}
