//! See `sconce_fuzz::kt_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::kt_json::run(data));
