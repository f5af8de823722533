//! See `sconce_fuzz::quote`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::quote::run(data));
