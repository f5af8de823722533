//! See `sconce_fuzz::kt_proof`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::kt_proof::run(data));
