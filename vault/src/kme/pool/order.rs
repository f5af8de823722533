//! The keys of one order, for the processor that shall run it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::answer::OneTimeKey;
use protocol::crypto::aes::SessionKey;
use protocol::crypto::rsa::{DecryptionKey, EncryptionKey};
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::sha256;
use protocol::envelope::{self, ErrorObject, Limits};
use protocol::methods::Method;
use protocol::methods::submit::{Item, Submit};
use protocol::opening::{self, Unwrap};
use protocol::pool::{DataKeys, Given, OrderKeys};
use protocol::{Entropy, Reason};

use super::desk::{Desk, refused};
use super::kept::{Pool, PoolKeys};

/// The keys of the order that a client has sent, for this processor: the JSON text of [`OrderKeys`].
///
/// The order is opened as a worker would: a session key leaves only beside the order that it came with, for a
/// processor that has joined.
pub(super) fn keys(
    desk: &Desk,
    pool: &Pool,
    keys: &PoolKeys,
    request: &[u8],
    processor: &[u8],
) -> Result<String, ErrorObject> {
    let processor = std::str::from_utf8(processor).unwrap_or_default();
    let processor = EncryptionKey::from_pem(processor);
    let processor = processor.map_err(|_| refused("the processor's key is none"))?;
    let unique = pool.unique(&processor);
    let unique = unique.ok_or_else(|| refused("this processor has not registered"))?;

    let request = std::str::from_utf8(request).unwrap_or_default();
    let request = envelope::parse(request, Limits::default()).map_err(|refused| refused.error)?;
    if Method::from_name(&request.method) != Some(Method::WorkOrderSubmit) {
        return Err(refused("the client's request is no order"));
    }
    let order = Submit::parse(&request.params)?;
    let given = given(desk, pool, keys, &order).map_err(|reason| {
        let id = order.work_order_id.as_str();
        ErrorObject::for_client(reason).about(id)
    })?;
    let sealed = OrderKeys::seal(&given, &processor, &unique, &*desk.entropy);
    let sealed = sealed.map_err(|_| ErrorObject::for_client(Reason::Internal))?;
    Ok(sealed.to_json())
}

fn given(desk: &Desk, pool: &Pool, keys: &PoolKeys, order: &Submit<'_>) -> Result<Given, Reason> {
    let recorder = Recorder::new(&keys.decryption);
    let addressed = order.worker_id == pool.worker_id();
    let opened = opening::open(order, addressed, &recorder, &*desk.entropy)?;
    let session = opened.session_key;
    let mut inputs = recorder.items.into_inner();
    inputs.extend(under_session(&order.in_data, &session));
    Ok(Given {
        data: DataKeys {
            inputs,
            outputs: under_session(&order.out_data, &session).collect(),
            session: SessionKey::new(session.expose()).ok_or(Reason::Internal)?,
        },
        one_time: one_time(&keys.signing, order, &*desk.entropy)?,
    })
}

/// The session key for each item that is encrypted under it.
fn under_session<'a>(
    items: &'a [Item<'_>],
    session: &'a SessionKey,
) -> impl Iterator<Item = (i64, SessionKey)> + 'a {
    let marked = |item: &&Item<'_>| matches!(&*item.encrypted_data_encryption_key, "" | "null");
    let key = |item: &Item<'_>| Some((item.index, SessionKey::new(session.expose())?));
    items.iter().filter(marked).filter_map(key)
}

/// A key for one answer, which the pool's published key vouches for.
fn one_time(
    published: &SigningKey,
    order: &Submit<'_>,
    entropy: &dyn Entropy,
) -> Result<OneTimeKey, Reason> {
    let signing = SigningKey::generate(entropy).map_err(|_| Reason::Internal)?;
    let verification = signing.verifying_key().pem().to_owned();
    let nonce = order.requester_nonce.as_str();
    let digest = sha256(&[verification.as_bytes(), nonce.as_bytes()]);
    Ok(OneTimeKey {
        voucher: STANDARD.encode(published.sign(&digest)),
        verification,
        signing,
    })
}

/// Opens keys with the pool's, and remembers those of items.
struct Recorder<'a> {
    key: &'a DecryptionKey,
    items: RefCell<BTreeMap<i64, SessionKey>>,
}

impl<'a> Recorder<'a> {
    fn new(key: &'a DecryptionKey) -> Self {
        Self {
            key,
            items: RefCell::default(),
        }
    }
}

impl Unwrap for Recorder<'_> {
    fn session_key(&self, sealed: &[u8]) -> Option<SessionKey> {
        self.key.session_key(sealed)
    }

    fn item_key(&self, index: i64, sealed: &[u8]) -> Option<SessionKey> {
        let key = self.key.item_key(index, sealed)?;
        let copy = SessionKey::new(key.expose())?;
        self.items.borrow_mut().insert(index, copy);
        Some(key)
    }
}
