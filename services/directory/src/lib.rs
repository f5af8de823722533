//! The key-transparency directory.
