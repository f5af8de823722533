//! See `sconce_fuzz::file_manifest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::file_manifest::run(data));
