//! What an enclave program asks of the platform that it runs on: evidence and sealing keys.
//!
//! Each way of running has its driver, all of one shape, [`Tee`]:
//!
//! | driver | runs on | evidence | sealing keys |
//! |---|---|---|---|
//! | [`Sim`] | the simulated platform, which protects nothing | DCAP quote | EGETKEY |
//! | [`Gramine`] | SGX, below Gramine | DCAP quote | Gramine's own |
//! | [`Tdx`] | a virtual machine with TDX, Linux 6.7 or later | DCAP quote | none |
//! | [`Scone`] | SGX, below SCONE | none: SCONE shows it to its CAS alone | a secret of the session |
//!
//! Sockets, devices and files are parameters. Only the simulated platform has been run with; the other
//! drivers are tested against devices that do what their documentation says.

pub mod descriptors;
mod error;
mod files;
mod gramine;
mod quoted;
mod scone;
mod seal;
mod sim;
mod tdx;

pub use error::Error;
pub use gramine::Gramine;
pub use link::report::Counter;
pub use scone::Scone;
pub use seal::{Binding, PlatformVersion, SealingKey, Wanted};
pub use sim::Sim;
pub use tdx::Tdx;

/// What a platform is asked for.
pub trait Tee: Send + Sync {
    /// Which platform it is, as it stands before every digest of it.
    fn kind(&self) -> sgx::Kind;

    /// A quote over these 64 bytes. It is in its form and holds them; whether it is genuine is for those
    /// to find out who are shown it.
    ///
    /// # Errors
    ///
    /// [`Error`] if the platform gives none.
    fn evidence(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error>;

    /// A key that only such a program on this platform gets: always the same for what is wanted, once
    /// [`PlatformVersion::Present`] has been replaced by [`SealingKey::platform`].
    ///
    /// # Errors
    ///
    /// [`Error`] if the platform gives none, among others because a version is above the present one.
    fn sealing_key(&self, wanted: &Wanted) -> Result<SealingKey, Error>;

    /// What the platform's vendor says of it: JSON with DCAP's members, to be shown with
    /// [`evidence`](Self::evidence). It is somebody's claim, which whoever is shown it verifies.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where programs are not told; others if the platform fails.
    fn collateral(&self) -> Result<String, Error> {
        Err(Error::Unavailable {
            kind: self.kind(),
            what: "collateral to a program: who verifies it has to fetch it",
        })
    }

    /// How far the counter is that the platform keeps for programs of this signer and product.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where there is none; others if the platform fails.
    fn counter(&self) -> Result<Counter, Error> {
        Err(no_counter(self.kind()))
    }

    /// Sets that counter one further, durably, and whatever happens never back.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with [`NotNext`](link::report::Refusal::NotNext) if it is not one below `to`;
    /// otherwise as [`counter`](Self::counter), and then it may have been advanced or not.
    fn advance(&self, to: &Counter) -> Result<(), Error> {
        let _ = to;
        Err(no_counter(self.kind()))
    }
}

fn no_counter(kind: sgx::Kind) -> Error {
    Error::Unavailable {
        kind,
        what: "counter that outlives a program: older state that is put back would not be found out",
    }
}
