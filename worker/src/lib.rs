//! sconce-worker

pub mod table;
