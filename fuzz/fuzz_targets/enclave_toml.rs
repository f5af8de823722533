//! See `sconce_fuzz::enclave_toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::enclave_toml::run(data));
