//! What no worker can do without: one RSA-3072 OAEP decryption and one secp256k1 signature.

use std::hint::black_box;
use std::time::Duration;

use protocol::crypto::rsa::DecryptionKey;
use protocol::crypto::secp256k1::SigningKey;
use tests::keys;
use tests::process::this_thread;

/// The limit of the cryptography, to be measured beside what is compared with it.
pub struct Limit {
    decryption: DecryptionKey,
    signing: SigningKey,
    sealed: Vec<u8>,
}

impl Limit {
    /// Prepares an order's session key.
    ///
    /// # Panics
    ///
    /// If the test keys aren't what they should be.
    pub fn new() -> Self {
        let decryption = keys::worker_decryption();
        let public = decryption.encryption_key().expect("a key");
        assert_eq!(public.bits(), 3072);
        Self {
            sealed: public.seal(&[7; 32]).expect("sealed"),
            signing: keys::worker_signing(),
            decryption,
        }
    }

    /// Processor time of one order, from so many.
    ///
    /// # Panics
    ///
    /// If this thread can't be measured.
    pub fn measure(&self, orders: u32) -> Duration {
        let before = this_thread();
        for _ in 0..orders {
            let opened = self.decryption.open(black_box(&self.sealed));
            let signature = self.signing.sign(black_box(&[7; 32]));
            black_box((opened.expect("opens"), signature));
        }
        (this_thread() - before) / orders
    }

    /// Orders a second that this machine's cores could decrypt and sign, and the time of one.
    pub fn rate(&self) -> (f64, Duration) {
        let one = self.measure(500);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores as f64 / one.as_secs_f64(), one)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self::new()
    }
}
