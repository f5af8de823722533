//! Enclaves of a small program, whole and damaged.
