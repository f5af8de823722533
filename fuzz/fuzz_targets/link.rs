//! See `sconce_fuzz::link`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::link::run(data));
