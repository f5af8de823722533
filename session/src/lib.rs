//! SCONE's session language: what a program must be to be let in, and what it is given.
//!
//! A *session* says which enclaves may run as which service, what they are given (arguments, variables,
//! files, secrets), and who may change that. [`Session`] is a typed model of it, in which unknown keys
//! are refused: a key that is misspelt in a policy would otherwise be a check that nobody makes. It has
//! the keys of session language 0.3 for services, images, volumes, secrets, access and attestation, and
//! those of the older form (`digest`, `tags`); it has none for clouds of particular vendors and for
//! sessions on another CAS.
//!
//! Nothing here reads a file, a clock or the network.

mod access;
mod attestation;
mod check;
mod hash;
mod located;
mod placeholder;
mod secret;
mod service;
mod session;
mod substitute;
mod values;
mod volume;

pub use access::{AccessPolicy, Entity};
pub use attestation::{Advisories, Attestation, Mode, Security, Tolerance};
pub use located::{At, Located, Place};
pub use placeholder::Placeholder;
pub use secret::{Endpoint, Import, KeyType, Reference, Secret, SecretKind};
pub use service::{Command, Factors, Service, Signer};
pub use session::Session;
pub use substitute::substitute;
pub use values::{FspfKey, Hex16, Hex32, OneOrMany, Sensitive, SimulatedRoot, Version};
pub use volume::{Export, Image, ImageVolume, InjectionFile, UpdatePolicy, Volume, VolumeImport};
