//! See `sconce_fuzz::report_socket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sconce_fuzz::report_socket::run(data));
