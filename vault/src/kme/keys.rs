//! Pairs of keys, made ahead: an RSA key of 3072 bits takes some hundred milliseconds, now and then a
//! second.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::Entropy;
use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use protocol::crypto::{KeyError, pem};
use zeroize::Zeroizing;

/// The private keys of a generation, in PEM (PKCS#8); wiped when dropped.
pub struct Keys {
    pub(super) signing: Zeroizing<String>,
    pub(super) encryption: Zeroizing<String>,
}

impl Keys {
    /// Makes them. The library draws the RSA key's randomness itself.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if a library makes none, or there is no randomness.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let signing = SigningKey::generate(entropy).map_err(|_| KeyError::Made)?;
        let encryption = DecryptionKey::generate()?.expose_pkcs8()?;
        Ok(Self {
            signing: signing.expose_pkcs8_pem(),
            encryption: Zeroizing::new(pem::encode("PRIVATE KEY", &encryption)),
        })
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Keys that are made before anybody asks, on a thread of their own.
///
/// The thread ends when this is dropped.
pub struct Spares(Arc<Shared>);

struct Shared {
    entropy: Box<dyn Entropy>,
    wanted: usize,
    state: Mutex<State>,
    /// Told when keys are taken, and when the end has come.
    taken: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Keys>,
    ended: bool,
}

impl Spares {
    /// Begins to make so many, after a pause that ends early when some are taken.
    ///
    /// # Errors
    ///
    /// The system's, if there can be no thread.
    pub fn new(wanted: usize, pause: Duration, entropy: Box<dyn Entropy>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            entropy,
            wanted,
            state: Mutex::default(),
            taken: Condvar::new(),
        });
        let thread = std::thread::Builder::new().name("keys".to_owned());
        let maker = Arc::clone(&shared);
        thread.spawn(move || {
            maker.rest(pause);
            while maker.make_next().is_some() {}
        })?;
        Ok(Self(shared))
    }

    /// Some that are ready; made now, by whoever asks, if there are none.
    ///
    /// # Errors
    ///
    /// As [`Keys::generate`].
    pub fn take(&self) -> Result<Keys, KeyError> {
        let ready = self.0.state().ready.pop_front();
        self.0.taken.notify_one();
        match ready {
            Some(keys) => Ok(keys),
            None => Keys::generate(self.0.entropy.as_ref()),
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.taken.notify_one();
    }
}

impl Shared {
    /// Waits so long, or until somebody takes keys.
    fn rest(&self, pause: Duration) {
        let state = self.state();
        if !pause.is_zero() && !state.ended {
            drop(self.taken.wait_timeout(state, pause));
        }
    }

    /// Waits until more are wanted, and makes one. `None`: none are wanted any more, or can be made;
    /// whoever asks next is told.
    fn make_next(&self) -> Option<()> {
        let enough = |state: &mut State| !state.ended && state.ready.len() >= self.wanted;
        let state = self.taken.wait_while(self.state(), enough);
        let ended = state.unwrap_or_else(PoisonError::into_inner).ended;
        if ended {
            return None;
        }
        let keys = Keys::generate(self.entropy.as_ref()).ok()?;
        self.state().ready.push_back(keys);
        Some(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
