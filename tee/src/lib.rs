//! What an enclave program asks of the platform that it runs on: evidence and sealing keys.
//!
//! Each way of running has its driver, all of one shape, [`Tee`].

use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a platform is asked for.
pub trait Tee: Send + Sync {
    /// Which driver it is, in one word: `sim`, `gramine`, `tdx`, `scone`. It stands before every
    /// digest of this platform.
    fn kind(&self) -> sgx::Kind;

    /// A quote over these 64 bytes.
    ///
    /// # Errors
    ///
    /// [`Error`] if the platform gives none.
    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error>;

    /// A key that only such a program on this platform gets.
    ///
    /// # Errors
    ///
    /// [`Error`] if the platform gives none, among others because `svn` is above the program's own.
    fn sealing_key(&self, bound_to: Binding, svn: u16) -> Result<SealingKey, Error>;
}

/// Which programs get the same sealing key (SDM 3D, KEYPOLICY).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The same measurement.
    Measurement,
    /// The same signer and product.
    Signer,
}

/// 32 secret bytes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealingKey([u8; 32]);

impl SealingKey {
    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a platform gives nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {}
