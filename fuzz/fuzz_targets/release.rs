//! See `sconce_fuzz::release`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::release::run(data));
