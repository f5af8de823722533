//! See `sconce_fuzz::sgxs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::sgxs::run(data));
