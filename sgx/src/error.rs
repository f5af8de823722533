//! Why bytes are refused.

/// What is wrong with a stream or a structure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {}
