//! See `sconce_fuzz::receipt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::receipt::run(data));
