//! See `sconce_fuzz::vault_http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::vault_http::run(data));
