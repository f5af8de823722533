//! A worker in a pool: it runs orders of a key management enclave's published keys, whose keys it is given
//! one order at a time ([`protocol::pool`]).
//!
//! Any manager may ask a worker into any pool: it gains nothing by it. The RSA key is one that nothing else is
//! encrypted to, made when it is first asked for; the unique key stands in the quote over it, so that the pool
//! knows what it gives keys to; and answers are signed with the one-time key that came with the order, never
//! with the worker's own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::VerifyingKey;
use protocol::crypto::sha256;
use protocol::envelope::ErrorObject;
use protocol::pool::{self, BadOrderKeys, Given, OrderKeys};
use protocol::processor::Signup;
use protocol::{Entropy, Reason, report_data};
use tee::Tee;

use crate::keys::WorkerKeys;

/// Hex digits that a nonce may have.
const NONCE: std::ops::RangeInclusive<u64> = 16..=128;

/// What a worker is to the pool that it is in.
#[derive(Default)]
pub(super) struct Processor {
    /// Vouches for this program; without it a signup has no quote.
    platform: Option<Box<dyn Tee>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    nonce: Option<String>,
    /// The unique key that has signed itself and the nonce: the hex of its text, as it came.
    verified: Option<String>,
    key: Option<Arc<DecryptionKey>>,
    member: Option<Arc<Member>>,
}

/// What opens and verifies the keys of orders.
struct Member {
    key: Arc<DecryptionKey>,
    unique: VerifyingKey,
}

impl Processor {
    /// On this platform.
    pub(super) fn vouched(&mut self, platform: Box<dyn Tee>) {
        self.platform = Some(platform);
    }

    /// With this key, in place of one that is made when it's needed.
    pub(super) fn with_key(&mut self, key: DecryptionKey) {
        self.state().key = Some(Arc::new(key));
    }

    /// `GenerateNonce`: so many hex digits, which the unique key has to sign.
    pub(super) fn nonce(&self, digits: u64, entropy: &dyn Entropy) -> Result<String, ErrorObject> {
        let length = usize::try_from(digits).ok();
        let length = length.filter(|_| NONCE.contains(&digits) && digits.is_multiple_of(2));
        let length = length.ok_or_else(|| refused("a nonce has 16 to 128 hex digits"))?;
        let mut bytes = vec![0; length / 2];
        let filled = entropy.fill(&mut bytes);
        filled.map_err(|_| ErrorObject::for_manager(Reason::Internal))?;
        let nonce = hex::encode(bytes);
        let answer = format!(r#"{{"nonce":"{nonce}"}}"#);
        self.state().nonce = Some(nonce);
        Ok(answer)
    }

    /// `VerifyUniqueIdSignature`: whether a unique key has signed itself and the nonce.
    pub(super) fn verify(&self, id: &str, signature: &str) -> String {
        let mut state = self.state();
        let key = pool::unique_key(id);
        let holds = key
            .zip(state.nonce.as_deref())
            .is_some_and(|(key, nonce)| pool::verifies_unique(&key, nonce, signature));
        if holds {
            state.verified = Some(id.to_owned());
        }
        let result = if holds { 0 } else { -1 };
        format!(r#"{{"verification_result":{result}}}"#)
    }

    /// `ProcessWorkerSignup` with a unique key, which has to be verified: this worker's key for the pool, and a
    /// quote over both.
    pub(super) fn signup(&self, keys: &WorkerKeys, id: &str) -> Result<Signup, ErrorObject> {
        let mut state = self.state();
        let unique = pool::unique_key(id).filter(|_| state.verified.as_deref() == Some(id));
        let unique = unique.ok_or_else(|| refused("this unique key has not been verified"))?;
        let failed = || ErrorObject::for_manager(Reason::Internal);
        let key = match &state.key {
            Some(key) => Arc::clone(key),
            None => Arc::new(DecryptionKey::generate().map_err(|_| failed())?),
        };
        let public = key.encryption_key().map_err(|_| failed())?.pem().to_owned();
        let signature = keys.signing().sign(&sha256(&[public.as_bytes()]));
        let mut signup = Signup {
            verifying_key: keys.signup().verifying_key.clone(),
            encryption_key_signature: hex::encode(signature),
            encryption_key: public,
            ..Signup::default()
        };
        if let Some(platform) = &self.platform {
            let said = report_data::pool_processor(&signup.encryption_key, id);
            let quote = platform.evidence(&said).map_err(|_| failed())?;
            signup.collateral = platform.collateral().map_err(|_| failed())?;
            signup.mrenclave.clone_from(&keys.signup().mrenclave);
            signup.certificates.clone_from(&keys.signup().certificates);
            signup.quote = STANDARD.encode(quote);
        }
        state.key = Some(Arc::clone(&key));
        state.member = Some(Arc::new(Member { key, unique }));
        Ok(signup)
    }

    /// The keys of an order in `ProcessWorkOrder`.
    pub(super) fn open(&self, keys: &str) -> Result<Given, ErrorObject> {
        let member = self.state().member.clone();
        let member = member.ok_or_else(|| refused("this worker has signed up in no pool"))?;
        let keys = OrderKeys::parse(keys).and_then(|keys| keys.open(&member.key, &member.unique));
        keys.map_err(|fault: BadOrderKeys| {
            let text = format!("Error Parsing pre-processed work order keys: {fault}");
            ErrorObject::for_manager(Reason::OrderIntegrity).saying(text)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(what: &'static str) -> ErrorObject {
    ErrorObject::for_manager(Reason::RequestMember).saying(what)
}
