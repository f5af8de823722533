//! A SIGSTRUCT, and one that holds with some of its bytes changed; dates and digests as texts.

use std::str::from_utf8;

use sgx::Digest;
use sgx::sigstruct::{Date, SIZE, Sigstruct};

/// One that holds.
pub(crate) const GOOD: &[u8; SIZE] = include_bytes!("../../sgx/tests/data/strict.sig");

/// `data` is all of that: a whole SIGSTRUCT if it is as long as one, a list of changes (where, as
/// two bytes, and to what), a text.
pub fn run(data: &[u8]) {
    match Sigstruct::parse(data) {
        Ok(sigstruct) => check(&sigstruct),
        Err(error) => assert!(data.len() != SIZE && error.0 == data.len()),
    }
    let mut changed = *GOOD;
    let (changes, _) = data.as_chunks::<3>();
    for [high, low, to] in changes {
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        changed[at % SIZE] = *to;
    }
    check(&Sigstruct::from_bytes(&changed));
    if let Ok(text) = from_utf8(data) {
        texts(text);
    }
}

/// Nobody here has a key: only what was signed holds.
fn check(sigstruct: &Sigstruct) {
    let body = sigstruct.body();
    assert!(!body.date.to_string().is_empty());
    match sigstruct.verify() {
        Ok(verified) => {
            assert_eq!(sigstruct.as_bytes(), GOOD);
            assert_eq!(verified.body().to_be_signed(), sigstruct.to_be_signed());
        }
        Err(faults) => {
            assert!(sigstruct.as_bytes() != GOOD);
            assert!(
                !faults.to_string().is_empty() && faults.einit().starts_with("SGX_INVALID_SIG")
            );
        }
    }
}

/// What is read is written as it was.
fn texts(text: &str) {
    if let Ok(date) = text.parse::<Date>() {
        assert_eq!(date.to_string(), text);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text.to_lowercase());
    }
    if let Ok(seconds) = text.parse()
        && let Ok(date) = Date::from_unix(seconds)
    {
        assert_eq!(date.to_string().parse(), Ok(date));
    }
}
