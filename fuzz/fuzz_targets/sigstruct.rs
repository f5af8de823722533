//! See `sconce_fuzz::sigstruct`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::sigstruct::run(data));
