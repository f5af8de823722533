//! Keys that are no good for SGX, in PEM form.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use protocol::crypto::pem;

/// Too short.
pub(crate) fn rsa_2048() -> String {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    pem::encode("PRIVATE KEY", der.as_ref())
}

/// RSA-3072 as libraries make it: with the exponent 65537.
pub(crate) fn usual_exponent() -> &'static [u8] {
    include_bytes!("../../keys/worker-encryption.pem")
}

pub(crate) fn elliptic() -> String {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
    pem::encode("PRIVATE KEY", der.as_ref())
}

/// Changes a letter in the middle, where a private key's secret numbers stand.
pub(crate) fn damage(key: &mut [u8]) {
    let middle = key.len() * 6 / 10;
    let at = (middle..).find(|at| key[*at].is_ascii_lowercase()).unwrap();
    key[at] = if key[at] == b'z' { b'a' } else { key[at] + 1 };
}
