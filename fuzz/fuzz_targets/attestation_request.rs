//! See `sconce_fuzz::attestation_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::attestation_request::run(data));
