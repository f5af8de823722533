//! New signing keys. SGX wants the public exponent 3 (SDM 3D, table 35-19), and libraries make keys
//! with 65537: the exponent is exchanged after the primes are found, which is a matter of dividing by
//! three.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use zeroize::Zeroizing;

use super::Error;
use super::der::PrivateKey;

/// More attempts than anybody sees: one fails with probability 3/4.
const ATTEMPTS: usize = 400;

/// A fresh RSAPrivateKey with 3072 bits and exponent 3, in DER.
pub(super) fn generate() -> Result<Zeroizing<Vec<u8>>, Error> {
    for _ in 0..ATTEMPTS {
        let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| Error::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| Error::Generation)?;
        let key = PrivateKey::parse_pkcs8(der.as_ref()).ok_or(Error::Generation)?;
        if let Some(der) = with_exponent_3(&key) {
            return Ok(der);
        }
    }
    Err(Error::Generation)
}

/// The same primes with another pair of exponents; `None` if 3 has no inverse, as one of the primes is
/// 1 modulo 3.
fn with_exponent_3(key: &PrivateKey<'_>) -> Option<Zeroizing<Vec<u8>>> {
    if modulo_3(key.p) != 2 || modulo_3(key.q) != 2 {
        return None;
    }
    // φ(n) = (p - 1)(q - 1) = n - (p - 1) - (q - 1) - 1.
    let (below_p, below_q) = (less(key.p, &[1])?, less(key.q, &[1])?);
    let rest = less(&less(&less(key.n, &below_p)?, &below_q)?, &[1])?;
    let (d, d_p, d_q) = (
        inverse_of_3(&rest),
        inverse_of_3(&below_p),
        inverse_of_3(&below_q),
    );
    let exchanged = PrivateKey {
        e: &[3],
        d: &d,
        d_p: &d_p,
        d_q: &d_q,
        ..*key
    };
    Some(exchanged.to_der())
}

/// Of a big-endian number; 256 is 1 modulo 3.
fn modulo_3(number: &[u8]) -> u16 {
    number
        .iter()
        .fold(0, |rest, byte| (rest + u16::from(*byte)) % 3)
}

/// `number - other`, big-endian with as many octets as `number`; `None` if it's negative.
fn less(number: &[u8], other: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut difference = Zeroizing::new(number.to_vec());
    let mut borrow = 0;
    let others = other.iter().rev().copied().chain(std::iter::repeat(0));
    for (octet, other) in difference.iter_mut().rev().zip(others) {
        let rest = i16::from(*octet) - i16::from(other) - borrow;
        *octet = rest.rem_euclid(256) as u8;
        borrow = i16::from(rest < 0);
    }
    (borrow == 0 && other.len() <= number.len()).then_some(difference)
}

/// (2·modulus + 1) / 3, which times 3 is 1 modulo `modulus` where that is 1 modulo 3. Without zeros in
/// front.
fn inverse_of_3(modulus: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut number = Zeroizing::new(Vec::with_capacity(modulus.len() + 1));
    number.push(0);
    number.extend_from_slice(modulus);
    let mut carry = 1;
    for octet in number.iter_mut().rev() {
        let doubled = u16::from(*octet) * 2 + carry;
        (*octet, carry) = (doubled as u8, doubled >> 8);
    }
    let mut rest = 0;
    for octet in number.iter_mut() {
        let dividend = rest << 8 | u16::from(*octet);
        (*octet, rest) = ((dividend / 3) as u8, dividend % 3);
    }
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    Zeroizing::new(number.get(zeros..).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_its_inverse_is_one() {
        for modulus in (4_u64..2000).step_by(3).chain([u64::MAX - 2]) {
            let digits = inverse_of_3(&modulus.to_be_bytes());
            let inverse = digits
                .iter()
                .fold(0, |number, digit| number << 8 | u128::from(*digit));
            assert_eq!(inverse * 3 % u128::from(modulus), 1, "{modulus}");
        }
    }

    #[test]
    fn a_difference_borrows() {
        assert_eq!(less(&[1, 0, 0], &[1]).unwrap().as_slice(), [0, 255, 255]);
        assert_eq!(less(&[5, 6], &[5, 6]).unwrap().as_slice(), [0, 0]);
        assert!(less(&[5, 6], &[5, 7]).is_none());
        assert!(less(&[5], &[1, 0]).is_none());
    }

    #[test]
    fn keys_are_different_and_the_library_finds_them_sound() {
        let (first, second) = (generate().unwrap(), generate().unwrap());
        assert_ne!(first, second);
        let key = PrivateKey::parse(&first).unwrap();
        assert_eq!((key.e, key.n.len()), (&[3][..], 384));
        assert_eq!(key.to_der(), first);
        RsaKeyPair::from_der(&first).unwrap();
    }
}
