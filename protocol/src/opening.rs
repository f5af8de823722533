//! Opening an order: one verdict for all of its cryptography, after the same work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::crypto::aes::{Iv, Ivs, SessionKey};
use crate::crypto::rsa::DecryptionKey;
use crate::crypto::secp256k1::VerifyingKey;
use crate::crypto::sha256;
use crate::methods::submit::{Item, Submit};
use crate::{Entropy, Reason, hash, ids};

/// Who can open the keys of an order: they are encrypted to a worker, or were given to it.
pub trait Unwrap {
    /// The session key, of `encryptedSessionKey`. It takes as long whatever `sealed` is.
    fn session_key(&self, sealed: &[u8]) -> Option<SessionKey>;

    /// The key of the item at `index`, of what the session key has opened. It takes as long whatever
    /// `sealed` is.
    fn item_key(&self, index: i64, sealed: &[u8]) -> Option<SessionKey>;
}

/// An order whose cryptography held: only [`open`] makes one.
pub struct Opened {
    /// Opens nothing any more, and encrypts the answer.
    pub session_key: SessionKey,
    /// The layout of the answer's ciphertexts.
    pub ivs: Ivs,
    /// The inputs in clear, sorted by index.
    pub inputs: Vec<Zeroizing<Vec<u8>>>,
}

/// Decrypts and checks `order`. One that is not `addressed` to this worker is refused as one whose
/// cryptography is wrong is.
///
/// # Errors
///
/// [`Reason::OrderIntegrity`] whatever is wrong with the cryptography, [`Reason::OrderSignature`]
/// when that is in order and the requester's signature isn't, [`Reason::Internal`] without
/// randomness.
pub fn open(
    order: &Submit<'_>,
    addressed: bool,
    keys: &dyn Unwrap,
    entropy: &dyn Entropy,
) -> Result<Opened, Reason> {
    let mut verdict = Verdict(addressed);
    let (session_key, ivs) = session(order, keys, entropy, &mut verdict)?;

    let request_hash = hash::of_submit(order);
    let sealed = ids::decode(&order.encrypted_request_hash);
    let claimed = sealed.and_then(|sealed| session_key.open(ivs, &sealed).ok());
    // Compared even if there is nothing to compare: that alone takes a tenth of a microsecond.
    let claimed = claimed.as_deref().map_or(&[][..], Vec::as_slice);
    verdict.demand(is_hash(claimed, &request_hash));

    let reader = ItemReader {
        keys,
        session_key: &session_key,
        ivs,
        entropy,
    };
    let mut sorted: Vec<_> = order.in_data.iter().collect();
    sorted.sort_by_key(|item| item.index);
    let mut inputs = Vec::with_capacity(sorted.len());
    for item in sorted {
        let plain = reader.read(item)?;
        verdict.demand(plain.is_some());
        inputs.push(plain.unwrap_or_default());
    }
    if !verdict.0 {
        return Err(Reason::OrderIntegrity);
    }
    check_signature(order, &request_hash)?;
    Ok(Opened {
        session_key,
        ivs,
        inputs,
    })
}

/// Whether everything has held so far. Nothing returns early on it.
struct Verdict(bool);

impl Verdict {
    fn demand(&mut self, held: bool) {
        self.0 &= held;
    }
}

/// The session key and the layout of the ciphertexts; random ones where the order's don't do, so
/// that what follows takes as long.
fn session(
    order: &Submit<'_>,
    keys: &dyn Unwrap,
    entropy: &dyn Entropy,
    verdict: &mut Verdict,
) -> Result<(SessionKey, Ivs), Reason> {
    let spare = SessionKey::generate(entropy).map_err(|_| Reason::Internal)?;
    let sealed = ids::decode(&order.encrypted_session_key).unwrap_or_default();
    let opened = keys.session_key(&sealed);
    verdict.demand(opened.is_some());

    let ivs = match &order.session_key_iv {
        None => Ivs::Prefixed,
        Some(text) => {
            let iv = ids::decode(text).and_then(|iv| Iv::try_from(iv).ok());
            verdict.demand(iv.is_some());
            Ivs::Shared(iv.unwrap_or_default())
        }
    };
    Ok((opened.unwrap_or(spare), ivs))
}

impl Unwrap for DecryptionKey {
    fn session_key(&self, sealed: &[u8]) -> Option<SessionKey> {
        // One RSA operation, whatever the length of `sealed`.
        let length = self.modulus_len();
        let fits = sealed.len() == length;
        // Below every modulus of the length, and no number that the library takes a short way with.
        let mut whole = vec![0x5a; length];
        if let Some(first) = whole.first_mut() {
            *first = 0;
        }
        if fits {
            whole.copy_from_slice(sealed);
        }
        let opened = self.open(&whole).ok();
        opened
            .filter(|_| fits)
            .and_then(|key| SessionKey::new(&key))
    }

    fn item_key(&self, _: i64, sealed: &[u8]) -> Option<SessionKey> {
        self.session_key(sealed)
    }
}

struct ItemReader<'a> {
    keys: &'a dyn Unwrap,
    session_key: &'a SessionKey,
    ivs: Ivs,
    entropy: &'a dyn Entropy,
}

impl ItemReader<'_> {
    /// The item in clear, by its own marker alone (Avalon's `-` wrongly sticks to later items), if
    /// it opens and has the hash that it claims.
    fn read(&self, item: &Item<'_>) -> Result<Option<Zeroizing<Vec<u8>>>, Reason> {
        let data = STANDARD.decode(item.data.as_bytes()).ok();
        let opens = data.is_some();
        let mut data = data.unwrap_or_default();
        let plain = match item.encrypted_data_encryption_key.as_ref() {
            "-" => Some(Zeroizing::new(std::mem::take(&mut data))),
            "" | "null" => self.session_key.open(self.ivs, &data).ok(),
            wrapped => self.open_with_own_key(item, wrapped, &data)?,
        };
        // What did not open is hashed as it came, so that this takes as long.
        let hashed = plain.as_deref().unwrap_or(&data);
        let held = has_claimed_hash(item, hashed) & opens & has_iv_of_its_kind(item);
        Ok(plain.filter(|_| held))
    }

    /// Wire facts 4.6: the item's key is encrypted to the worker, and that under the session key.
    fn open_with_own_key(
        &self,
        item: &Item<'_>,
        wrapped: &str,
        data: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Reason> {
        let spare = SessionKey::generate(self.entropy).map_err(|_| Reason::Internal)?;
        let wrapped = ids::decode(wrapped).unwrap_or_default();
        let to_worker = self.session_key.open(Ivs::Prefixed, &wrapped).ok();
        let to_worker = to_worker.as_deref().map_or(&[][..], Vec::as_slice);
        let key = self.keys.item_key(item.index, to_worker);
        let iv = ids::decode(&item.iv).and_then(|iv| Iv::try_from(iv).ok());
        let held = key.is_some() && iv.is_some();
        let plain = key
            .unwrap_or(spare)
            .open(Ivs::Shared(iv.unwrap_or_default()), data)
            .ok();
        Ok(plain.filter(|_| held))
    }
}

/// Only an item with its own key has an initialisation vector. Elsewhere it would mean nothing, and
/// could be cut from the front of the next item's clear text: the request hash covers the texts of
/// the items without anything between them.
fn has_iv_of_its_kind(item: &Item<'_>) -> bool {
    item.has_own_key() || item.iv.is_empty()
}

fn has_claimed_hash(item: &Item<'_>, plain: &[u8]) -> bool {
    if item.data_hash.is_empty() {
        return true;
    }
    let hash = sha256(&[plain]);
    ids::decode(&item.data_hash).is_some_and(|claimed| is_hash(&claimed, &hash))
}

fn check_signature(order: &Submit<'_>, request_hash: &[u8; 32]) -> Result<(), Reason> {
    if order.requester_signature.is_empty() {
        return Ok(());
    }
    let signature = STANDARD.decode(order.requester_signature.as_bytes()).ok();
    let key = VerifyingKey::from_pem(&order.verifying_key).ok();
    match (signature, key) {
        (Some(signature), Some(key)) if key.verifies(request_hash, &signature) => Ok(()),
        _ => Err(Reason::OrderSignature),
    }
}

/// Compares 32 bytes in any case: `claimed` may be of another length.
fn is_hash(claimed: &[u8], hash: &[u8; 32]) -> bool {
    let mut whole = [0; 32];
    let fits = claimed.len() == whole.len();
    if fits {
        whole.copy_from_slice(claimed);
    }
    bool::from(whole.ct_eq(hash)) & fits
}
