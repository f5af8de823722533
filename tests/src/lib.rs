//! What whole-system tests and benches share.
//!
//! | module | subject |
//! |---|---|
//! | [`attested`] | a vault, and workers that get their keys from it |
//! | [`keys`] | committed test keys |
//! | [`command`] | the `sconce` command, running |
//! | [`complaint`] | how a command says why it ends |
//! | [`entropy`] | randomness that is the same each time |
//! | [`image`] | the images of worker and vault, as `sconify build` makes it |
//! | [`orders`] | orders as a requester sends them, and as an attacker would |
//! | [`place`] | a home folder with a platform's data folder |
//! | [`platform`] | a whole platform on free ports |
//! | [`process`] | other processes: what they cost, signals to them |
//! | [`quotes`] | outside vectors of quotes |
//! | [`random`] | choices that are the same for the same seed |
//! | [`skipped`] | saying that something was not tested here |
//! | [`vectors`] | where the outside test vectors are, and loud words where they aren't |

pub mod attested;
pub mod codes;
pub mod command;
pub mod complaint;
pub mod entropy;
pub mod image;
pub mod keys;
pub mod orders;
pub mod place;
pub mod platform;
pub mod process;
pub mod quotes;
pub mod random;
pub mod skipped;
pub mod vectors;
pub mod verdicts;
