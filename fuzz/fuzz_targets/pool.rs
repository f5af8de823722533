//! See `sconce_fuzz::pool`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::pool::run(data));
