//! See `sconce_fuzz::request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::request::run(data));
