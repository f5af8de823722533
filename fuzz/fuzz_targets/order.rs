//! See `sconce_fuzz::order`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::order::run(data));
