//! See `sconce_fuzz::collateral`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::collateral::run(data));
