//! A pretend SGX platform, on which attestation can be developed, tested and rehearsed.
//!
//! It protects nothing: whoever owns the machine has its keys. What it makes says so: its root's name
//! begins with `SIMULATED SGX`, and the production verifier refuses it.
//!
//! - [`Platform`]: reports, keys, quotes and their collateral, at any time; kept in a folder or made of a
//!   [`Seed`];
//! - [`Change`]: what happens to it, in the ordinary course of things;
//! - [`Forgery`]: what an attacker would show, apart from all that;
//! - [`Scenario`]: named cases of both, to try verifiers with;
//! - [`Counters`]: what is counted for programs, and never set back;
//! - [`launch`]: which enclaves it starts, and with what.
//!
//! # Examples
//!
//! A platform of 2026, and an advisory a week later:
//!
//! ```
//! use sconce_simulator::{Advisory, Change, Platform, Secs, Seed, Settings, TcbStatus};
//!
//! const MADE: u64 = 1_767_225_600;
//! const WEEK: u64 = 7 * 86_400;
//!
//! let mut platform = Platform::new(Seed::random()?, Settings::new(MADE))?;
//! let advisory = Advisory {
//!     id: "SIM-SA-00100".to_owned(),
//!     status: TcbStatus::SwHardeningNeeded,
//!     fixed_by: None,
//! };
//! platform.happens(MADE + WEEK, Change::Advisory(advisory));
//!
//! let secs = Secs::new(sgx::Mrenclave([1; 32]), sgx::Mrsigner([2; 32]));
//! let before = platform.evidence(&secs, &[0; 64], MADE)?;
//! let after = platform.evidence(&secs, &[0; 64], MADE + WEEK)?;
//! assert_eq!(before.quote, after.quote);
//! assert!(!before.collateral.tcb_info.contains("SIM-SA-00100"));
//! assert!(after.collateral.tcb_info.contains("SIM-SA-00100"));
//! # Ok::<(), sconce_simulator::Error>(())
//! ```

mod change;
mod collateral;
mod counter;
mod documents;
mod error;
mod forgery;
mod hexadecimal;
mod history;
mod keys;
pub mod launch;
mod pki;
mod platform;
mod processor;
mod quoting;
mod scenario;
mod secs;
mod settings;
mod state;
mod tcb;

pub use change::{Advisory, Change, Event, QeAdvisory};
pub use collateral::Collateral;
pub use counter::{Counter, Counters};
pub use error::{CounterError, Error, KeyError};
pub use forgery::Forgery;
pub use keys::Seed;
pub use platform::{Evidence, Key, Platform};
pub use quoting::USER_DATA;
pub use scenario::Scenario;
pub use secs::Secs;
pub use settings::{Ca, Settings};
pub use tcb::{Level, QeLevel, Tcb, TcbStatus};
