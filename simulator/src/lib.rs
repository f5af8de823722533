//! A pretend SGX platform, on which attestation can be developed, tested and rehearsed.
//!
//! It protects nothing: whoever owns the machine has its keys. What it makes says so: its root's name
//! begins with `SIMULATED SGX`, and the production verifier refuses it.
