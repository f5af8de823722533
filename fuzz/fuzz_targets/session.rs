//! See `sconce_fuzz::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::session::run(data));
